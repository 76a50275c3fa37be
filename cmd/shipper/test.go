package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/process"
)

func newTest(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "test [NAME ...]",
		Short: "Run the [[test]] tables of the configuration",
		Long: `Run the [[test]] tables of the configuration: lines go through the format, multiline and steps of an input, and the
logs that come out are compared with those that the test expects. No daemon, file or network is needed.

NAME is the name of a test, or an input to run all tests of; without any all are run. --verbose shows what each step
did, --quiet only what failed. Exit codes: 0 every test passed; 1 one did not; 64 there is no test of that name; 78 the
configuration is wrong.

  [[test]]
  name  = "a request"
  input = "nginx"
  lines = ['10.0.0.1 - - [01/May/2026:12:00:00 +0800] "GET / HTTP/1.1" 200 5 "-" "curl"']
  [[test.log]]
  has  = { status = "200" }
  time = "2026-05-01T12:00:00+08:00"`,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return g.testNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := g.loadConfig()
			if err != nil {
				return err
			}
			return g.test(cmd.Context(), cfg, args)
		},
	}
}

// testNames completes what stands behind `shipper test`.
func (g *global) testNames() (names []string) {
	cfg, err := config.Load(config.Options{Path: g.config, Set: g.set})
	if err != nil {
		return nil
	}
	for i, t := range cfg.Tests {
		names = append(names, testName(t, i), t.Input)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// testResult is one test as `test --json` shows it.
type testResult struct {
	Name        string               `json:"name"`
	Input       string               `json:"input"`
	At          string               `json:"at"` // where it is written: FILE:LINE
	Passed      bool                 `json:"passed"`
	Differences []process.Difference `json:"differences"`
	Logs        []testLog            `json:"logs"` // what would be sent

	verdict *process.Verdict
}

type testLog struct {
	Time   time.Time         `json:"time"`
	Fields map[string]string `json:"fields"`
}

func testName(t process.Test, i int) string { return cmp.Or(t.Name, "test "+strconv.Itoa(i+1)) }

// test runs what args name and prints what came of it.
func (g *global) test(ctx context.Context, cfg *config.Config, args []string) error {
	known, wanted := map[string]bool{}, map[string]bool{}
	for _, a := range args {
		wanted[a] = true
	}
	results := []testResult{}
	failed := 0
	for i, t := range cfg.Tests {
		name := testName(t, i)
		known[name], known[t.Input] = true, true
		if len(args) > 0 && !wanted[name] && !wanted[t.Input] {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r, err := runTest(cfg, t)
		if err != nil {
			return fail(exitConfig, err) // which Load has checked
		}
		r.Name, r.At = name, cfg.Where("test", strconv.Itoa(i))
		if !r.Passed {
			failed++
		}
		results = append(results, r)
	}
	for _, a := range args {
		if !known[a] {
			return failf(exitUsage, "there is no test, and no input with one, of the name %q", a)
		}
	}
	if err := g.printTests(results, failed); err != nil {
		return fail(exitIO, err)
	}
	if failed > 0 {
		return exit(exitProblem)
	}
	return nil
}

func runTest(cfg *config.Config, t process.Test) (testResult, error) {
	v, err := t.Run(cfg.Inputs[t.Input].Process, time.Now())
	if err != nil {
		return testResult{}, err
	}
	r := testResult{Input: t.Input, Passed: len(v.Differences) == 0, Differences: v.Differences, Logs: []testLog{}, verdict: v}
	if r.Differences == nil {
		r.Differences = []process.Difference{}
	}
	for _, log := range v.Sent() {
		fields := map[string]string{}
		for _, f := range log.Fields() {
			fields[f.Key] = f.Value
		}
		r.Logs = append(r.Logs, testLog{log.Time, fields})
	}
	return r, nil
}

func (g *global) printTests(results []testResult, failed int) error {
	if g.json {
		return printJSON(g.stdout, map[string]any{"schema": 1, "passed": len(results) - failed, "failed": failed, "tests": results})
	}
	w := g.stdout
	for _, r := range results {
		word, at := "ok  ", ""
		if !r.Passed {
			word, at = "FAIL", "   "+r.At
		}
		if !r.Passed || !g.quiet {
			fmt.Fprintf(w, "%s  %s: %s%s\n", word, visible(r.Input), visible(r.Name), visible(at))
		}
		if g.verbose {
			printTraces(w, "      ", r.verdict.Events)
		}
		if !r.Passed {
			printDifferences(w, &r)
		}
	}
	switch {
	case len(results) == 0:
		fmt.Fprintln(g.stderr, "shipper: the configuration has no [[test]]: nothing was tested (shipper test --help shows one)")
	case !g.quiet:
		fmt.Fprintf(w, "%s, %d failed\n", count(len(results), "test"), failed)
	}
	return nil
}

// printDifferences shows what was expected and what came, and then the logs as they would be written into the test.
func printDifferences(w io.Writer, r *testResult) {
	for _, d := range r.Differences {
		switch name := strconv.Quote(d.Field); {
		case d.Kind == process.NotSent:
			fmt.Fprintf(w, "      log %d: expected, and not sent\n", d.Log)
		case d.Kind == process.Unexpected:
			fmt.Fprintf(w, "      log %d: sent, and not expected\n", d.Log)
		case d.Kind == process.OtherTime:
			fmt.Fprintf(w, "      log %d: time\n        want %s\n        got  %s\n", d.Log, *d.Want, *d.Got)
		case d.Got == nil:
			fmt.Fprintf(w, "      log %d: field %s is not there\n        want %s\n", d.Log, name, strconv.Quote(*d.Want))
		case d.Want == nil:
			fmt.Fprintf(w, "      log %d: field %s should not be there\n        got  %s\n", d.Log, name, strconv.Quote(*d.Got))
		default:
			fmt.Fprintf(w, "      log %d: field %s\n        want %s\n        got  %s\n", d.Log, name, strconv.Quote(*d.Want), strconv.Quote(*d.Got))
		}
	}
	if len(r.Logs) == 0 {
		fmt.Fprintln(w, "      every line was dropped; --verbose shows by which step")
		return
	}
	fmt.Fprintln(w, "      what is sent, as the test would say it:")
	for _, l := range r.verdict.Sent() {
		fmt.Fprintf(w, "        [[test.log]]\n        fields = { %s }\n", tomlFields(l.Fields()))
		if !l.Time.Equal(r.verdict.Read) {
			fmt.Fprintf(w, "        time = %q\n", l.Time.Format(time.RFC3339Nano))
		}
	}
}

// tomlFields writes fields as the inside of an inline table. A log may have a field twice, a table may not.
func tomlFields(fields []process.KeyValue) string {
	var parts []string
	seen := map[string]bool{}
	for _, f := range slices.Backward(fields) {
		if !seen[f.Key] {
			parts = append(parts, config.QuoteKey(f.Key)+" = "+config.QuoteString(f.Value))
		}
		seen[f.Key] = true
	}
	slices.Reverse(parts)
	return strings.Join(parts, ", ")
}

// printTraces shows what each step made of each event.
func printTraces(w io.Writer, indent string, events []process.Trace) {
	for i, t := range events {
		fmt.Fprintf(w, "%sevent %d\n", indent, i+1)
		printTrace(w, indent+"  ", &t)
	}
}

// printTrace shows one event: after each step only what it changed.
func printTrace(w io.Writer, indent string, t *process.Trace) {
	before := map[string]string{}
	for i, st := range t.Stages {
		name := st.Name
		if st.Note != "" {
			name += "   (" + visible(st.Note) + ")"
		}
		last := i == len(t.Stages)-1
		if t.Dropped && last {
			name += "   drops it"
		}
		fmt.Fprintf(w, "%s%s\n", indent, name)
		now := map[string]string{}
		for _, f := range st.Fields {
			now[f.Key] = f.Value
			if old, ok := before[f.Key]; !ok || old != f.Value {
				fmt.Fprintf(w, "%s  + %s = %s\n", indent, visible(f.Key), strconv.Quote(f.Value))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(before)) {
			if _, ok := now[key]; !ok {
				fmt.Fprintf(w, "%s  - %s\n", indent, visible(key))
			}
		}
		before = now
	}
	if !t.Dropped {
		fmt.Fprintf(w, "%stime %s\n", indent, t.Time.Format(time.RFC3339Nano))
	}
}
