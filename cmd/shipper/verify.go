package main

import (
	"cmp"
	"context"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/daemon/check"
)

func newVerify(g *global) *cobra.Command {
	var o check.Options
	var timeout time.Duration
	var filesOnly bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that what was acknowledged is there: the files against the positions, a line against the Logstore",
		Long: `Prove that what was acknowledged is there.

Files: every file is compared with what the state directory says of it: do the books balance, are its beginning and the
bytes before the committed offset still those that were read, how much is not read yet, was anything lost or put aside?
Nothing is changed, and a running daemon is not disturbed.

Logstore: for each target with verify = "GROUP" one line with the tag __check__ is written, and read back through that
consumer group. Its role needs the seven read permissions that shipper policy writes once verify is set; the token for
it is a separate one, and the daemon's own can still only write.

Exit codes: 0 nothing is wrong; 1 bytes are lost, the books are not right, or the line did not come; 77 all that failed are
refusals by the cloud; 69 all that failed are endpoints that cannot be reached; 73 the state directory cannot be read; 78
configuration.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return failf(exitUsage, "--timeout %s: write a time such as 30s", timeout)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			o.ReadBack = timeout
			return g.verify(ctx, o, filesOnly)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Targets, "target", nil, "only this `target`; may be repeated")
	f.DurationVar(&timeout, "timeout", time.Minute, "how long to wait for the line")
	f.BoolVar(&filesOnly, "files", false, "compare the files only; write nothing")
	return cmd
}

// verifyReport is what verify prints as JSON.
type verifyReport struct {
	Schema   int            `json:"schema"`
	OK       bool           `json:"ok"`
	StateDir string         `json:"state_dir"`
	Damage   []string       `json:"damage"` // what cannot be read of the state directory
	Files    []auditedFile  `json:"files"`
	Steps    []check.Step   `json:"steps"`            // the way of the line; see check --json
	Off      []string       `json:"targets_off"`      // targets without verify
	Totals   map[string]int `json:"files_by_verdict"` // verdict -> files
}

func (g *global) verify(ctx context.Context, o check.Options, filesOnly bool) error {
	cfg, err := g.loadConfig()
	if err != nil {
		return err
	}
	if err := knownTargets(cfg, o.Targets); err != nil {
		return err
	}
	r, err := g.audit(ctx, cfg, o.Targets)
	if err != nil {
		return err
	}
	if !g.json {
		if err := g.printAudit(r); err != nil {
			return fail(exitIO, err)
		}
	}
	var lines check.Report
	lines.OK = true
	if !filesOnly {
		r.Off = off(cfg, o.Targets)
		out := g.checkPrinter(cfg, &o)
		lines = check.Verify(ctx, cfg, o)
		if !g.json && len(lines.Steps) > 0 {
			if err := out.end(lines, checkExit(lines)); err != nil {
				return fail(exitIO, err)
			}
		}
	}
	r.Steps = append(r.Steps, lines.Steps...)
	r.OK = r.Totals[auditProblem] == 0 && len(r.Damage) == 0 && lines.OK
	if err := g.printVerdict(r); err != nil {
		return fail(exitIO, err)
	}
	switch code := checkExit(lines); {
	case ctx.Err() != nil:
		return failf(exitProblem, "verify: %w", context.Cause(ctx))
	case r.OK:
		return nil
	case code != exitOK && r.Totals[auditProblem] == 0 && len(r.Damage) == 0:
		return exit(code)
	}
	return exit(exitProblem)
}

// off are the targets that are not set up for reading back.
func off(cfg *config.Config, only []string) []string {
	out := []string{}
	for _, name := range targetNames(cfg, only) {
		if cfg.Targets[name].Verify == "" {
			out = append(out, name)
		}
	}
	return out
}

// printVerdict ends the report.
func (g *global) printVerdict(r *verifyReport) error {
	if g.json {
		return printJSON(g.stdout, r)
	}
	if g.quiet && r.OK {
		return nil
	}
	if len(r.Off) > 0 {
		if _, err := fmt.Fprintf(g.stdout, "No line was read back for %s: set [target.NAME] verify = \"shipper-verify\", let the owner of the Logstore attach what\n"+
			"shipper policy role then prints, and run this again.\n", strings.Join(r.Off, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// printAudit is the table of the files.
func (g *global) printAudit(r *verifyReport) error {
	for _, d := range r.Damage {
		fmt.Fprintln(g.stderr, "shipper: state directory:", visible(d))
	}
	tw := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	shown := 0
	for _, f := range r.Files {
		if g.quiet && f.Verdict != auditProblem {
			continue
		}
		if shown++; shown == 1 {
			fmt.Fprintln(tw, "VERDICT\tINPUT\tTARGET\tFILE\tACKED\tPENDING\tDEAD\tLOST\tSKIPPED\tUNREAD\tREMARK")
		}
		unread := fmt.Sprint(f.Unread)
		if f.Unread < 0 {
			unread = "-"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\n", f.Verdict, f.Input, f.Target, visible(cmp.Or(f.Found, f.Path)),
			f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped, unread, visible(strings.Join(f.Remarks, "; ")))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if g.quiet {
		return nil
	}
	_, err := fmt.Fprintf(g.stdout, "%s: %s, %d right, %d to look at, %d wrong\n\n", r.StateDir, count(len(r.Files), "file"), r.Totals[auditOK], r.Totals[auditLook], r.Totals[auditProblem])
	return err
}
