package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/daemon/check"
)

func newCheck(g *global) *cobra.Command {
	var o check.Options
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Walk everything from the configuration to an acknowledged line",
		Long: `Walk everything from the configuration to an acknowledged line, and say of each link whether it holds; if it does
not: why, whose it is to mend (which of the two accounts, or this host), and what to paste.

One line with the tag __check__ is written to each Logstore, and read back where verify is set; with exactly_once it is sent
twice under one number, to see whether the second is refused. --no-write leaves that out. A running daemon is not disturbed.
Run it as the user of the service, so that it sees what the service will see.

Exit codes: 0 nothing failed (there may be warnings); 77 all that failed are refusals by the cloud; 69 all that failed
are endpoints that cannot be reached; 1 anything else; 78 the configuration cannot be loaded.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return g.check(ctx, o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.NoWrite, "no-write", false, "write no line")
	f.StringArrayVar(&o.Targets, "target", nil, "only this `target`; may be repeated")
	return cmd
}

func (g *global) check(ctx context.Context, o check.Options) error {
	cfg, err := config.Load(config.Options{Path: g.config, Set: g.set})
	if bad, ok := errors.AsType[config.Errors](err); ok {
		if !g.json {
			fmt.Fprint(g.stderr, bad.Error())
			return exit(exitConfig)
		}
		if err := printJSON(g.stdout, check.BadConfig(bad)); err != nil {
			return fail(exitIO, err)
		}
		return exit(exitConfig)
	}
	if err != nil {
		return fail(exitConfig, err)
	}
	if err := knownTargets(cfg, o.Targets); err != nil {
		return err
	}
	out := g.checkPrinter(cfg, &o)
	report := check.Run(ctx, cfg, o)
	if g.json {
		err = printJSON(g.stdout, report)
	} else {
		err = out.end(report, checkExit(report))
	}
	if err != nil {
		return fail(exitIO, err)
	}
	if ctx.Err() != nil {
		return failf(exitProblem, "check: %w", context.Cause(ctx))
	}
	if code := checkExit(report); code != exitOK {
		return exit(code)
	}
	return nil
}

func checkExit(r check.Report) int {
	switch r.Outcome() {
	case check.Passed:
		return exitOK
	case check.Denied:
		return exitDenied
	case check.Unreachable:
		return exitUnavailable
	}
	return exitProblem
}

// knownTargets refuses names that are no targets.
func knownTargets(cfg *config.Config, names []string) error {
	var known []string
	for name := range cfg.Targets {
		known = append(known, name)
	}
	slices.Sort(known)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return failf(exitUsage, "--target %q: the configuration has %v", name, known)
		}
	}
	return nil
}
