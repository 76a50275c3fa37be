package tail

import "sync"

// place is where a stream stands with respect to the readers.
type place uint8

const (
	idle    place = iota // nothing to do
	queued               // waits for a reader, or behind a shut line for its sink
	reading              // a reader has its turn
	blocked              // waits until its predecessor was read to the end
	parked               // discovery works on it
	closed               // over; nobody touches it any more
)

// outcome is how a reader's turn ended.
type outcome uint8

const (
	more    outcome = iota // there is more to read
	atEnd                  // read to the present end
	notNow                 // the sink takes nothing
	trouble                // discovery must look: rewritten, or an error
	unmet                  // discovery must record what the content begins with, then there is more to read
)

// ring hands dirty streams to readers, in turn. Its mutex guards every field of stream that is marked "ring".
type ring struct {
	mu    sync.Mutex
	more  sync.Cond // there is something to read
	quiet sync.Cond // a turn has ended
	lines map[string]*lineup
	order []*lineup // the line whose turn comes first
	shut  bool

	behind int // streams that are queued or reading

	inbox []*stream // parked with trouble, for discovery
	poke  func()    // tells discovery that inbox or an end-of-file may interest it
}

func newRing(poke func()) *ring {
	r := &ring{lines: map[string]*lineup{}, poke: poke}
	r.more.L, r.quiet.L = &r.mu, &r.mu
	return r
}

// lineLocked is where streams of a target wait.
func (r *ring) lineLocked(target string) *lineup {
	l := r.lines[target]
	if l == nil {
		l = &lineup{waiting: map[*input]int{}}
		r.lines[target] = l
		r.order = append(r.order, l)
	}
	return l
}

// mark says that s may have something to read.
func (r *ring) mark(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.markLocked(s)
}

func (r *ring) markLocked(s *stream) {
	switch s.place {
	case idle:
		r.queueLocked(s, (*lineup).come)
	case reading, parked, blocked:
		s.again = true
	}
}

// queueLocked puts s at a place of its line.
func (r *ring) queueLocked(s *stream, put func(*lineup, *stream)) {
	s.place = queued
	r.behind++
	l := r.lineLocked(s.route.Target)
	if put(l, s); l.keeper == nil {
		r.more.Signal()
	}
}

// next waits for a dirty stream and gives it to the caller, with the count of wakes at that time; nil after shutdown.
func (r *ring) next() (*stream, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.shut {
		if s, woken := r.takeLocked(); s != nil {
			return s, woken
		}
		r.more.Wait()
	}
	return nil, 0
}

func (r *ring) takeLocked() (*stream, uint64) {
	for i, l := range r.order {
		s := l.take()
		if s == nil {
			continue
		}
		copy(r.order[i:], r.order[i+1:])
		r.order[len(r.order)-1] = l
		s.place, s.again, s.from = reading, false, s.off.Load()
		return s, l.woken
	}
	return nil, 0
}

// keeps reports whether the reader that has s may go on: nobody else wants it.
func (r *ring) keeps(s *stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !s.wanted && !r.shut
}

// done ends the turn of s.
func (r *ring) done(s *stream, how outcome, woken uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behind--
	s.place = idle
	s.atEnd = how == atEnd && !s.again
	l := r.lineLocked(s.route.Target)
	l.count(s)
	if how == atEnd {
		for _, n := range s.next {
			r.unblockLocked(n)
		}
		s.next = nil
	}
	switch {
	case how == trouble || how == unmet || s.wanted:
		s.wanted, s.troubled = false, s.troubled || how == trouble
		s.again = s.again || how == more || how == notNow || how == unmet
		s.place = parked
		r.inbox = append(r.inbox, s)
		r.poke()
	case how == notNow:
		if l.keeper == nil && l.woken == woken {
			l.close(s)
		}
		r.queueLocked(s, (*lineup).comeFirst)
	case how != atEnd || s.again:
		r.queueLocked(s, (*lineup).comeAgain)
	}
	r.quiet.Broadcast()
}

// wake lets the streams of a target try again.
func (r *ring) wake(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lineLocked(target)
	l.woken++
	r.openLocked(l)
}

func (r *ring) openLocked(l *lineup) {
	if l.keeper == nil {
		return
	}
	l.open()
	if l.n() == 1 {
		r.more.Signal()
	} else {
		r.more.Broadcast()
	}
}

// troubles returns the streams that were parked for discovery since the last call.
func (r *ring) troubles() []*stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.inbox
	r.inbox = nil
	return in
}

// stop ends next for everybody.
func (r *ring) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut = true
	r.more.Broadcast()
	r.quiet.Broadcast()
}

// waits reports whether s waits for its sink or is blocked: no reader will look at it soon.
func (r *ring) waits(s *stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return s.place == queued && r.lineLocked(s.route.Target).keeper != nil || s.place == blocked || s.place == parked && (s.wasBlocked || s.again)
}

// rests reports whether s was read to its end and nothing has been marked since.
func (r *ring) rests(s *stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return (s.place == idle || s.place == parked && !s.wasBlocked && !s.again) && s.atEnd
}

// busyOrHeld reports whether a stream waits for a reader, has one, or waits for its sink.
func (r *ring) busyOrHeld() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behind > 0 || len(r.inbox) > 0
}

// quietNow reports whether there is nothing to read and nothing for discovery.
func (r *ring) quietNow() bool { return !r.busyOrHeld() }

// waitQuiet waits until quietNow, until discovery has something to do, or until stop.
func (r *ring) waitQuiet() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.behind > 0 && len(r.inbox) == 0 && !r.shut {
		r.quiet.Wait()
	}
}
