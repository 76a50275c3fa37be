package checkpoint

import (
	"slices"

	"shipper/pkg/tail"
)

// Claim is a range of a stream that a lane answers for: it was sent, or is about to be, under a number that the lane remembers.
// Nobody reads it again until the lane knows what became of it. It can outlive its stream; then there is
// nothing to settle.
type Claim struct {
	id     tail.StreamID
	r      tail.Range
	marker tail.Marker // of the bytes that end at r.To
	after  uint64      // pack number that follows
	stream *Stream     // nil: nothing to settle
	span   *Span
}

// Claim is what a lane has to know of sp.
func (s *Stream) Claim(sp *Span) Claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Claim{id: s.id, r: sp.r, marker: sp.marker, after: sp.after, stream: s, span: sp}
}

// Stream is the stream's id, and Range where the claim stands in it.
func (c *Claim) Stream() tail.StreamID { return c.id }

// Range is the bytes of the stream that the claim covers.
func (c *Claim) Range() tail.Range { return c.r }

// Settle is Stream.Settle for the claimed span.
func (c *Claim) Settle(o Outcome) {
	if c.stream != nil {
		c.stream.Settle(c.span, o)
	}
}

// hold makes the span survive Rewind, or not.
func (c *Claim) hold(claimed bool) {
	if c.stream != nil {
		c.stream.mu.Lock()
		c.span.claimed = claimed
		c.stream.mu.Unlock()
	}
}

// reclaim finds the place in the ledger of a claim that an earlier run made. known says that the ledger has all of it as
// settled already.
func (s *Store) reclaim(c *Claim) (known bool) {
	st := s.streams[c.id]
	if st == nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.reclaimLocked(c)
}

func (s *Stream) reclaimLocked(c *Claim) (known bool) {
	if c.r.To <= s.done.offset {
		return true
	}
	at, found := slices.BinarySearchFunc(s.done.ahead, c.r.From, func(a ahead, from int64) int {
		switch {
		case a.r.To <= from:
			return -1
		case a.r.From > from:
			return 1
		}
		return 0
	})
	switch {
	case found:
		a := s.done.ahead[at]
		return a.claim == nil && c.r.To <= a.r.To
	case c.r.From < s.done.offset || at < len(s.done.ahead) && s.done.ahead[at].r.From < c.r.To:
		return false // partly settled: reading went back once. What is not will be read again
	}
	c.stream = s
	c.span = &Span{r: c.r, marker: c.marker, after: c.after, state: spanAhead, claimed: true}
	s.done.ahead = slices.Insert(s.done.ahead, at, ahead{r: c.r, marker: c.marker, after: c.after, claim: c.span})
	return false
}

// reachClaimLocked puts a claim that reading has reached into the list.
func (s *Stream) reachClaimLocked(a ahead) {
	a.claim.state = spanOpen
	s.done.counts.Read += a.r.Len()
	s.seq = max(s.seq, a.after)
	s.pushLocked(a.claim)
}

// settleAheadLocked settles a claim that reading has not reached. As with all that lies ahead, the offset moves when it does.
func (s *Stream) settleAheadLocked(sp *Span, o Outcome) {
	sp.state = spanStale
	for i := range s.done.ahead {
		if a := &s.done.ahead[i]; a.claim == sp {
			a.claim = nil
			s.done.counts.Read += o.Total()
			s.countLocked(o)
			s.touchLocked()
		}
	}
}

// waitingLocked is progressLocked().ahead and the claims, in order: what a reader that begins at the offset leaves alone.
func (s *Stream) waitingLocked() []ahead {
	var out []ahead
	add := func(a ahead) {
		if n := len(out); n > 0 && out[n-1].r.To == a.r.From && out[n-1].claim == nil && a.claim == nil {
			a.r.From = out[n-1].r.From
			out[n-1] = a
		} else if a.r.Len() > 0 {
			out = append(out, a)
		}
	}
	for sp := s.first; sp != nil; sp = sp.next {
		switch {
		case sp.state == spanSettled:
			add(ahead{r: sp.r, marker: sp.marker, after: sp.after})
		case sp.claimed:
			add(ahead{r: sp.r, marker: sp.marker, after: sp.after, claim: sp})
		}
	}
	for _, a := range s.done.ahead {
		add(a)
	}
	return out
}

// unreadEpoch is Epoch with the claims among Ahead.
func (s *Stream) unreadEpoch() tail.Epoch {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.epochLocked()
	e.Ahead = nil
	for _, a := range s.waitingLocked() {
		if n := len(e.Ahead); n > 0 && e.Ahead[n-1].To == a.r.From {
			e.Ahead[n-1].To = a.r.To
		} else {
			e.Ahead = append(e.Ahead, a.r)
		}
	}
	return e
}

// dropClaimsLocked gives up the claims that reading has not reached.
func (s *Stream) dropClaimsLocked() {
	s.done.ahead = slices.DeleteFunc(s.done.ahead, func(a ahead) bool {
		if a.claim != nil {
			a.claim.state = spanStale
		}
		return a.claim != nil
	})
}
