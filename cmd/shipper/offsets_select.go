package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"shipper/pkg/tail"
)

// selection are the flags that choose streams.
type selection struct {
	path, input, target string
	stream              uint64
}

func (p *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.path, "path", "", "the `file`, as the daemon knows it")
	f.StringVar(&p.input, "input", "", "`name` of the input")
	f.StringVar(&p.target, "target", "", "`name` of the target")
	f.Uint64Var(&p.stream, "stream", 0, "`number` of the stream, as offsets list shows it")
}

// String is what was asked for, as it was written.
func (p *selection) String() string {
	var out []string
	add := func(flag, value string) {
		if value != "" {
			out = append(out, flag+" "+value)
		}
	}
	add("--path", p.path)
	add("--input", p.input)
	add("--target", p.target)
	if p.stream != 0 {
		add("--stream", strconv.FormatUint(p.stream, 10))
	}
	return strings.Join(out, " ")
}

// where is the chosen path as the daemon writes it.
func (p *selection) where() string {
	if abs, err := filepath.Abs(p.path); p.path != "" && err == nil {
		return abs
	}
	return p.path
}

func (p *selection) takes(s streamLine) bool {
	path := p.where()
	return (path == "" || path == s.Path || path == s.Found) && (p.input == "" || p.input == s.Input) &&
		(p.target == "" || p.target == s.Target) && (p.stream == 0 || p.stream == s.Stream)
}

// one is the only stream that the flags choose: moving the wrong one would repeat or skip lines.
func (p *selection) one(epochs []tail.Epoch) (tail.Epoch, error) {
	var chosen []tail.Epoch
	for _, e := range epochs {
		if p.takes(lineOf(e)) {
			chosen = append(chosen, e)
		}
	}
	// Where generations of a path are waiting for each other, the path means the file that stands there.
	if len(chosen) > 1 && p.stream == 0 {
		if here := slices.DeleteFunc(slices.Clone(chosen), func(e tail.Epoch) bool { at, _, err := locate(e); return err != nil || at != p.where() }); len(here) > 0 {
			chosen = here
		}
	}
	switch len(chosen) {
	case 1:
		return chosen[0], nil
	case 0:
		return tail.Epoch{}, failf(exitUsage, "no stream fits %s; see: shipper offsets list (for a file that was never read, start_at decides)", p)
	}
	text := "several streams fit; choose with --input, --target or --stream:"
	for _, e := range chosen {
		text += fmt.Sprintf("\n  --stream %d  input %s, target %s, %s at %d", e.ID, e.Route.Input, e.Route.Target, e.Path, e.Offset)
	}
	return tail.Epoch{}, failf(exitUsage, "%s", text)
}
