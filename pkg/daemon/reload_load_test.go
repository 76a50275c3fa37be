package daemon

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReloadUnderLoad changes the configuration at random while files are written: every line arrives, and no line twice.
func TestReloadUnderLoad(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	w := newWorld(t)
	all := "[input.app]\npaths = [\"DIR/a*.log\"]\n[input.big]\npaths = [\"DIR/b*.log\"]\n"
	base := w.settings(all)
	base.target = "batch.max_delay = \"20ms\"\nretry.min = \"50ms\"\nretry.max = \"100ms\""
	l := w.start(t, base)
	names := []string{"a1.log", "a2.log", "b1.log", "b2.log"}
	for _, n := range names {
		w.add(t, n, n+" begins\n")
	}
	want := func(lines int) (out []string) {
		for _, n := range names {
			out = append(out, n+" begins")
			for i := range lines {
				out = append(out, fmt.Sprintf("%s line %08d", n, i))
			}
		}
		return out
	}
	l.arrives("web", want(0)...)
	goroutines, files, _ := level()

	var stop atomic.Bool
	var written [4]int
	var writers sync.WaitGroup
	for i, n := range names {
		writers.Go(func() {
			f, err := os.OpenFile(w.path(n), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for ; !stop.Load(); written[i]++ {
				fmt.Fprintf(f, "%s line %08d\n", n, written[i])
				if written[i]%20 == 19 {
					time.Sleep(time.Millisecond) // a writer's own pace
				}
			}
		})
	}
	rnd := rand.New(rand.NewPCG(1, uint64(rounds)))
	for range rounds {
		l.reload(w.mutate(rnd, base))
	}
	stop.Store(true)
	writers.Wait()
	l.reload(base)
	most := slices.Max(written[:])
	var lines []string
	for i, n := range names {
		lines = append(lines, n+" begins")
		for k := range written[i] {
			lines = append(lines, fmt.Sprintf("%s line %08d", n, k))
		}
	}
	t.Logf("%d reloads, at most %d lines a file", rounds, most)
	l.wholly("web", lines)
	if n := l.d.budget.Used(); n != 0 {
		t.Errorf("%d bytes of the memory account are used by nobody", n)
	}
	l.levels(goroutines, files)
	_, _, memory := level()
	for range rounds { // without lines, which the emulator keeps
		l.reload(w.mutate(rnd, base))
	}
	l.reload(base)
	l.levels(goroutines, files)
	if _, _, m := level(); m > memory+2<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", memory, m)
	}
	if n := len(l.stored("web")); n != len(lines) {
		t.Errorf("%d lines of %d after reloads without any new ones", n, len(lines))
	}
}

// levels waits until as much of the process is in use as before, but for the connections that a target keeps: at most eight, with
// two descriptors and three goroutines each in this process. A leak would show a hundred times.
func (l *live) levels(goroutines, files int) {
	l.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		g, f, _ := level()
		if g <= goroutines+3*8 && f <= files+2*8 {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			l.t.Fatalf("%d goroutines instead of %d, %d descriptors instead of %d\n%s", g, goroutines, f, files, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// mutate changes a few things of base.
func (w *world) mutate(rnd *rand.Rand, base settings) settings {
	s := base
	a, b := "a*.log", "b*.log"
	if rnd.IntN(3) == 0 {
		a = []string{"a1.log", "a2.log", "none.log"}[rnd.IntN(3)]
	}
	s.rest = fmt.Sprintf("[input.app]\npaths = [\"DIR/%s\"]\n", a)
	if rnd.IntN(3) == 0 {
		s.rest += fmt.Sprintf("tags = { round = \"%d\" }\n", rnd.IntN(5))
	}
	if rnd.IntN(4) == 0 {
		s.rest += "[[input.app.step]]\nadd = { seen = \"yes\" }\n"
	}
	if rnd.IntN(3) != 0 {
		s.rest += fmt.Sprintf("[input.big]\npaths = [\"DIR/%s\"]\nmax_line = \"%dKiB\"\n", b, 1+rnd.IntN(2))
	}
	if rnd.IntN(3) == 0 {
		s.target += fmt.Sprintf("\nbatch.max_bytes = \"%dKiB\"\nbatch.in_flight = %d", 16<<rnd.IntN(4), 1+rnd.IntN(4))
	}
	if rnd.IntN(4) == 0 {
		s.target += "\ntags = { env = \"other\" }"
	}
	switch rnd.IntN(5) {
	case 0:
		s.endpoint = "http://127.0.0.1:1"
	case 1:
		s.creds = "timeout = \"3s\""
	}
	return s
}

// wholly waits until the Logstore holds as many lines as want, and compares them.
func (l *live) wholly(logstore string, want []string) {
	l.t.Helper()
	until(l.t, fmt.Sprintf("%d lines", len(want)), func() bool { return len(l.stored(logstore)) >= len(want) && l.d.pending() == 0 })
	got := l.stored(logstore)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return
	}
	count := map[string]int{}
	for _, s := range got {
		count[s]++
	}
	bad := 0
	for _, s := range want {
		if n := count[s]; n != 1 {
			if bad++; bad < 10 {
				l.t.Errorf("%q is there %d times", s, n)
			}
		}
		delete(count, s)
	}
	l.t.Errorf("%d lines are not there exactly once; %d are nobody's", bad, len(count))
}

// level is how much of this process is in use.
func level() (goroutines, files int, heap uint64) {
	runtime.GC()
	entries, _ := os.ReadDir("/proc/self/fd")
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), len(entries), m.HeapAlloc
}
