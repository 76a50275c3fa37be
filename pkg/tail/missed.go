package tail

import (
	"bytes"
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
	own   *file // begins after it: a copy of what stands there is no generation that was missed; nil for the file at path
	other bool  // nothing is known of the path: what was put there later, and written before, is an old archive
}

// gapSince is the gap at a path since that was looked at last or, if it never was, since anything was.
func (t *Tailer) gapSince(looked time.Time, in *input, r Route, path string) gap {
	g := gap{in: in, route: r, path: path, since: looked}
	if since := t.since[r]; g.since.IsZero() && !since.IsZero() {
		g.since, g.other = since.Add(-slowLook), true
	}
	return g
}

// slowLook is how long it may take to look at everything once: some paths are looked at so much earlier than others.
const slowLook = time.Second

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
		if f.streams.of(g.route) == nil {
			t.begin(f, g.in, g.route, 0, g.path, g.since)
		}
	}
	after, err := linux.Stat(dir)
	if err != nil || !after.Mod.Equal(before.Mod) || !t.once && time.Since(after.Mod) < clockGrain {
		t.keepGap(g)
	}
}

// recorded is until when all that stood at a path is on record, what stands in f apart: as far as it was before, as long as another
// file stands there that is not read yet.
func (t *Tailer) recorded(r Route, path string, f *file, before time.Time) time.Time {
	l := t.leads[path]
	if l == nil || l.file != nil && l.file != f && !l.file.answered(r) {
		return before
	}
	at := l.looked
	for _, g := range t.gaps {
		if g.route == r && g.path == path && g.since.Before(at) {
			at = g.since
		}
	}
	return at
}

// fillEmpty reads what came and went in the file of s since it was seen empty. What stands in it now may not be the first
// that was written: it may have been copied and truncated in between, and nothing of it is known that could tell.
func (t *Tailer) fillEmpty(s *stream, since time.Time) {
	label := s.path()
	delete(t.last[s.route], label)
	t.fillGap(gap{in: s.in, route: s.route, path: label, since: since})
	if older := t.last[s.route][label]; older != nil {
		t.ring.block(s, older)
	}
	t.last[s.route][label] = s
}

// cameAndWent looks for what stood at a path where something was known once, and is gone again.
func (t *Tailer) cameAndWent(path string, since time.Time) {
	for _, in := range t.inputs {
		if in.glob.matches(path) {
			for _, r := range in.routes {
				t.keepGap(t.gapSince(since, in, r, path))
			}
		}
	}
}

// touchedEmpty looks for what came and went in a file that was empty and is empty again.
func (t *Tailer) touchedEmpty(f *file) {
	for s := range f.each() {
		if s.head.Load().Len == 0 && t.hold(s) {
			t.fillEmpty(s, s.epoch.Seen)
			s.epoch.Seen = t.recorded(s.route, s.path(), f, s.epoch.Seen)
		}
	}
}

// keepGap remembers a gap for the next step.
func (t *Tailer) keepGap(g gap) {
	for i, o := range t.gaps {
		if o.route == g.route && o.path == g.path {
			if g.since.Before(o.since) {
				t.gaps[i].since = g.since
			}
			t.gaps[i].other = o.other && g.other
			return
		}
	}
	t.gaps = append(t.gaps, g)
}

// refillGaps does again what was disturbed in the last step.
func (t *Tailer) refillGaps() {
	gaps := t.gaps
	t.gaps = nil
	for _, g := range gaps {
		if t.stale(g.path) {
			t.look(g.path)
		}
		t.fillGap(g)
	}
}

// stale reports whether another file stands at a configured path than the one that was met there.
func (t *Tailer) stale(path string) bool {
	info, err := linux.Stat(path)
	f := t.at(path)
	return err == nil && info.Regular() && (f == nil || !f.is(info)) && t.matches(path) && !t.ignored(path) && t.bad[path] == nil
}

