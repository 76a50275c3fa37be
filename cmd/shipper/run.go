package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"shipper/internal/durable"
	"shipper/pkg/config"
	"shipper/pkg/daemon"
)

func newRun(g *global) *cobra.Command {
	var once, dry bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Tail and send",
		Long: `Tail the configured files and send their lines until TERM or INT; then send what has been read and exit.
A second INT exits at once: nothing is lost, some lines may be sent again after the next start.

With --once everything that is in the files now is sent, and the command ends. Exit codes: 0 all of it was
accepted; 66 no file matched; 69 the endpoint cannot be reached; 74 a local file (a key, say) cannot be read;
75 stopped with lines unsent (they are safe); 77 the cloud said no.

With --dry-run everything that is in the files now is read, goes through the steps and is made into requests, and
nothing is sent, to nobody: it tells how much that would be. No position moves, and a daemon may run beside it.
Exit codes: 0; 66 no file matched; 73 the state directory cannot be read; 75 interrupted.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.loadConfig()
			if err != nil {
				return err
			}
			log, level := g.leveled(cfg.Log)
			for _, w := range cfg.Warnings {
				log.Warn(w.Message, w.Attrs()...)
			}
			if dry {
				return g.dryRun(cmd.Context(), cfg, log)
			}
			d, err := daemon.New(cmd.Context(), cfg, daemon.Options{
				Version: buildVersion(), Log: log, Once: once, Level: level, Source: &config.Options{Path: g.config, Set: g.set},
			})
			if err != nil {
				return fail(startCode(err), err)
			}
			ctx, stop := signals(cmd.Context(), d.Hurry)
			defer stop()
			if !once {
				defer onHangup(ctx, d.Reload)()
			}
			return ended(d.Run(ctx))
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "send what is there now, then exit")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "read what is there now and tell what would be sent; send nothing, move no position")
	return cmd
}

// signals ends the context at the first TERM or INT and calls hurry at the second INT.
func signals(parent context.Context, hurry func()) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		for {
			select {
			case s := <-ch:
				if ctx.Err() != nil && s == syscall.SIGINT {
					hurry()
				}
				cancel(fmt.Errorf("%v", s))
			case <-parent.Done():
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(ch); cancel(nil) }
}

// startCode tells what kind of trouble kept the daemon from starting.
func startCode(err error) int {
	if _, ok := errors.AsType[*durable.LockedError](err); ok {
		return exitState
	}
	if _, ok := errors.AsType[*daemon.StateError](err); ok {
		return exitState
	}
	if _, ok := errors.AsType[*daemon.SettingError](err); ok {
		return exitConfig
	}
	return exitIO
}

// ended turns what Run returned into an exit code.
func ended(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, daemon.ErrNoInput):
		return fail(exitNoInput, err)
	case errors.Is(err, daemon.ErrDenied):
		return fail(exitDenied, err)
	case errors.Is(err, daemon.ErrUnreachable):
		return fail(exitUnavailable, err)
	case errors.Is(err, daemon.ErrIdentity):
		return fail(exitIO, err)
	case errors.Is(err, daemon.ErrUnsent): // the others leave lines unsent, too, and know why
		return fail(exitUnsent, err)
	}
	return fail(exitIO, err)
}
