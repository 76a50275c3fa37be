package checkpoint

import (
	"cmp"
	"slices"
	"sync/atomic"

	"shipper/pkg/tail"
)

// tally adds up what was delivered of a route. It outlives the streams, which are forgotten with their files.
type tally struct{ bytes, logs atomic.Int64 }

// Delivery is what the service has accepted of a route since the process began.
type Delivery struct {
	Route tail.Route
	Bytes int64 // of log files
	Logs  int64
}

// Delivered returns what was delivered on each route that has ever had a stream.
func (s *Store) Delivered() []Delivery {
	s.tallyMu.Lock()
	defer s.tallyMu.Unlock()
	out := make([]Delivery, 0, len(s.tallies))
	for r, t := range s.tallies {
		out = append(out, Delivery{Route: r, Bytes: t.bytes.Load(), Logs: t.logs.Load()})
	}
	slices.SortFunc(out, func(a, b Delivery) int {
		return cmp.Or(cmp.Compare(a.Route.Input, b.Route.Input), cmp.Compare(a.Route.Target, b.Route.Target))
	})
	return out
}

func (s *Store) tallyOf(r tail.Route) *tally {
	s.tallyMu.Lock()
	defer s.tallyMu.Unlock()
	t := s.tallies[r]
	if t == nil {
		if s.tallies == nil {
			s.tallies = map[tail.Route]*tally{}
		}
		t = &tally{}
		s.tallies[r] = t
	}
	return t
}
