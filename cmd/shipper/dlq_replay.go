package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shipper/internal/backoff"
	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/daemon"
	"shipper/pkg/producer"
	"shipper/pkg/producer/deadletter"
)

func newDLQReplay(g *global) *cobra.Command {
	var all bool
	var target string
	cmd := &cobra.Command{
		Use:   "replay ID... | --all | --target NAME",
		Short: "Send dead letters again and remove those that are accepted",
		Long: `Send dead letters again, to the target's Logstore as it is configured now, and remove those that are accepted. Exit codes:
0 all were accepted; 1 some were refused again and stay; 69 the endpoint cannot be reached; 75 interrupted; 77 the cloud
said no; 78 some are for a target that is not configured, and stay. INT or TERM ends it behind the letter that is on its way, a second one at once. A kill in between may leave letters that were accepted: they would be sent twice.`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			choose, err := chooseLetters(ids, all, target, 0)
			if err != nil {
				return err
			}
			cfg, store, err := g.letters()
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second one ends the process
			r := &replay{g: g, cfg: cfg, store: store, log: g.logger(cfg.Log), lines: map[string]*line{}, strange: map[string]int{}}
			err = g.eachLetter(store, func(l deadletter.Letter) error {
				if !choose(l) {
					return nil
				}
				ids = slices.DeleteFunc(ids, func(id string) bool { return id == l.ID })
				return r.letter(ctx, l)
			})
			return r.end(err, ids)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every letter")
	cmd.Flags().StringVar(&target, "target", "", "every letter of the target with this `name`")
	return cmd
}

// chooseLetters makes a choice out of arguments and flags. Saying nothing chooses nothing: it is an error.
func chooseLetters(ids []string, all bool, target string, older time.Duration) (func(deadletter.Letter) bool, error) {
	ids = slices.Clone(ids)
	switch {
	case len(ids) == 0 && !all && target == "" && older == 0:
		return nil, failf(exitUsage, "which letters? IDs from shipper dlq list, or --all, or another flag that chooses")
	case len(ids) > 0 && (all || target != "" || older != 0):
		return nil, failf(exitUsage, "either IDs or flags that choose")
	}
	before := time.Now().Add(-older)
	return func(l deadletter.Letter) bool {
		return (len(ids) == 0 || slices.Contains(ids, l.ID)) && (target == "" || l.Target == target) && (older == 0 || l.Time.Before(before))
	}, nil
}

// replay is one run of the command.
type replay struct {
	g     *global
	cfg   *config.Config
	store *deadletter.Store
	log   *slog.Logger
	lines map[string]*line // by target

	done    []string // accepted and still on the disk
	sent    int
	refused []refusedLetter
	strange map[string]int // letters by targets that the configuration does not have
}

// refusedLetter is one that stays.
type refusedLetter struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// removeEvery bounds how many letters a kill can make be sent twice.
const removeEvery = 64

// letter sends one letter. An error ends the run: what keeps this one from being sent keeps all of them. One that nobody knows where to
// send stays.
func (r *replay) letter(ctx context.Context, l deadletter.Letter) error {
	if _, known := r.cfg.Targets[l.Target]; !known {
		r.strange[l.Target]++
		return nil
	}
	to, err := r.line(l.Target)
	if err != nil {
		return err
	}
	f, err := to.send(ctx, l.Group)
	if err != nil {
		return err
	}
	if f.Verdict != producer.OK {
		r.refused = append(r.refused, refusedLetter{l.ID, f.Code, f.Message})
		return nil
	}
	r.sent++
	if r.done = append(r.done, l.ID); len(r.done) >= removeEvery {
		return r.remove()
	}
	return nil
}

func (r *replay) remove() error {
	if len(r.done) == 0 {
		return nil
	}
	_, err := r.store.Remove(r.done...)
	r.done = nil
	if err == nil {
		err = giveToOwner(r.dir())
	}
	if err != nil {
		return fail(exitIO, fmt.Errorf("letters were accepted and cannot be removed: %w", err))
	}
	return nil
}

func (r *replay) dir() string { return deadLetterDir(r.cfg) }

// end removes what was accepted and reports. missing are ids that no letter has.
func (r *replay) end(err error, missing []string) error {
	err = errors.Join(err, r.remove())
	if r.g.json {
		if perr := printJSON(r.g.stdout, map[string]any{"schema": 1, "sent": r.sent, "refused": append([]refusedLetter{}, r.refused...)}); perr != nil {
			err = errors.Join(err, fail(exitIO, perr))
		}
	} else {
		fmt.Fprintf(r.g.stdout, "%s sent again and removed\n", count(r.sent, "letter"))
		for _, l := range r.refused {
			fmt.Fprintf(r.g.stdout, "refused again: %s %s: %s\n", l.ID, l.Code, l.Message)
		}
	}
	switch {
	case err != nil:
		return err
	case len(r.strange) > 0:
		var names []string
		for _, name := range slices.Sorted(maps.Keys(r.strange)) {
			names = append(names, fmt.Sprintf("%q (%s)", name, count(r.strange[name], "letter")))
		}
		return failf(exitConfig, "letters stay, because the configuration does not have their target (any more): %s", strings.Join(names, ", "))
	case len(missing) > 0:
		return failf(exitProblem, "%w: %v", deadletter.ErrNotFound, missing)
	case len(r.refused) > 0:
		return exit(exitProblem)
	}
	return nil
}

// line is the way to one target.
type line struct {
	name   string
	client *producer.Client
	creds  *creds.Provider
	cred   *creds.Credentials
	offset time.Duration // service's clock minus ours
	retry  producer.RetryConfig
	limit  time.Duration
}

func (r *replay) line(name string) (*line, error) {
	if l := r.lines[name]; l != nil {
		return l, nil
	}
	cfg := r.cfg.Targets[name]
	client, err := producer.NewClient(cfg.Config, nil)
	if err != nil {
		return nil, fail(exitConfig, err)
	}
	provider, err := daemon.NewProvider(r.cfg, cfg, r.log.With("target", name))
	if err != nil {
		return nil, failf(exitConfig, "target %s: %w", name, err)
	}
	l := &line{name: name, client: client, creds: provider, retry: cfg.Retry, limit: r.cfg.Agent.DrainLimit.D()}
	r.lines[name] = l
	return l, nil
}

// send posts a LogGroup until there is a verdict about the group itself. It gives up as run --once does: at once when the cloud
// says no, after drain_limit when it cannot be reached.
func (l *line) send(ctx context.Context, group []byte) (producer.Finding, error) {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.limit) // what is on its way may be stored: it is waited for
	defer cancel()
	wait := backoff.New(l.retry.Min.D(), l.retry.Max.D(), nil)
	renewed := false
	for {
		if ctx.Err() != nil {
			return producer.Finding{}, errInterrupted()
		}
		f, err := l.post(limit, group)
		if err != nil {
			return f, err
		}
		switch f.Verdict {
		case producer.OK, producer.Split, producer.Reject:
			return f, nil
		case producer.Sanitise:
			mended, ok := producer.Mend(group, f, time.Now().Add(l.offset))
			if !ok || slices.Equal(mended, group) {
				return f, nil
			}
			group = mended
			continue
		case producer.Renew:
			if renewed {
				return f, denied(l.name, f)
			}
			renewed, l.cred = true, nil
			continue
		case producer.Hold:
			return f, denied(l.name, f)
		}
		pause := time.NewTimer(wait.Next())
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return f, errInterrupted()
		case <-limit.Done():
			pause.Stop()
			return f, failf(exitUnavailable, "target %s: %w: %s", l.name, daemon.ErrUnreachable, f)
		}
	}
}

