package tail

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// TestNames compares the index with what it stands for: asking rotatedName of every stream.
func TestNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"app", "log", "1", "20260101", ".", "-", "_", "~", "@", "T", ".gz", ".log", "b:", "x"}
	name := func() string {
		s := ""
		for range 1 + r.IntN(5) {
			s += parts[r.IntN(len(parts))]
		}
		if s == "." || s == ".." {
			s += "x" // no file has such a name
		}
		return s
	}
	for range 300 {
		idx := newNames()
		var all []*stream
		for i := range 40 {
			s := &stream{id: StreamID(i)}
			first, second := "/d/"+name(), "/d/"+name()
			s.label.Store(&first)
			idx.put(s)
			switch r.IntN(3) {
			case 0:
				s.label.Store(&second)
				idx.put(s)
			case 1:
				idx.drop(s)
				continue
			}
			all = append(all, s)
		}
		for range 40 {
			to := name()
			var found []*stream
			idx.rotatedTo("/d", to, func(s *stream) {
				if rotatedName(filepath.Base(s.path()), to) && !slices.Contains(found, s) {
					found = append(found, s)
				}
			})
			for _, s := range all {
				if want := rotatedName(filepath.Base(s.path()), to); want != slices.Contains(found, s) {
					t.Fatalf("%s -> %s: found %v, want %v", s.path(), to, !want, want)
				}
			}
		}
		for _, s := range all {
			idx.drop(s)
		}
		if len(idx.at)+len(idx.paths)+len(idx.stems) != 0 {
			t.Fatalf("something is left: %v", idx)
		}
	}
}
