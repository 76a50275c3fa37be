package checkpoint

import (
	"cmp"
	"fmt"
	"slices"

	"shipper/pkg/tail"
)

// Loss is bytes that are gone unread, for a reason.
type Loss struct {
	Route  tail.Route
	Reason string
	Bytes  int64 // since the process began
}

// Stream returns the ledger of one epoch, or nil if there is no such epoch.
func (s *Store) Stream(id tail.StreamID) *Stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.streams[id]
}

// Epochs returns everything that is known, oldest first.
func (s *Store) Epochs() []tail.Epoch {
	return s.epochs(func(tail.Route) bool { return true }, (*Stream).Epoch)
}

// Known returns the epochs of a route, oldest first. It implements tail.Positions. Ahead holds also what a lane answers for (see
// Lane): a reader must leave it alone as if it were settled.
func (s *Store) Known(route tail.Route) []tail.Epoch {
	return s.epochs(func(r tail.Route) bool { return r == route }, (*Stream).unreadEpoch)
}

func (s *Store) epochs(want func(tail.Route) bool, epoch func(*Stream) tail.Epoch) []tail.Epoch {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []tail.Epoch
	for _, st := range s.streams {
		if want(st.meta.route) {
			out = append(out, epoch(st))
		}
	}
	slices.SortFunc(out, func(a, b tail.Epoch) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Begin implements tail.Positions. Everything but the ID is taken from e; Counts.Read is made to fit the rest of them.
func (s *Store) Begin(e tail.Epoch) tail.StreamID {
	p := progress{offset: e.Offset, marker: e.Marker, pack: e.PackSeq, counts: e.Counts}
	for _, r := range e.Ahead {
		p.ahead = append(p.ahead, ahead{r: r, after: e.PackSeq})
	}
	s.mu.Lock()
	s.last++
	e.ID = s.last
	st := newStream(s, e, p)
	s.streams[e.ID] = st
	s.pending = appendEpoch(s.pending, &e)
	p = st.progressLocked() // nobody else has st yet
	s.pending = appendAck(s.pending, e.ID, &p)
	s.mu.Unlock()
	s.wake()
	return e.ID
}

// Update implements tail.Positions. An epoch that is not known (any more) is left alone.
func (s *Store) Update(e tail.Epoch) {
	s.mu.Lock()
	st := s.streams[e.ID]
	if st == nil {
		s.mu.Unlock()
		return
	}
	st.mu.Lock()
	e.Route = st.meta.route
	st.meta = metaOf(e)
	s.pending = appendEpoch(s.pending, &e)
	st.mu.Unlock()
	s.mu.Unlock()
	s.wake()
}

// Settled implements tail.Positions. An epoch that is not known gives zeros.
func (s *Store) Settled(id tail.StreamID) (off int64, counts tail.Counts) {
	st := s.Stream(id)
	if st == nil {
		return 0, tail.Counts{}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.done.offset, st.done.counts
}

// Lose implements tail.Positions. The caller names the loss in the log; here it is counted, for the stream and for Losses.
func (s *Store) Lose(id tail.StreamID, n int64, reason string) {
	st := s.Stream(id)
	if st == nil || n <= 0 {
		return
	}
	st.mu.Lock()
	st.done.counts.Read += n
	st.done.counts.Lost += n
	route := st.meta.route
	st.touchLocked()
	st.mu.Unlock()

	s.lossMu.Lock()
	s.losses[Loss{Route: route, Reason: reason}] += n
	s.lossMu.Unlock()
}

// Losses returns what was lost since the process began, for each route and reason.
func (s *Store) Losses() []Loss {
	s.lossMu.Lock()
	defer s.lossMu.Unlock()
	out := make([]Loss, 0, len(s.losses))
	for l, n := range s.losses {
		l.Bytes = n
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Loss) int {
		return cmp.Or(cmp.Compare(a.Route.Input, b.Route.Input), cmp.Compare(a.Route.Target, b.Route.Target), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// Forget is End for an operator: lines of the stream that an earlier run sent without an answer are not sent again for its sake.
func (s *Store) Forget(id tail.StreamID) {
	s.release(id)
	s.End(id)
}

// End implements tail.Positions. Spans of the stream that are on their way may still be settled.
func (s *Store) End(id tail.StreamID) {
	s.mu.Lock()
	st := s.streams[id]
	if st == nil {
		s.mu.Unlock()
		return
	}
	delete(s.streams, id)
	st.mu.Lock()
	st.ended = true
	st.mu.Unlock()
	s.pending = appendEnd(s.pending, id)
	s.mu.Unlock()
	s.wake()
}

// SetOffset moves the committed offset by hand, while nobody reads the stream. Settled ranges beyond it are forgotten, and the
// marker with them, and so is what an earlier run sent of it without an answer. Bytes that are stepped over count as skipped.
func (s *Store) SetOffset(id tail.StreamID, off int64) error {
	st := s.Stream(id)
	if st == nil {
		return fmt.Errorf("there is no stream %d", id)
	}
	if off < 0 {
		return fmt.Errorf("offset %d is before the beginning of the file", off)
	}
	if off > offsetMax {
		return fmt.Errorf("offset %d is longer than any file", off)
	}
	s.release(id)
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.first != nil {
		return fmt.Errorf("stream %d has lines on their way", id)
	}
	skipped := max(0, off-st.done.offset)
	for _, a := range st.done.ahead { // these were counted when they were settled
		skipped -= max(0, min(a.r.To, off)-a.r.From)
	}
	st.done.counts.Skipped += skipped
	st.done.offset, st.done.marker, st.done.ahead = off, tail.Marker{}, nil
	st.rest()
	st.touchLocked()
	return nil
}
