package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// flame ships the nginx corpus under the profiler and draws where the time went.
func (b *bench) flame(ctx context.Context) error {
	pattern, _, _, err := b.corpus("nginx", 1)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(pattern))
	s, err := newSink(nil)
	if err != nil {
		return err
	}
	defer s.close()
	h, err := b.host(settings{addr: s.addr, paths: pattern})
	if err != nil {
		return err
	}
	defer h.remove()
	program, prefix := filepath.Join(h.dir, "profiled"), filepath.Join(h.dir, "profile")
	for _, args := range [][]string{{"go", "build", "-o", program, "./internal/bench/testdata/profiled"}, {program, h.config, prefix}} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", args[0], err, out)
		}
	}
	traces, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", program, prefix+".cpu").Output()
	if err != nil {
		return fmt.Errorf("read the profile: %w", err)
	}
	root, err := parseTraces(bytes.NewReader(traces))
	if err != nil {
		return err
	}
	var svg bytes.Buffer
	root.draw(&svg)
	return os.WriteFile(b.svg, svg.Bytes(), 0o644)
}

// frame is a function in the place where it was called from.
type frame struct {
	name  string
	time  time.Duration // with what it calls
	calls map[string]*frame
}

func (f *frame) call(name string, d time.Duration) *frame {
	c := f.calls[name]
	if c == nil {
		c = &frame{name: name, calls: map[string]*frame{}}
		f.calls[name] = c
	}
	c.time += d
	return c
}

// parseTraces reads what `go tool pprof -traces` prints: samples between rules, each with labels ("stage: sign"), then a duration and
// the functions from the innermost out.
func parseTraces(r io.Reader) (*frame, error) {
	root := &frame{name: "all", calls: map[string]*frame{}}
	var stack []string
	var d time.Duration
	end := func() {
		at := root
		root.time += d
		for _, name := range slices.Backward(stack) {
			at = at.call(name, d)
		}
		stack, d = nil, 0
	}
	inside := false
	for s := bufio.NewScanner(r); s.Scan(); {
		line := strings.TrimSpace(strings.ReplaceAll(s.Text(), "(inline)", ""))
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "-----"):
			end()
			inside = true
		case !inside || len(fields) == 0 || strings.HasSuffix(fields[0], ":"):
		case d == 0:
			var err error
			if d, err = time.ParseDuration(fields[0]); err != nil {
				return nil, fmt.Errorf("profile: %w", err)
			}
			stack = append(stack, strings.Join(fields[1:], " "))
		default:
			stack = append(stack, line)
		}
	}
	end()
	if root.time == 0 {
		return nil, fmt.Errorf("the profile is empty")
	}
	return root, nil
}

const (
	flameWidth = 1200.0
	flameRow   = 17
	flamePart  = 0.004 // less of the whole is not drawn
)

func (f *frame) depth(least time.Duration) (n int) {
	for _, c := range f.calls {
		if c.time >= least {
			n = max(n, c.depth(least))
		}
	}
	return n + 1
}

// draw writes the tree, callers above what they call.
func (f *frame) draw(w io.Writer) {
	least := time.Duration(float64(f.time) * flamePart)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" font-size="11">`+"\n", int(flameWidth), f.depth(least)*flameRow)
	f.drawAt(w, 0, 0, flameWidth/float64(f.time), least, f.time)
	fmt.Fprintln(w, "</svg>")
}

func (f *frame) drawAt(w io.Writer, x float64, row int, scale float64, least, all time.Duration) {
	width := float64(f.time) * scale
	y := row * flameRow
	fmt.Fprintf(w, `<g><title>%s: %.1f %%</title><rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" stroke="white" stroke-width="0.5"/>`,
		html.EscapeString(f.name), 100*float64(f.time)/float64(all), x, y, width, flameRow-1, colour(f.name))
	if n := int(width/6.7) - 1; n >= 3 {
		short := f.name[strings.LastIndex(f.name, "/")+1:]
		fmt.Fprintf(w, `<text x="%.1f" y="%d">%s</text>`, x+2, y+12, html.EscapeString(short[:min(n, len(short))]))
	}
	fmt.Fprintln(w, "</g>")
	for _, c := range slices.SortedFunc(maps.Values(f.calls), func(a, b *frame) int { return cmp.Compare(a.name, b.name) }) {
		if c.time >= least {
			c.drawAt(w, x, row+1, scale, least, all)
		}
		x += float64(c.time) * scale
	}
}

// colour tells whose code a function is.
func colour(name string) string {
	for _, c := range []struct{ prefix, colour string }{
		{"shipper/pkg/tail", "#9ecae1"}, {"shipper/pkg/batch", "#a1d99b"}, {"shipper/pkg/producer", "#fdae6b"}, {"shipper/", "#fdd0a2"},
		{"main", "#fdd0a2"}, {"github.com/pierrec/lz4", "#fc9272"}, {"crypto/", "#bcbddc"}, {"net", "#d9d9d9"}, {"runtime", "#f0f0f0"},
	} {
		if strings.HasPrefix(name, c.prefix) {
			return c.colour
		}
	}
	return "#e5e5e5"
}
