package tail

import (
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"
)

// amid is what happens in the middle of a step of discovery or of a reader's turn: at the n-th time that one of them asks what
// time it is, calls its sink, or records something. With it a script plays what only happens when two are at work at once.
type amid struct {
	n     int
	cmds  []string
	inner bool // happens now
	step  bool // a step is being taken
	ended bool // readers and discovery have ended
	err   error
	left  *ledger // what crash has kept
}

func (p *play) arm(n int, cmds string) error {
	if p.amid.cmds != nil {
		return fmt.Errorf("something else is to happen")
	}
	p.amid.n, p.amid.cmds = n, strings.Split(cmds, " ; ")
	return nil
}

// listen lets tl tell when it may be interrupted.
func (p *play) listen(tl *Tailer) {
	tl.now = func() time.Time {
		p.asked()
		return time.Now()
	}
	p.w.asked, p.w.ledger.asked = p.asked, p.asked
}

func (p *play) asked() {
	if p.amid.inner || p.amid.cmds == nil || p.tl == nil {
		return
	}
	if p.amid.n--; p.amid.n <= 0 {
		p.interrupt()
	}
}

// interrupt does what is to happen.
func (p *play) interrupt() {
	p.amid.inner = true
	defer func() { p.amid.inner = false }()
	cmds := p.amid.cmds
	p.amid.cmds = nil
	for _, c := range cmds {
		f := strings.Fields(c)
		if f[0] == "look" && (p.amid.step || p.amid.ended) { // steps do not overlap
			continue
		}
		if err := p.do(f[0], f[1:]); err != nil && p.amid.err == nil {
			p.amid.err = fmt.Errorf("%s: %w", c, err)
		}
	}
}

// turn lets one reader read, if there is something to read.
func (p *play) turn() error {
	if p.amid.ended {
		return nil
	}
	if s, woken := p.tl.ring.try(); s != nil {
		p.tl.turnOf(s, woken)
	}
	return nil
}

func (p *play) step(what int) {
	inner := p.amid.step
	p.amid.step = true
	if p.sweeps && what&stepAll != 0 && p.tl.scanned {
		p.tl.sweepNow()
		what = what&^stepAll | stepTick
	}
	p.tl.step(what)
	p.amid.step = inner
}

// missedAmid does now what was to happen and did not, and tells what went wrong.
func (p *play) missedAmid() error {
	if p.amid.cmds != nil && !p.amid.inner {
		p.interrupt()
	}
	err := p.amid.err
	p.amid.err = nil
	return err
}

// crashed goes back to what crash has kept.
func (p *play) crashed() {
	if l := p.amid.left; l != nil {
		p.amid.left = nil
		p.w.ledger.epochs = l.epochs
	}
}

// copy is a ledger with the same epochs.
func (l *ledger) copy() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newLedger()
	for id, e := range maps.All(l.epochs) {
		own := *e
		c.epochs[id] = &own
	}
	return c
}

// try is next without waiting.
func (r *ring) try() (*stream, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return nil, 0
	}
	return r.takeLocked()
}

// turnOf gives s one turn.
func (t *Tailer) turnOf(s *stream, woken uint64) { t.take(s, woken, new(atomic.Int64)) }
