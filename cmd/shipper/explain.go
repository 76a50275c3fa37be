package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"shipper/pkg/daemon/check"
)

//go:generate go run . explain --markdown ../../docs/codes.md

func newExplain(g *global) *cobra.Command {
	var markdown string
	cmd := &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Explain a code such as SHP-A103, or list all of them",
		Args:  cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var out []string
			for _, e := range check.Catalogue() {
				out = append(out, e.Code+"\t"+e.Title)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			all := check.Catalogue()
			if len(args) == 1 {
				e, ok := check.Explain(args[0])
				if !ok {
					return failf(exitUsage, "there is no code %q; shipper explain lists them", args[0])
				}
				if g.json {
					return written(printJSON(g.stdout, e))
				}
				return written(printEntry(g.stdout, e))
			}
			switch {
			case markdown != "":
				return written(os.WriteFile(markdown, []byte(codesPage(all)), 0o644))
			case g.json:
				return written(printJSON(g.stdout, map[string]any{"codes": all}))
			}
			return written(printEntries(g.stdout, all))
		},
	}
	cmd.Flags().StringVar(&markdown, "markdown", "", "write the page docs/codes.md to `file`")
	_ = cmd.Flags().MarkHidden("markdown") // fails for a flag that does not exist
	return cmd
}

// written gives an error of standard output its exit code.
func written(err error) error {
	if err != nil {
		return fail(exitIO, err)
	}
	return nil
}

func printEntry(w io.Writer, e check.Entry) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", e.Code, e.Title)
	block := func(head, text string) {
		for i, l := range wrap(text, checkWidth-10) {
			if i > 0 {
				head = ""
			}
			fmt.Fprintf(&b, "  %-8s%s\n", head, l)
		}
	}
	block("part", e.Part)
	block("means", e.Means)
	block("do", e.Fix)
	_, err := io.WriteString(w, b.String())
	return err
}

func printEntries(w io.Writer, all []check.Entry) error {
	var b strings.Builder
	part := ""
	for _, e := range all {
		if e.Part != part {
			if part != "" {
				b.WriteByte('\n')
			}
			part = e.Part
			b.WriteString(part + "\n")
		}
		for i, l := range wrap(e.Title, checkWidth-12) {
			code := e.Code
			if i > 0 {
				code = ""
			}
			fmt.Fprintf(&b, "  %-10s%s\n", code, l)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// codesPage is docs/codes.md.
func codesPage(all []check.Entry) string {
	var b strings.Builder
	b.WriteString(`# Every code

Each warning and error of shipper carries a stable code; it keeps its meaning for ever. On a host: ` + "`shipper explain CODE`" + `.
This page is written by ` + "`go generate ./cmd/shipper`" + ` from the catalogue that this command reads.
`)
	part := ""
	cell := strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace
	for _, e := range all {
		if e.Part != part {
			part = e.Part
			fmt.Fprintf(&b, "\n## %s\n\n| code | what | meaning | what to do |\n|---|---|---|---|\n", strings.ToUpper(part[:1])+part[1:])
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", e.Code, cell(e.Title), cell(e.Means), cell(e.Fix))
	}
	return b.String()
}
