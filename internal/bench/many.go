package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// many makes files in twenty directories, empty or with one line.
func (b *bench) many(line string) (root string, paths []string, err error) {
	root, err = os.MkdirTemp(b.dir, "many")
	if err != nil {
		return "", nil, err
	}
	for i := range b.files {
		dir := filepath.Join(root, fmt.Sprintf("d%02d", i%20))
		if i < 20 {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return "", nil, err
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("%05d.log", i))
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			return "", nil, err
		}
		paths = append(paths, path)
	}
	return root, paths, nil
}

// follow starts a shipper that follows the files below root, and a sink for it that inspect looks into. stop ends both.
func (b *bench) follow(ctx context.Context, root string, inspect func(group []byte)) (s *sink, c *child, stop func(), err error) {
	if s, err = newSink(inspect); err != nil {
		return nil, nil, nil, err
	}
	h, err := b.host(settings{addr: s.addr, paths: filepath.Join(root, "*", "*.log")})
	if err != nil {
		s.close()
		return nil, nil, nil, err
	}
	if c, err = h.start(ctx, b); err != nil {
		h.remove()
		s.close()
		return nil, nil, nil, err
	}
	return s, c, func() {
		_ = c.stop()
		h.remove()
		s.close()
	}, nil
}

// packs counts groups, and those that do not tell what they must: their path and a pack id that no other has.
type packs struct {
	mu     sync.Mutex
	seen   map[string]map[string]bool // path -> pack ids
	groups int
	odd    int
}

func (p *packs) inspect(group []byte) {
	t := tags(group)
	path, pack := t["__path__"], t["__pack_id__"]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups++
	if path == "" || pack == "" || p.seen[path][pack] {
		p.odd++
		return
	}
	if p.seen[path] == nil {
		p.seen[path] = map[string]bool{}
	}
	p.seen[path][pack] = true
}

// slow appends one line a second to each of many files.
func (b *bench) slow(ctx context.Context) error {
	root, paths, err := b.many("")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	var d delays
	p := packs{seen: map[string]map[string]bool{}}
	s, c, stop, err := b.follow(ctx, root, func(group []byte) {
		d.inspect(group)
		p.inspect(group)
	})
	if err != nil {
		return err
	}
	defer stop()
	if err := until(ctx, 5*time.Second, func() bool { return false }); ctx.Err() != nil {
		return err
	}
	before := c.busy()
	began := time.Now()
	var first time.Time // all had their first line
	sent := 0
	for range b.seconds {
		n, err := second(ctx, paths)
		if err != nil {
			return err
		}
		if sent += n; sent == n {
			first = time.Now()
		}
	}
	_ = until(ctx, 15*time.Second, func() bool { return d.came() >= sent })
	took := time.Since(began).Seconds()
	cpu := c.busy() - before
	memory := c.memory("VmRSS")
	_ = c.stop()
	n, p50, p99 := d.quantiles()
	fmt.Fprintf(b.out, "  %d files, one line a second each: %.1f requests/s, CPU %.1f %%, %.1f MB now, %.1f MB peak\n", b.files,
		float64(s.requests.Load())/took, 100*cpu.Seconds()/took, float64(memory)/1e6, float64(c.peak.Load())/1e6)
	fmt.Fprintf(b.out, "  %d of %d lines in %d groups, %d paths, %d groups without path, without pack id or with one twice, %d bodies unreadable; p50 %d ms, p99 %d ms\n",
		n, sent, p.groups, len(p.seen), p.odd, s.bad.Load(), p50.Milliseconds(), p99.Milliseconds())
	n, p50, p99 = d.quantilesUntil(first)
	fmt.Fprintf(b.out, "  the first %d lines: p50 %d ms, p99 %d ms; CPU of the start %.2f s\n", n, p50.Milliseconds(), p99.Milliseconds(), before.Seconds())
	return nil
}

// second writes one line to each file, evenly over a second.
func second(ctx context.Context, paths []string) (lines int, err error) {
	began := time.Now()
	for i, p := range paths {
		if wait := time.Duration(i)*time.Second/time.Duration(len(paths)) - time.Since(began); wait > 2*time.Millisecond {
			_ = until(ctx, wait, func() bool { return false })
		}
		f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return lines, err
		}
		w := bufio.NewWriter(f)
		fmt.Fprintf(w, "a line that a slow service writes once a second sent=%d\n", time.Now().UnixNano())
		if err := errors.Join(w.Flush(), f.Close()); err != nil {
			return lines, err
		}
		lines++
	}
	_ = until(ctx, time.Second-time.Since(began), func() bool { return false })
	return lines, ctx.Err()
}

// idle measures what it costs to watch files in which nothing happens.
func (b *bench) idle(ctx context.Context) error {
	root, _, err := b.many("one line\n")
	if err != nil {
		return err
	}
	defer os.RemoveAll(root)
	s, c, stop, err := b.follow(ctx, root, nil)
	if err != nil {
		return err
	}
	defer stop()
	if err := until(ctx, 20*time.Second, func() bool { return s.requests.Load() > 0 }); err != nil {
		return err
	}
	// All are read and settled after a moment; what that took goes back to the system within twenty seconds.
	_ = until(ctx, 25*time.Second, func() bool { return false })
	before, began := c.busy(), time.Now()
	fmt.Fprintf(b.out, "  CPU of the start %.2f s\n", before.Seconds())
	_ = until(ctx, 2*time.Duration(b.seconds)*time.Second, func() bool { return false })
	took := time.Since(began)
	fmt.Fprintf(b.out, "  %d idle files: %.3f %% of a core, %.1f MB now, %.1f MB peak (reading them at the start included)\n", b.files,
		100*(c.busy()-before).Seconds()/took.Seconds(), float64(c.memory("VmRSS"))/1e6, float64(c.peak.Load())/1e6)
	return ctx.Err()
}