func errInterrupted() error {
	return failf(exitUnsent, "interrupted: letters that were not accepted stay")
}

func denied(target string, f producer.Finding) error {
	return failf(exitDenied, "target %s: %w: %s (%s; %s)", target, daemon.ErrDenied, f, f.Cause, f.Fix)
}

// post makes one attempt.
func (l *line) post(ctx context.Context, group []byte) (producer.Finding, error) {
	if l.cred == nil {
		cred, err := l.creds.Fetch(ctx)
		if err != nil {
			return producer.Finding{}, l.noCredential(err)
		}
		l.cred = cred
	}
	body, err := l.client.Encode(group)
	if err != nil {
		return producer.Finding{}, fail(exitIO, err)
	}
	defer body.Free()
	reply, err := l.client.Post(ctx, l.cred, body, time.Now().Add(l.offset))
	f := producer.Classify(reply, err)
	if f.Verdict == producer.Clock && !reply.Time.IsZero() {
		l.offset = reply.Offset
	}
	return f, nil
}

// noCredential tells a refusal from trouble on the way.
func (l *line) noCredential(err error) error {
	e, ok := errors.AsType[*creds.Error](err)
	if _, wrong := errors.AsType[*creds.WrongAccountError](err); wrong || ok && e.Class >= creds.Stale {
		return failf(exitDenied, "target %s: %w: %w", l.name, daemon.ErrDenied, err)
	}
	return failf(exitUnavailable, "target %s: no credential: %w", l.name, err)
}