// missed returns the unknown generations of a gap, oldest first.
func (t *Tailer) missed(g gap) []*file {
	var out []*file
	for _, p := range t.neighbours(g.path) {
		if g.in.glob.excluded(p) || g.in.glob.matches(p) {
			continue
		}
		f := t.peek(p)
		if f == nil || slices.Contains(out, f) {
			continue
		}
		if t.isMissed(f, g) {
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

// isMissed reports whether f is an unknown generation of a gap.
func (t *Tailer) isMissed(f *file, g gap) bool {
	switch {
	case len(f.names) > 0 || f.answered(g.route) || f.owed[g.route] != "":
		return false
	case !f.bornAfter(g.since) || g.other && !f.info.Mod.After(g.since):
		return false
	case !t.complete(f, g):
		return false
	case t.stale(g.path):
		t.keepGap(g) // it may be a copy of what stands there
		return false
	}
	return !t.knownTo(f, g)
}

// bornAfter reports whether f came into being after since. A compressed file keeps the time at which its content was written
// last, so that an archive that was put there is told from a generation.
func (f *file) bornAfter(since time.Time) bool {
	since = since.Add(-clockGrain)
	return f.id.Birth > since.UnixNano() && (!f.packed() || f.info.Mod.After(since))
}

// complete reports whether f can be compared. What is being compressed cannot, nor what is empty and held open by somebody who
// may write to it; then the gap is kept.
func (t *Tailer) complete(f *file, g gap) bool {
	switch {
	case f.info.Size > 0 && !f.packed():
		return true
	case f.packed() && t.openers[filepath.Ext(f.where)] == nil:
		return false
	case !t.noWriter(f):
		t.keepGap(g)
		return false
	}
	return f.info.Size > 0
}

// isCopy reports whether f is the copy that rotation made, or is making, of a stream's content: then it is found once the
// stream's own file is truncated.
func (t *Tailer) isCopy(f *file, s *stream, g gap) bool {
	if !t.hold(s) {
		t.keepGap(g) // compared when the reader has handed it in
		return true
	}
	here := s.file != nil && !s.file.packed() && t.reopen(s.file)
	if here && !s.intact() && t.beginsAs(f, s.file) {
		return true // of what stands there now, which nobody has looked at yet
	}
	if here && s.intact() && t.refresh(s.file) == nil {
		if f.packed() {
			return t.sameHead(f, s.file)
		}
		end := min(f.info.Size, s.file.info.Size)
		return sameUntil(f, s.file, end)
	}
	return t.judge(s.present(), f, false, true).holds()
}

// sameHead reports whether two contents begin alike.
func (t *Tailer) sameHead(a, b *file) bool {
	ca, cb := t.contentOf(a), t.contentOf(b)
	defer ca.Rest()
	defer cb.Rest()
	fa, errA := readHead(ca)
	fb, errB := readHead(cb)
	n := min(len(fa), len(fb))
	return errA == nil && errB == nil && n > 0 && bytes.Equal(fa[:n], fb[:n])
}

// beginsAs reports whether all of f is what o begins with.
func (t *Tailer) beginsAs(f, o *file) bool {
	if f.packed() && t.reopen(o) {
		return t.sameHead(f, o)
	}
	if o.packed() || !t.reopen(o) || t.refresh(f) != nil || t.refresh(o) != nil {
		return false
	}
	end := f.info.Size
	return end <= o.info.Size && sameBegin(f.f, o.f, end)
}

// knownTo reports whether f or its content belongs to an epoch of the route that is recorded or read.
func (t *Tailer) knownTo(f *file, g gap) bool {
	if t.owned(g.route, f) {
		return true // before contents are compared, which takes unpacking
	}
	for _, o := range []*file{t.at(g.path), g.own} {
		if o != nil && o != f && t.beginsAs(f, o) {
			return true // a copy of what is read from its original, or will be at the end of this step
		}
	}
	for o := range t.linked {
		if o != f && o.owed[g.route] != "" && t.beginsAs(f, o) {
			return true // or of what is still to be compared
		}
	}
	for _, s := range t.streams {
		if s.route == g.route && (s.path() == g.path || s.file == nil) && t.isCopy(f, s, g) {
			return true
		}
	}
	v := t.view(f)
	defer v.close()
	return slices.ContainsFunc(t.records[g.route], func(rec *record) bool { return v.judge(rec.epoch, true, true).holds() })
}
