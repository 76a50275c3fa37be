package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// usage is what a process has used of the processors, user and system, and what it has in memory now.
func (d *daemon) usage(t *testing.T) (cpu time.Duration, rss int64) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
	must(t, err)
	// proc(5): the name in brackets may hold spaces; utime and stime are fields 14 and 15 in ticks of 10 ms, rss is 24 in pages.
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	field := func(n int) int64 {
		v, err := strconv.ParseInt(fields[n-3], 10, 64)
		must(t, err)
		return v
	}
	return time.Duration(field(14)+field(15)) * 10 * time.Millisecond, field(24) * int64(os.Getpagesize())
}

// TestIdle follows ten thousand files that nobody writes to and one that somebody does. Processor time and memory are
// logged; only memory has a bound. SHIPPER_E2E_IDLE_S is for how many seconds.
func TestIdle(t *testing.T) {
	if os.Getenv("SHIPPER_E2E") != "require" {
		t.Skip("measures for a while: make e2e")
	}
	const files, dirs, bound = 10_000, 20, 120 << 20
	arrivals := make(chan string, 100_000)
	w := &witness{accepted: func(_ string, lines [][]byte) {
		for _, l := range lines {
			arrivals <- string(l)
		}
	}}
	c := w.watch(t, emulator.Options{Discard: true})
	h := newHost(t, c, "logs/**/*.log", "")
	for i := range dirs {
		must(t, os.MkdirAll(h.path(fmt.Sprintf("logs/%02d", i)), 0o700))
	}
	for i := range files {
		h.write(t, fmt.Sprintf("logs/%02d/app-%05d.log", i%dirs, i), fmt.Sprintf("the only line of file %05d, which is as long as a line usually is in a log\n", i))
	}
	d := h.start(t, "run")
	begun := time.Now()
	for n := 0; n < files; n++ {
		select {
		case <-arrivals:
		case <-time.After(time.Minute):
			t.Fatalf("%d of %d files arrived", n, files)
		}
	}
	t.Logf("all %d files had arrived after %.1f s", files, time.Since(begun).Seconds())

	f, err := os.Create(h.path("logs/07/active.log"))
	must(t, err)
	defer f.Close()
	seconds := fromEnv(t, "SHIPPER_E2E_IDLE_S", 20)
	calm(t, d)
	before, _ := d.usage(t)
	start := time.Now()
	var late []time.Duration
	for i := 0; time.Since(start) < time.Duration(seconds)*time.Second; i++ {
		line := fmt.Sprintf("line %d of the active file", i)
		written := time.Now()
		_, err := fmt.Fprintln(f, line)
		must(t, err)
		select {
		case got := <-arrivals:
			if got != line {
				t.Fatalf("%q arrived instead of %q", got, line)
			}
			late = append(late, time.Since(written))
		case <-time.After(20 * time.Second):
			t.Fatalf("%q does not arrive", line)
		}
	}
	took := time.Since(start)
	after, rss := d.usage(t)
	slices.Sort(late)
	t.Logf("%d idle files and one active over %.0f s: %.2f %% of a core, %.1f MiB in memory (peak %.1f); %d lines of the active file, p50 %v, p99 %v, most %v",
		files, took.Seconds(), 100*(after-before).Seconds()/took.Seconds(), float64(rss)/(1<<20), float64(d.peak(t))/(1<<20), len(late),
		late[len(late)/2].Round(time.Millisecond), late[len(late)*99/100].Round(time.Millisecond), late[len(late)-1].Round(time.Millisecond))
	if rss > bound {
		t.Errorf("%d MiB in memory, at most %d may be", rss>>20, bound>>20)
	}
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// calm waits until the start is over: until the process has used next to nothing for a second.
func calm(t *testing.T, d *daemon) {
	t.Helper()
	last, _ := d.usage(t)
	at := time.Now()
	eventually(t, time.Minute, "the process has nothing to do", func() bool {
		if time.Since(at) < time.Second {
			return false
		}
		now, _ := d.usage(t)
		used := now - last
		last, at = now, time.Now()
		return used <= 20*time.Millisecond
	})
}
