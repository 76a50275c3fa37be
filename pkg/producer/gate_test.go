package producer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func enter(t *testing.T, g *gate) pass {
	t.Helper()
	p, err := g.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func limitOf(g *gate) int {
	_, limit, _ := g.state()
	return limit
}

func TestGateLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate(8, nil)
		var passes []pass
		for range 8 {
			passes = append(passes, enter(t, g))
		}
		// Requests that were in flight together and failed together cut the limit once.
		for _, p := range passes {
			g.leave(p, timedOut)
		}
		if n := limitOf(g); n != 4 {
			t.Errorf("limit %d after one bad moment", n)
		}
		for want := 4; want >= 1; want /= 2 {
			if n := limitOf(g); n != want {
				t.Errorf("limit %d, want %d", n, want)
			}
			g.leave(enter(t, g), timedOut)
		}
		// One more for a window of successes, up to the maximum.
		for want, oks := 2, 1; want <= 8; want, oks = want+1, want {
			for range oks {
				g.leave(enter(t, g), passed)
			}
			if n := limitOf(g); n != want {
				t.Errorf("limit %d, want %d", n, want)
			}
		}
		for range 100 {
			g.leave(enter(t, g), passed)
		}
		if n := limitOf(g); n != 8 {
			t.Errorf("limit %d over its maximum", n)
		}
	})
}

func TestGateNeverLetsMorePass(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate(3, nil)
		var mu sync.Mutex
		inside, most := 0, 0
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				p, err := g.enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				time.Sleep(time.Duration(i) * time.Millisecond)
				mu.Lock()
				inside--
				mu.Unlock()
				g.leave(p, []signal{passed, answered, unclear, timedOut}[i%4])
			})
		}
		all.Wait()
		if most > 3 {
			t.Errorf("%d inside at once", most)
		}
		if active, _, _ := g.state(); active != 0 {
			t.Errorf("%d still inside", active)
		}
	})
}

func TestGateHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate(4, nil)
		g.leave(enter(t, g), refused)
		if _, _, held := g.state(); !held {
			t.Error("not held")
		}
		at := time.Now()
		p := enter(t, g) // the probe
		if wait := time.Since(at); wait < holdMin || wait > holdMax || !p.probe {
			t.Errorf("probe after %v", wait)
		}
		second, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if _, err := g.enter(second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second one beside the probe: %v", err)
		}
		// New credentials let the next probe through at once.
		g.leave(p, refused)
		go func() {
			time.Sleep(time.Second)
			g.nudge(2)
		}()
		at = time.Now()
		p = enter(t, g)
		if wait := time.Since(at); wait != time.Second {
			t.Errorf("probe %v after the nudge", wait)
		}
		var others sync.WaitGroup
		for range 3 {
			others.Go(func() { g.leave(enter(t, g), passed) })
		}
		synctest.Wait()
		g.leave(p, passed) // opens for everybody
		others.Wait()
		if _, _, held := g.state(); held {
			t.Error("still held")
		}
	})
}

// Waiting for newer credentials is no hold, until it has lasted.
func TestGateStale(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := newGate(4, nil)
		g.nudge(1)
		g.stale(enter(t, g), 1)
		if _, _, held := g.state(); held {
			t.Error("a routine renewal is called a hold")
		}
		g.nudge(1) // old news
		at := time.Now()
		p := enter(t, g)
		if wait := time.Since(at); wait != renewTime || !p.probe {
			t.Errorf("%v, %+v", wait, p)
		}
		g.leave(p, passed)
		p = enter(t, g)
		g.nudge(2)
		g.stale(p, 1) // the news came first
		at = time.Now()
		g.leave(enter(t, g), passed)
		if wait := time.Since(at); wait != 0 {
			t.Errorf("waited %v for what had come already", wait)
		}
	})
}
