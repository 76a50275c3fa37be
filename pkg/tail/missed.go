package tail

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"shipper/internal/linux"
)

// clockGrain is how far a file's birth time may lie behind the clock: file systems stamp with the kernel's last tick.
const clockGrain = 20 * time.Millisecond

// gap is a time in which generations of a path may have come and gone unseen.
type gap struct {
	in    *input
	route Route
	path  string
	since time.Time
}

// fillGap reads the generations of g's path that came and went since it was looked at last: unknown neighbours, not
// matched by the pattern, that were born after that. If names change while they are listed, some may have slipped
// through: then it is done again in the next step.
func (t *Tailer) fillGap(g gap) {
	if g.since.IsZero() {
		return
	}
	dir := filepath.Dir(g.path)
	before, err := linux.Stat(dir)
	if err != nil {
		return
	}
	for _, f := range t.missed(g) {
		if f.streams[g.route] == nil {
			t.begin(f, g.in, g.route, 0, g.path)
		}
	}
	after, err := linux.Stat(dir)
	if err != nil || !after.Mod.Equal(before.Mod) || !t.once && time.Since(after.Mod) < clockGrain {
		t.gaps = append(t.gaps, g)
	}
}

// refillGaps does again what was disturbed in the last step.
func (t *Tailer) refillGaps() {
	gaps := t.gaps
	t.gaps = nil
	for _, g := range gaps {
		t.fillGap(g)
	}
}

// missed returns the unknown generations of a gap, oldest first.
func (t *Tailer) missed(g gap) []*file {
	var out []*file
	for _, p := range t.neighbours(g.path) {
		if g.in.glob.excluded(p) || g.in.glob.matches(p) || compressed(p) {
			continue
		}
		f := t.peek(p)
		if f == nil || slices.Contains(out, f) {
			continue
		}
		if len(f.streams) == 0 && len(f.links) == 0 && len(f.names) == 0 &&
			f.id.Birth > g.since.Add(-clockGrain).UnixNano() && !t.knownTo(g.route, f) {
			out = append(out, f)
		} else {
			t.dropUnused(f)
		}
	}
	slices.SortFunc(out, func(a, b *file) int {
		return cmp.Or(cmp.Compare(a.id.Birth, b.id.Birth), a.info.Mod.Compare(b.info.Mod), cmp.Compare(a.id.Ino, b.id.Ino))
	})
	return out
}

// knownTo reports whether f or its content belongs to a recorded epoch of the route, or to one that looks for its copy.
func (t *Tailer) knownTo(r Route, f *file) bool {
	for s := range t.orphans {
		if s.route == r && t.judge(s.present(), f, false, true) == moved {
			return true
		}
	}
	for _, rec := range t.records[r] {
		if kernelIs(rec.epoch.Identity, f.id) != different {
			return true
		}
		if v := t.judge(rec.epoch, f, true, true); v == copied || v == moved {
			return true
		}
	}
	return false
}
