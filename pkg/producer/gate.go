package producer

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"shipper/internal/backoff"
)

// Waits of the gate. A held target is tried every 5 to 60 s: often enough that a permission that was just given is found
// within a minute, seldom enough that it hurts nobody. A project's quota is counted by the minute, a shard's by the second.
const (
	holdMin, holdMax       = 5 * time.Second, 60 * time.Second
	projectMin, projectMax = time.Second, 60 * time.Second
	shardMin, shardMax     = 300 * time.Millisecond, 60 * time.Second
	renewTime              = 10 * time.Second // how long a renewal may take before it is called trouble
)

// gate decides when a sender of a target may make an attempt. Three things close it: too many attempts in flight, a pause
// after a throttle, and a hold. While it is held one sender at a time passes, as a probe.
//
// The number in flight adapts (additive increase, multiplicative decrease): one more after as many successes in a row as
// the limit is now, half of it after a throttle or a timeout.
type gate struct {
	max int // of attempts in flight

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever somebody waiting should look again
	limit   float64
	active  int
	oks     int       // successes since the limit last changed
	era     uint64    // rises with each cut of the limit; attempts from before do not cut it again
	until   time.Time // nobody passes before
	held    bool
	waiting bool // held only until newer credentials come, which is routine
	probing bool
	fresh   uint64 // newest generation of credentials that nudge told of
	worn    uint64 // while waiting: the generation that is not enough

	project, shard, hold *backoff.B
}

// pass is the right to make one attempt. It must be given back with leave.
type pass struct {
	era   uint64
	probe bool
}

// signal is what an attempt means for the gate.
type signal uint8

const (
	passed      signal = iota // accepted
	answered                  // the service let us in but did not take this body
	unclear                   // failed in a way that says nothing about permissions
	timedOut                  // as unclear, and the service seems overloaded
	slowDown                  // throttled by a shard
	slowProject               // throttled by the project
	refused                   // somebody must change something
	cancelled                 // we gave up ourselves
)

func newGate(limit int, src rand.Source) *gate {
	return &gate{max: limit, limit: float64(limit), changed: make(chan struct{}),
		project: backoff.New(projectMin, projectMax, src),
		shard:   backoff.New(shardMin, shardMax, src),
		hold:    backoff.New(holdMin, holdMax, src)}
}

// enter waits until an attempt may be made, or for the end of ctx.
func (g *gate) enter(ctx context.Context) (pass, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return pass{}, err
		}
		p, ok, wait, changed := g.try()
		if ok {
			return p, nil
		}
		backoff.Rest(ctx, wait, changed)
	}
}

// try passes if that is possible now, else it says how long to wait at most (0 = until changed is closed).
func (g *gate) try() (p pass, ok bool, wait time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wait := time.Until(g.until); wait > 0 {
		return p, false, wait, g.changed
	}
	if g.held && g.probing || !g.held && g.active >= int(g.limit) {
		return p, false, 0, g.changed
	}
	g.active++
	g.probing = g.held
	return pass{era: g.era, probe: g.held}, true, 0, nil
}

// leave gives p back and tells how the attempt went.
func (g *gate) leave(p pass, s signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	if p.probe {
		g.probing = false
	}
	switch s {
	case passed:
		g.open()
		g.project.Reset()
		g.shard.Reset()
		g.grow()
	case answered:
		g.open()
	case slowDown:
		g.open()
		g.cutOnce(p, g.shard)
	case slowProject:
		g.open()
		g.cutOnce(p, g.project)
	case timedOut:
		g.cutOnce(p, nil)
		g.probeLater(p)
	case unclear:
		g.probeLater(p)
	case refused:
		if !g.held || g.waiting || p.probe {
			g.held, g.waiting = true, false
			g.until = time.Now().Add(g.hold.Next())
		}
	case cancelled:
	}
	g.wake()
}

// open ends a hold.
func (g *gate) open() {
	if g.held {
		g.held, g.waiting = false, false
		g.until = time.Time{}
		g.hold.Reset()
	}
}

// probeLater spaces the probes of a held gate.
func (g *gate) probeLater(p pass) {
	if g.held && p.probe {
		g.until = time.Now().Add(g.hold.Next())
	}
}

// grow raises the limit by one after a window of successes.
func (g *gate) grow() {
	g.oks++
	if g.oks >= int(g.limit) {
		g.oks = 0
		g.limit = min(g.limit+1, float64(g.max))
	}
}

// cutOnce halves the limit and, with pause, closes the gate for a while; once for all attempts that were in flight together.
func (g *gate) cutOnce(p pass, pause *backoff.B) {
	if p.era != g.era {
		return
	}
	g.era++
	g.oks = 0
	g.limit = max(g.limit/2, 1)
	if pause != nil {
		g.until = time.Now().Add(pause.Next())
	}
}

// stale gives p back unused: there are no credentials newer than generation gen, and those are missing or no good. The gate
// closes until nudge tells of newer ones; after renewTime one probe passes even so.
func (g *gate) stale(p pass, gen uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.active--
	if p.probe {
		g.probing = false
	}
	if !g.held && g.fresh <= gen {
		g.held, g.waiting, g.worn = true, true, gen
		g.until = time.Now().Add(renewTime)
	}
	g.wake()
}

// newest is the newest generation that nudge told of.
func (g *gate) newest() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.fresh
}

// nudge tells that credentials of generation gen have come. A held gate lets the next probe through at once.
func (g *gate) nudge(gen uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fresh = max(g.fresh, gen)
	if g.held && !(g.waiting && gen <= g.worn) {
		g.until = time.Time{}
		g.wake()
	}
}

// wake makes everybody who waits look again.
func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// state is how things stand: attempts in flight, how many may be, and whether the gate is held.
func (g *gate) state() (active, limit int, held bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.active, int(g.limit), g.held && !g.waiting
}
