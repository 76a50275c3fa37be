package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// result is what one program did with one corpus.
type result struct {
	speed    float64 // MB (10^6) of log files a second, from the start of the program until all but a hundredth was answered
	cpu      float64 // seconds a GB (10^9)
	peak     float64 // MB of resident memory
	requests int64
	ratio    float64 // bytes of log files for each byte on the wire
}

// programs are compared in this order, one after the other in each round, so that all meet the same weather.
var programs = []string{"shipper", "shipper v4", "exactly once", "bare", "sdk"}

// throughput ships one corpus with each program.
func (b *bench) throughput(ctx context.Context, kind string, files int) error {
	pattern, size, lines, err := b.corpus(kind, files)
	if err != nil {
		return err
	}
	defer os.RemoveAll(filepath.Dir(pattern))
	fmt.Fprintf(b.out, "  %d file(s), %.0f MB, %d lines of %d bytes\n", files, float64(size)/1e6, lines, size/lines)
	s, err := newSink(nil)
	if err != nil {
		return err
	}
	defer s.close()
	got := map[string][]result{}
	for range b.rounds {
		for _, name := range programs {
			if name != "shipper" && !slices.Contains(strings.Split(b.against, ","), name) {
				continue
			}
			s.reset()
			_, c, cpu, err := b.ship(ctx, name, settings{addr: s.addr, paths: pattern})
			if err != nil {
				return err
			}
			got[name] = append(got[name], result{
				speed: float64(size) * 0.99 / 1e6 / s.most().Sub(c.began).Seconds(), cpu: cpu.Seconds() / (float64(size) / 1e9),
				peak: float64(c.peak.Load()) / 1e6, requests: s.requests.Load(), ratio: float64(size) / float64(max(1, s.wire.Load())),
			})
			if s.raw.Load() < size {
				return fmt.Errorf("%s delivered %d of %d bytes\n%s", name, s.raw.Load(), size, c.last())
			}
		}
	}
	b.table(got)
	return nil
}

// core is how fast one core is: the programs are kept to it, and the sink works on another.
func (b *bench) core(ctx context.Context) error {
	b.oneCore = true
	defer func() { b.oneCore = false }()
	return b.throughput(ctx, "nginx", 1)
}

// startPinned starts a program whose throughput is measured.
func (b *bench) startPinned(ctx context.Context, program string, args ...string) (*child, error) {
	if b.oneCore {
		program, args = "taskset", append([]string{"--cpu-list", "0", program}, args...)
	}
	return startChild(ctx, program, args...)
}

// ship runs one program to its end.
func (b *bench) ship(ctx context.Context, name string, s settings) (elapsed time.Duration, c *child, cpu time.Duration, err error) {
	switch name {
	case "shipper", "shipper v4", "exactly once":
		s.target = map[string]string{"shipper v4": `signature = "v4"`, "exactly once": "exactly_once = true"}[name]
		var h *host
		if h, err = b.host(s); err != nil {
			return
		}
		defer h.remove()
		c, err = h.start(ctx, b, "--once")
	case "bare":
		c, err = b.startPinned(ctx, b.bin[name], "bare", s.addr, s.paths)
	case "sdk":
		c, err = b.startPinned(ctx, b.bin[name], "-endpoint", "http://"+s.addr, s.paths)
	}
	if err != nil {
		return
	}
	elapsed, cpu, err = c.wait()
	return
}

// table prints the medians, and their ratios to those of shipper.
func (b *bench) table(got map[string][]result) {
	fmt.Fprintf(b.out, "  %-12s %8s %10s %8s %9s %6s   shipper's: speed, CPU\n", "", "MB/s", "CPU s/GB", "peak MB", "requests", "ratio")
	mine := medians(got["shipper"])
	for _, name := range programs {
		if len(got[name]) == 0 {
			continue
		}
		m := medians(got[name])
		fmt.Fprintf(b.out, "  %-12s %8.0f %10.2f %8.1f %9d %6.2f   x%.2f, x%.2f\n", name, m.speed, m.cpu, m.peak, m.requests, m.ratio,
			mine.speed/m.speed, mine.cpu/m.cpu)
	}
}

func medians(rs []result) result {
	return result{
		speed: median(rs, func(r result) float64 { return r.speed }), cpu: median(rs, func(r result) float64 { return r.cpu }),
		peak: median(rs, func(r result) float64 { return r.peak }), requests: median(rs, func(r result) int64 { return r.requests }),
		ratio: median(rs, func(r result) float64 { return r.ratio }),
	}
}

func median[T cmp.Ordered](rs []result, of func(result) T) T {
	var list []T
	for _, r := range rs {
		list = append(list, of(r))
	}
	slices.Sort(list)
	return list[len(list)/2]
}
