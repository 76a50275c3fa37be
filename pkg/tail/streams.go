package tail

import (
	"iter"
	"slices"
)

// streams are those that are read from one file: hardly ever more than one, at most one of a route. A map would take half a
// kilobyte a file.
type streams []*stream

// of returns the stream of a route; nil if there is none.
func (ss streams) of(r Route) *stream {
	for _, s := range ss {
		if s.route == r {
			return s
		}
	}
	return nil
}

// put adds s in place of another of its route.
func (ss *streams) put(s *stream) {
	ss.drop(s.route)
	*ss = append(slices.Clip(*ss), s)
}

// drop takes the stream of a route out. Whoever goes through the list at the same time keeps what it had: see each.
func (ss *streams) drop(r Route) {
	if i := slices.IndexFunc(*ss, func(s *stream) bool { return s.route == r }); i >= 0 {
		*ss = slices.Concat((*ss)[:i], (*ss)[i+1:])
	}
}

// each goes through the streams of f while they come and go: what has left is not met any more.
func (f *file) each() iter.Seq[*stream] {
	return func(yield func(*stream) bool) {
		for _, s := range f.streams {
			if slices.Contains(f.streams, s) && !yield(s) {
				return
			}
		}
	}
}
