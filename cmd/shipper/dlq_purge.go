package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/producer/deadletter"
)

func deadLetterDir(cfg *config.Config) string {
	return filepath.Join(cfg.Agent.StateDir, cfg.DeadLetter.Dir)
}

func newDLQPurge(g *global) *cobra.Command {
	var all, yes bool
	var target, older string
	cmd := &cobra.Command{
		Use:   "purge ID... | --all | --target NAME | --older AGE",
		Short: "Throw dead letters away",
		Long:  `Throw dead letters away for good. It asks on a terminal; elsewhere it wants --yes.`,
		RunE: func(_ *cobra.Command, ids []string) error {
			age, err := parseAge(older)
			if err != nil {
				return err
			}
			choose, err := chooseLetters(ids, all, target, age)
			if err != nil {
				return err
			}
			cfg, store, err := g.letters()
			if err != nil {
				return err
			}
			return g.purge(cfg, store, choose, all && target == "" && older == "", yes, len(ids))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&all, "all", false, "every letter, and lines that are none")
	f.StringVar(&target, "target", "", "every letter of the target with this `name`")
	f.StringVar(&older, "older", "", "letters of at least this `age`, such as 7d")
	f.BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// parseAge reads "7d", "36h" and the like; "" is zero.
func parseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	age, err := time.ParseDuration(s)
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		var n float64
		if n, err = strconv.ParseFloat(days, 64); err == nil && !(n < 36500) {
			err = strconv.ErrRange
		}
		age = time.Duration(n * float64(24*time.Hour))
	}
	if err != nil || age <= 0 {
		return 0, failf(exitUsage, "--older %q: write an age such as 7d or 36h", s)
	}
	return age, nil
}

func (g *global) purge(cfg *config.Config, store *deadletter.Store, choose func(deadletter.Letter) bool, everything, yes bool, named int) error {
	chosen := map[string]bool{}
	logs := 0
	err := g.eachLetter(store, func(l deadletter.Letter) error {
		if choose(l) {
			chosen[l.ID] = true
			logs += l.Logs
		}
		return nil
	})
	if err != nil {
		return err
	}
	removed := 0
	if len(chosen) > 0 || everything && store != nil {
		if !yes && !g.confirm(fmt.Sprintf("Throw %s with %s away for good?", count(len(chosen), "letter"), count(logs, "log"))) {
			return failf(exitUsage, "nothing was thrown away: %s with %s were chosen; say --yes", count(len(chosen), "letter"), count(logs, "log"))
		}
		// A letter that is written meanwhile was not asked about: it stays.
		pick := func(l deadletter.Letter) bool { return chosen[l.ID] }
		if removed, err = store.Purge(pick); err == nil && everything {
			err = store.PurgeDamaged()
		}
		if err == nil {
			err = giveToOwner(deadLetterDir(cfg))
		}
		if err != nil {
			return fail(exitIO, err)
		}
	}
	if g.json {
		err = printJSON(g.stdout, map[string]any{"schema": 1, "removed": removed})
	} else {
		_, err = fmt.Fprintf(g.stdout, "%s thrown away\n", count(removed, "letter"))
	}
	if err == nil && named > len(chosen) {
		return failf(exitProblem, "%w: %d of %d IDs", deadletter.ErrNotFound, named-len(chosen), named)
	}
	return err
}

// confirm asks on the terminal; without one the answer is no.
func (g *global) confirm(question string) bool {
	if !isTerminal(os.Stdin) {
		return false
	}
	fmt.Fprint(g.stderr, question+" [y/N] ")
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}
