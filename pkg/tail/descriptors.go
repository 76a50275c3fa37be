package tail

import (
	"slices"
	"time"
)

// busyTime is how long a file stays open after it changed although there are more than MaxOpenFiles. One that is written every second
// is not idle: closed, it would be opened again at once, which costs more than to keep it.
const busyTime = 5 * time.Second

// limitOpen closes descriptors of files that are idle, settled and still have their name, the longest idle first. Busy ones are closed
// only when descriptors become scarce.
func (t *Tailer) limitOpen() {
	if t.opened <= t.opts.MaxOpenFiles {
		return
	}
	now := t.now()
	stays := func(f *file) bool { return t.opened <= t.mostOpen && now.Sub(f.changed) < busyTime }
	var idle []*file
	for _, f := range t.files {
		if f.f != nil && len(f.names) > 0 && len(f.links) == 0 && !stays(f) {
			idle = append(idle, f)
		}
	}
	slices.SortFunc(idle, func(a, b *file) int { return a.changed.Compare(b.changed) })
	for _, f := range idle {
		if t.opened <= t.opts.MaxOpenFiles || stays(f) {
			return
		}
		if t.resting(f) {
			t.closeFile(f)
		}
	}
}

// resting parks the streams of f and reports whether all are at the end and settled.
func (t *Tailer) resting(f *file) bool {
	for s := range f.each() {
		if !t.ring.rests(s) || !t.hold(s) || s.partial.Load() != 0 || s.off.Load() != f.info.Size || !t.settled(s) {
			return false
		}
	}
	return true
}

func (t *Tailer) closeFile(f *file) {
	if f.f == nil {
		return
	}
	f.f.Close()
	f.f = nil
	t.opened--
	for s := range f.each() {
		s.src = nothingLeft{}
	}
}
