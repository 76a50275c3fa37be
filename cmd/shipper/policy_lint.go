package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/daemon/check"
	"shipper/pkg/ram"
)

func newPolicyLint(g *global, p *policyFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE",
		Short: "Would this document allow what is needed, and what else? (- is standard input)",
		Long: `Lint an existing RAM document: does it allow what the configuration needs, what else does it allow, and into which of
the known traps does it fall? The kind of document (trust, role or caller) is told from its content. Without a
configuration only the document itself is looked at. With --caller, --caller-account or --ask a trust policy is
compared with who the hosts are. Several documents of a role are judged together when they stand in one JSON array, as
policy role writes them.

Exit codes: 0 no errors (there may be warnings); 1 errors.`,
		Args: oneArg("the file with the document, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readDocument(cmd.InOrStdin(), args[0])
			if err != nil {
				return fail(exitUsage, err)
			}
			need := []check.Set{{}}
			cfg, err := config.Load(config.Options{Path: g.config, Set: g.set})
			switch {
			case err == nil && len(check.Sets(cfg, p.targets...)) > 0:
				if need, err = p.sets(cmd.Context(), cfg); err != nil {
					return err
				}
			case err == nil:
				if err := knownTargets(cfg, p.targets); err != nil {
					return err
				}
			case cmd.Flags().Changed("config") || cmd.Flags().Changed("set") || !missing(g.config):
				if bad, ok := errors.AsType[config.Errors](err); ok {
					fmt.Fprint(g.stderr, bad.Error())
					return exit(exitConfig)
				}
				return fail(exitConfig, err)
			}
			report, set := bestLint(data, need)
			if g.json {
				err = printJSON(g.stdout, report)
			} else {
				err = g.printLint(args[0], report, set)
			}
			if err != nil {
				return fail(exitIO, err)
			}
			if report.Errors() > 0 {
				return exit(exitProblem)
			}
			return nil
		},
	}
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// readDocument reads what RAM would never take whole, and no more.
func readDocument(stdin io.Reader, name string) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, ram.MaxList+1)) // an error names the file
}

// bestLint takes the document for that of the role which it fits best.
func bestLint(data []byte, need []check.Set) (ram.Report, check.Set) {
	best, set := ram.Lint(data, need[0].Plan), need[0]
	for _, s := range need[1:] {
		if r := ram.Lint(data, s.Plan); r.Errors() < best.Errors() {
			best, set = r, s
		}
	}
	return best, set
}

func (g *global) printLint(name string, r ram.Report, s check.Set) error {
	var b strings.Builder
	kind := "not a document that can be read"
	switch r.Document {
	case ram.TrustDocument:
		kind = "a trust policy (who may assume the role)"
	case ram.CallerDocument:
		kind = "a policy of the hosts' user or role (which roles it may assume)"
	case ram.RoleDocument, ram.SessionDocument:
		kind = "a permission policy (what a role may do)"
	}
	if name == "-" {
		name = "standard input"
	}
	fmt.Fprintf(&b, "%s: %s", name, kind)
	if len(s.Targets) > 0 {
		fmt.Fprintf(&b, ", compared with %s", s.Plan.RoleARN)
	}
	b.WriteByte('\n')
	paint := &checkPrinter{paint: g.colored(g.stdout)}
	counts := map[ram.Severity]int{}
	for _, f := range r.Findings {
		counts[f.Severity]++
		tint := map[ram.Severity]string{ram.Error: colourRed, ram.Warning: colourYellow, ram.Note: colourDim}[f.Severity]
		where := ""
		if f.Line > 0 {
			where = fmt.Sprintf("line %d", f.Line)
			if f.Column > 0 {
				where += fmt.Sprintf(":%d", f.Column)
			}
		}
		fmt.Fprintf(&b, "  %s%s%-9s %s  %s\n", paint.colour(tint, string(f.Severity)), strings.Repeat(" ", 9-len(f.Severity)), where, f.Code, paint.colour(colourBold, visible(f.Title)))
		for _, l := range wrap(f.Explanation, checkWidth-21) {
			fmt.Fprintf(&b, "%*s%s\n", 21, "", l)
		}
		for i, l := range wrap(f.Fix, checkWidth-23) {
			lead := "→ "
			if i > 0 {
				lead = "  "
			}
			fmt.Fprintf(&b, "%*s%s%s\n", 21, "", lead, l)
		}
	}
	grants(&b, "needed and not allowed", r.Missing)
	grants(&b, "allowed beyond what is needed", r.Extra)
	switch n := counts[ram.Error]; {
	case n == 0 && counts[ram.Warning] == 0:
		b.WriteString("no errors, no warnings.\n")
	default:
		fmt.Fprintf(&b, "%s, %s.\n", count(n, "error"), count(counts[ram.Warning], "warning"))
	}
	_, err := io.WriteString(g.stdout, b.String())
	return err
}

// maxGrants is how many are listed one by one.
const maxGrants = 12

func grants(b *strings.Builder, head string, list []ram.Grant) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "  %s:\n", head)
	for i, g := range list {
		if i == maxGrants {
			fmt.Fprintf(b, "    and %d more (--json has all)\n", len(list)-i)
			break
		}
		line := strings.TrimSpace(g.Action + " " + g.Resource + g.Principal)
		if g.Line > 0 {
			line += fmt.Sprintf(" (line %d)", g.Line)
		}
		fmt.Fprintf(b, "    %s\n", visible(line))
	}
}
