package tail

import "slices"

// park takes s away from the readers for discovery. It is false while a reader has it: then s comes through the inbox.
func (r *ring) park(s *stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch s.place {
	case reading:
		s.wanted = true
		return false
	case queued:
		r.unqueueLocked(s)
		s.again = true
	case blocked:
		s.wasBlocked = true
	case closed:
		return false
	}
	s.place = parked
	return true
}

// unpark gives s back.
func (r *ring) unpark(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.place != parked {
		return
	}
	s.place, s.troubled = idle, false
	if s.wasBlocked {
		s.wasBlocked, s.place = false, blocked
		return
	}
	if s.again {
		s.again = false
		r.markLocked(s)
	}
}

// block keeps s from being read until before has been read to its end once more. A stream that is being read stays so.
func (r *ring) block(s, before *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before.place == closed || r.waitsFor(before, s) {
		return
	}
	switch s.place {
	case idle:
		s.place = blocked
	case queued:
		r.unqueueLocked(s)
		s.place = blocked
	case parked:
		s.wasBlocked = true
	case blocked:
	default:
		return
	}
	s.waitsFor++
	before.next = append(before.next, s)
	r.markLocked(before)
}

// waitsFor reports whether s waits, through any number of others, for before: two that wait for each other wait for ever.
func (r *ring) waitsFor(s, before *stream) bool {
	return s == before || slices.ContainsFunc(before.next, func(n *stream) bool { return r.waitsFor(s, n) })
}

// unqueueLocked takes s out of its line. If the line was shut because s was refused, the next one has to ask for itself.
func (r *ring) unqueueLocked(s *stream) {
	r.behind--
	l := r.lineLocked(s.route.Target)
	l.leave(s)
	if l.keeper == s {
		r.openLocked(l)
	}
}

// unblockLocked takes one predecessor off s.
func (r *ring) unblockLocked(s *stream) {
	if s.waitsFor--; s.waitsFor > 0 {
		return
	}
	switch s.place {
	case parked:
		s.wasBlocked, s.again = false, true
	case blocked:
		s.place = idle
		r.markLocked(s)
	}
}

// pass lets the successors of s be read although s is not at its end.
func (r *ring) pass(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range s.next {
		r.unblockLocked(n)
	}
	s.next = nil
}

// close takes s out for good. The caller has parked it.
func (r *ring) close(s *stream) {
	r.pass(s)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.place = closed
}
