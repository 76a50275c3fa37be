package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"

	"shipper/pkg/config"
	"shipper/pkg/daemon"
)

// dryFiles is how many files are listed one by one, unless --verbose asks for all.
const dryFiles = 30

// dryRun tells what a run would send.
func (g *global) dryRun(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	out, err := daemon.Dry(ctx, cfg, daemon.Options{Version: buildVersion(), Log: log})
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return failf(exitState, "positions cannot be read: run it as root or as the daemon's user: %w", err)
		}
		if code := startCode(err); code != exitIO {
			return fail(code, err)
		}
		return ended(err)
	}
	if g.json {
		err = printJSON(g.stdout, struct {
			Schema int `json:"schema"`
			*daemon.DryRun
		}{1, out})
	} else if !g.quiet {
		err = g.printDry(g.stdout, out)
	}
	switch {
	case err != nil:
		return fail(exitIO, err)
	case !out.Complete:
		return failf(exitUnsent, "interrupted: the figures are of what was read until then")
	}
	return nil
}

func (g *global) printDry(w io.Writer, d *daemon.DryRun) error {
	fmt.Fprint(w, "dry run: nothing was sent, no position was moved\n\n")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TARGET\tLOGSTORE\tREQUESTS\tLOGS\tRAW\tCOMPRESSED")
	for _, t := range d.Targets {
		fmt.Fprintf(tw, "%s\t%s/%s\t%d\t%d\t%s\t%s\n", t.Name, t.Project, t.Logstore, t.Requests, t.Logs, humanBytes(t.Raw), humanBytes(t.Compressed))
	}
	fmt.Fprintln(tw, "\nINPUT\tFILE\tFROM\tREAD\tIN LOGS\tSKIPPED\tLOST")
	files := d.Files
	if !g.verbose {
		files = slices.DeleteFunc(slices.Clone(files), func(f daemon.DryFile) bool { return f.Read == 0 })
		files = files[:min(len(files), dryFiles)]
	}
	for _, f := range files {
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%d\t%d\t%d\n", f.Input, visible(f.Path), f.From, f.Read, f.Sent, f.Skipped, f.Lost)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if rest := len(d.Files) - len(files); rest > 0 {
		fmt.Fprintf(w, "%s not shown, most with nothing to read (--verbose shows all)\n", count(rest, "file"))
	}
	notes := false
	note := func(format string, args ...any) {
		if !notes {
			fmt.Fprintln(w)
		}
		notes = true
		fmt.Fprintf(w, format+"\n", args...)
	}
	for _, f := range d.Files {
		if f.Error != "" {
			note("! %s: %s", visible(f.Path), visible(f.Error))
		}
	}
	for _, in := range d.Inputs {
		if in.Dropped > 0 {
			note("input %s: steps drop %s", in.Name, count(int(in.Dropped), "log"))
		}
		for _, s := range in.Steps {
			note("input %s: %s that step %q could not make sense of; they go as they are", in.Name, count(int(s.Failed), "log"), s.Name)
		}
	}
	return nil
}
