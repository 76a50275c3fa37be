package tail

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The index of a listing finds what going through all of it finds.
func TestRotationsIndexed(t *testing.T) {
	piece := rapid.SampledFrom([]string{"app", "log", ".", "-", "_", "@", "~", "1", "20260101", "T10:00:00Z", ".log", ".gz", ".zst", "x"})
	name := rapid.Custom(func(t *rapid.T) string {
		out := ""
		for _, p := range rapid.SliceOfN(piece, 1, 6).Draw(t, "pieces") {
			out += p
		}
		return out
	})
	rapid.Check(t, func(rt *rapid.T) {
		base := name.Filter(func(s string) bool { return filepath.Base(s) == s && s != "." }).Draw(rt, "base")
		l := &listing{}
		for _, n := range rapid.SliceOf(name).Draw(rt, "names") {
			l.entries = append(l.entries, named(n))
		}
		for _, more := range rapid.SliceOf(piece).Draw(rt, "rotations") {
			l.entries = append(l.entries, named(base+more), named(base+"."+more+".gz"))
		}
		find := func() (out []string) {
			l.rotations(base, func(e os.DirEntry) {
				if rotatedName(base, e.Name()) {
					out = append(out, e.Name())
				}
			})
			return out
		}
		want := find()
		l.asked = indexAfter
		if got := find(); !slices.Equal(got, want) {
			rt.Fatalf("rotations of %q: the index finds %q, all of them are %q", base, got, want)
		}
	})
}

// named is a file with that name.
type named string

func (n named) Name() string             { return string(n) }
func (named) IsDir() bool                { return false }
func (named) Type() os.FileMode          { return 0 }
func (named) Info() (os.FileInfo, error) { return nil, os.ErrNotExist }
