package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"shipper/internal/stdlog"
	"shipper/pkg/config"
)

// loadConfig reads the configuration that the global flags name. What is wrong with it is printed whole, as it stands.
func (g *global) loadConfig() (*config.Config, error) {
	cfg, err := config.Load(config.Options{Path: g.config, Set: g.set})
	if _, ok := errors.AsType[config.Errors](err); ok {
		fmt.Fprint(g.stderr, err.Error())
		return nil, exit(exitConfig)
	}
	if err != nil {
		return nil, fail(exitConfig, err)
	}
	return cfg, nil
}

// asking reads the configuration for a command that asks a running daemon. Files that have errors by now (broken) do not keep the
// daemon from running with what it had: cfg then says where it may be asked, as far as they can be read.
func (g *global) asking() (cfg *config.Config, broken error) {
	return config.Whereabouts(config.Options{Path: g.config, Set: g.set})
}

// asked turns what came of asking into the error of the command: where no daemon answers, broken files are the likelier trouble.
func (g *global) asked(err, broken error) error {
	f, _ := errors.AsType[*failure](err)
	switch {
	case broken == nil:
	case f != nil && f.code == exitUnavailable:
		fmt.Fprint(g.stderr, broken.Error())
		return exit(exitConfig)
	case err == nil && !g.quiet:
		fmt.Fprintln(g.stderr, "shipper: the configuration on the disk has errors (shipper validate shows them), and the daemon goes on with what it had")
	}
	return err
}

// logger makes the daemon's log as [log] and the flags say.
func (g *global) logger(cfg config.Log) *slog.Logger {
	l, _ := g.leveled(cfg)
	return l
}

// leveled is logger with the level that a reload may change; nil if a flag has set it.
func (g *global) leveled(cfg config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level.Set(slog.LevelInfo) // the configuration was validated
	}
	free := level
	switch {
	case g.verbose:
		level.Set(slog.LevelDebug)
		free = nil
	case g.quiet:
		level.Set(slog.LevelError)
		free = nil
	}
	format := cfg.Format
	if format == "auto" {
		format = stdlog.JSON
		if f, ok := g.stderr.(*os.File); ok {
			format = stdlog.Detect(f, isTerminal(f), os.Getenv)
		}
	}
	h := stdlog.New(g.stderr, format, level, g.colored(g.stderr))
	if g.stderr == io.Writer(os.Stderr) { // what net/http says of an answer that nobody asked for, without format or level
		log.SetFlags(0)
		log.SetOutput(slog.NewLogLogger(h, slog.LevelDebug).Writer())
	}
	return slog.New(h), free
}

func newValidate(g *global) *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check the configuration, offline",
		Long: `Check the configuration, offline: every error of every file at once, each with its place.

With --print the merged result is shown, each value with where it came from; secrets are ***, and so are the path of a
credentials URI and the arguments of a credentials command.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := config.Load(config.Options{Path: g.config, Set: g.set})
			bad, isBad := errors.AsType[config.Errors](err)
			switch {
			case isBad && g.json:
				if _, err := g.stdout.Write(append(bad.JSON(), '\n')); err != nil {
					return fail(exitIO, err)
				}
				return exit(exitConfig)
			case isBad:
				fmt.Fprint(g.stderr, bad.Error())
				return exit(exitConfig)
			case err != nil:
				return fail(exitConfig, err)
			}
			if len(cfg.Warnings) > 0 {
				fmt.Fprint(g.stderr, cfg.Warnings.String())
			}
			if show {
				return cfg.Print(g.stdout, config.PrintOptions{})
			}
			return g.printValid(g.stdout, cfg)
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "show the merged configuration and where each value came from")
	return cmd
}

func (g *global) printValid(w io.Writer, cfg *config.Config) error {
	if g.json {
		return printJSON(w, map[string]any{"valid": true, "files": len(cfg.Files), "targets": len(cfg.Targets), "inputs": len(cfg.Inputs), "warnings": cfg.Warnings})
	}
	if g.quiet {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: valid (%s, %s, %s)\n", cmp.Or(g.config, config.DefaultPath),
		count(len(cfg.Files), "file"), count(len(cfg.Targets), "target"), count(len(cfg.Inputs), "input"))
	return err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
