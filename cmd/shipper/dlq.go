package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/producer/deadletter"
)

func newDLQ(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Dead letters: logs that the service refused for ever",
		Long: `Dead letters are logs that the service refused for ever, kept below the state directory with the reason. Look at them, send
them again when the cause is gone, or throw them away. A running daemon is not disturbed.`,
		Args: noArgs,
		RunE: help,
	}
	cmd.AddCommand(newDLQList(g), newDLQShow(g), newDLQReplay(g), newDLQPurge(g))
	return cmd
}

// letterLine is a letter without its logs, as dlq list prints it.
type letterLine struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	Target    string    `json:"target"`
	Project   string    `json:"project"`
	Logstore  string    `json:"logstore"`
	Path      string    `json:"path"`
	From      int64     `json:"from"` // bytes [from, to) of the file
	To        int64     `json:"to"`
	Logs      int       `json:"logs"`
	Status    int       `json:"status,omitempty"`
	Code      string    `json:"code"`
	Message   string    `json:"message"`
	RequestID string    `json:"request_id"`
}

func withoutLogs(l deadletter.Letter) letterLine {
	return letterLine{l.ID, l.Time, l.Target, l.Project, l.Logstore, l.Path, l.From, l.To, l.Logs, l.Status, l.Code, l.Message, l.RequestID}
}

// letters opens the dead-letter directory. A directory that is not there is an empty one; it is not made.
func (g *global) letters() (*config.Config, *deadletter.Store, error) {
	cfg, err := g.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	dir := deadLetterDir(cfg)
	if _, err := os.Stat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return cfg, nil, nil
		}
		return nil, nil, fail(exitState, fmt.Errorf("dead letters: %w", err))
	}
	store, err := deadletter.Open(dir, deadletter.Options{Max: cfg.DeadLetter.Max, Log: g.logger(cfg.Log)})
	if err != nil {
		return nil, nil, fail(exitState, err)
	}
	return cfg, store, nil
}

// eachLetter walks over the letters, oldest first, and tells about lines that are none. store may be nil.
func (g *global) eachLetter(store *deadletter.Store, visit func(deadletter.Letter) error) error {
	if store == nil {
		return nil
	}
	for l, err := range store.List() {
		if bad, ok := errors.AsType[*deadletter.DamagedError](err); ok {
			fmt.Fprintln(g.stderr, "shipper: left alone:", bad)
			continue
		}
		if err == nil {
			err = visit(l)
		}
		if err != nil {
			if _, ok := errors.AsType[*failure](err); ok {
				return err
			}
			return fail(exitIO, err)
		}
	}
	return nil
}

func newDLQList(g *global) *cobra.Command {
	var target string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the dead letters, oldest first",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, store, err := g.letters()
			if err != nil {
				return err
			}
			lines := []letterLine{}
			err = g.eachLetter(store, func(l deadletter.Letter) error {
				if target == "" || l.Target == target {
					lines = append(lines, withoutLogs(l))
				}
				return nil
			})
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.stdout, map[string]any{"schema": 1, "letters": lines})
			}
			return printLetters(g.stdout, lines)
		},
	}
	cmd.Flags().StringVar(&target, "target", "", "only letters of the target with this `name`")
	return cmd
}

func printLetters(w io.Writer, lines []letterLine) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tTIME\tTARGET\tFILE:BYTES\tLOGS\tCODE\tMESSAGE")
	for _, l := range lines {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s:%d-%d\t%d\t%s\t%s\n", l.ID, l.Time.Local().Format("2006-01-02 15:04:05"), l.Target, visible(l.Path), l.From, l.To,
			l.Logs, visible(l.Code), visible(l.Message))
	}
	return tw.Flush()
}

func newDLQShow(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one dead letter with its logs",
		Args:  oneArg("an ID, as shipper dlq list shows it"),
		RunE: func(_ *cobra.Command, args []string) error {
			_, store, err := g.letters()
			if err != nil {
				return err
			}
			if store == nil {
				return failf(exitProblem, "%w: %s", deadletter.ErrNotFound, args[0])
			}
			l, err := store.Show(args[0])
			if errors.Is(err, deadletter.ErrNotFound) {
				return fail(exitProblem, err)
			}
			if err != nil {
				return fail(exitIO, err)
			}
			group, err := deadletter.Decode(l.Group)
			if err != nil {
				return failf(exitIO, "letter %s: %w", l.ID, err)
			}
			if g.json {
				return printJSON(g.stdout, struct {
					Schema int `json:"schema"`
					letterLine
					Group deadletter.Group `json:"group"`
				}{1, withoutLogs(l), group})
			}
			return printLetter(g.stdout, withoutLogs(l), group)
		},
	}
}

func printLetter(w io.Writer, l letterLine, group deadletter.Group) error {
	fmt.Fprintf(w, "letter   %s of %s\ntarget   %s (%s/%s)\nfile     %s, bytes %d to %d\nrefused  %s: %s\n", l.ID, l.Time.Local().Format(time.RFC3339),
		l.Target, l.Project, l.Logstore, visible(l.Path), l.From, l.To, visible(l.Code), visible(l.Message))
	if l.RequestID != "" {
		fmt.Fprintf(w, "request  %s\n", l.RequestID)
	}
	for _, kv := range group.Tags {
		fmt.Fprintf(w, "tag      %s = %q\n", kv.Key, kv.Value)
	}
	for _, log := range group.Logs {
		fmt.Fprintf(w, "\n%s\n", log.Time.Local().Format("2006-01-02 15:04:05.999999999"))
		for _, kv := range log.Fields {
			if _, err := fmt.Fprintf(w, "  %s = %q\n", kv.Key, kv.Value); err != nil {
				return err
			}
		}
	}
	return nil
}
