package tail

import (
	"cmp"
	"path/filepath"
	"slices"
)

// claimContent gives f to the known epoch whose content it holds, if there is one: the copy that copytruncate made and the
// pattern matches, a compressed generation, an editor's replacement, a file moved from another file system.
func (t *Tailer) claimContent(f *file, in *input, r Route) {
	if s, linked := f.links[r]; linked {
		if s == nil && f.growing {
			delete(f.links, r)
			f.growing = false
		} else if s != nil {
			t.relink(f, s)
		}
		if _, linked = f.links[r]; linked || f.streams.of(r) != nil {
			return
		}
	}
	if f.info.Size == 0 {
		return
	}
	if t.claimKin(f, r) {
		return
	}
	v := t.view(f)
	defer v.close()
	for _, rec := range slices.Backward(t.records[r]) {
		if kernelIs(rec.epoch.Identity, f.id) != different && !f.packed() {
			continue
		}
		rotated := rotatedName(filepath.Base(rec.epoch.Path), filepath.Base(f.where))
		switch v.judge(rec.epoch, t.alive(rec), rotated) {
		case moved:
			t.revive(rec, f, in)
			return
		case copied:
			t.leaveOut(f, r)
			return
		case shorter:
			if !t.settleCopy(f, rec.epoch, in) {
				f.growing = true
				t.leaveOut(f, r)
			}
			return
		}
	}
}

// claimKin links or gives f to the stream of its neighbourhood whose content it holds.
func (t *Tailer) claimKin(f *file, r Route) bool {
	for _, s := range t.kin(f, r) {
		if !t.hold(s) {
			t.compareLater(f, s) // when the reader has handed it in
			return true
		}
		if t.relate(f, s) {
			return true
		}
	}
	return false
}

// relate compares f with a parked stream, and links or attaches it if it holds the stream's content.
func (t *Tailer) relate(f *file, s *stream) bool {
	c := t.contentOf(f)
	defer c.Rest()
	if s.file == nil { // its file holds something else now; this may be the copy that is waited for
		rotated := rotatedName(filepath.Base(s.path()), filepath.Base(f.where))
		switch t.judge(s.present(), f, false, rotated) {
		case moved:
			t.attach(s, f)
		case shorter: // or still being copied
			t.link(f, s)
		default:
			return false
		}
		return true
	}
	if !t.reopen(s.file) {
		return false
	}
	if s.file.packed() {
		return t.relateUnpacked(f, s, c)
	}
	if !s.intact() {
		t.rewritten(s, s.unharmed())
		return f.streams.of(s.route) != nil || f.links[s.route] != nil
	}
	switch {
	case !f.packed():
		return t.relatePlain(f, s)
	case !t.sameHead(f, s.file):
		return false
	}
	t.link(f, s) // compressed while it is still read from the original
	return true
}

// relateUnpacked links what was compressed to a stream that is read from the compressed file already.
func (t *Tailer) relateUnpacked(f *file, s *stream, c content) bool {
	first, err := readHead(c)
	if err != nil || headIs(*s.head.Load(), first) != same {
		return false
	}
	if _, m, err := s.holds(c); err != nil || m == different {
		return false
	}
	t.link(f, s)
	return true
}

// relatePlain links f to a stream whose original is in place, if f is a copy of it or of its beginning.
func (t *Tailer) relatePlain(f *file, s *stream) bool {
	name := hasName(f, s.path())
	if !name && f.id.Birth != 0 && f.id.Birth < s.file.born { // a copy is younger
		return false
	}
	if t.refresh(f) != nil || t.refresh(s.file) != nil {
		return false
	}
	end := min(f.info.Size, s.file.info.Size)
	if !sameUntil(f, s.file, end) {
		return false
	}
	gone := s.file.info.Links == 0
	if name { // the same path: an editor's replacement, or a new generation with the same header
		if !gone || end < s.file.info.Size || end < elsewhereHead || s.off.Load() < s.file.info.Size {
			return false
		}
		t.attach(s, f)
		return true
	}
	t.link(f, s)
	f.linkEnd = end
	return true
}

// relink looks again at a copy: whether the original was truncated since, and whether it is a copy still.
func (t *Tailer) relink(f *file, s *stream) {
	r := s.route
	if t.streams[s.id] != s {
		delete(f.links, r)
		return
	}
	if !t.hold(s) {
		return
	}
	end := f.linkEnd
	delete(f.links, r)
	f.linkEnd = 0
	t.relate(f, s)
	if f.links[r] == nil || f.streams.of(r) != nil || s.file == nil || f.packed() || s.file.packed() {
		return
	}
	if f.info.Size > s.file.info.Size && end > 0 {
		// It has grown beyond an original that is in place: it has a life of its own from where they part.
		delete(f.links, r)
		t.begin(f, s.in, r, f.linkEnd, cmp.Or(f.label(s.in, ""), f.owed[r]), f.lookedAt)
	}
}

// link notes that f holds a copy of what s reads.
func (t *Tailer) link(f *file, s *stream) {
	t.leaveOut(f, s.route)
	f.links[s.route] = s
}

// compareLater keeps f from being read until it can be compared with s, which a reader has now. f may lose its name until then.
func (t *Tailer) compareLater(f *file, s *stream) {
	label := cmp.Or(f.label(s.in, ""), f.owed[s.route])
	t.link(f, s)
	f.owe(s.route, label)
}

// leaveOut keeps f from being read by a route: it holds what was read, or is not complete, or cannot be told from an old archive. The
// map is made here, as hardly any file is a copy.
func (t *Tailer) leaveOut(f *file, r Route) {
	if f.links == nil {
		f.links = map[Route]*stream{}
	}
	f.links[r] = nil
	t.linked[f] = struct{}{}
	delete(f.owed, r)
}

// tendLinks looks again at every copy of something that is still read.
func (t *Tailer) tendLinks() {
	for f := range t.linked {
		live := false
		for _, s := range f.links {
			live = live || s != nil || f.growing
		}
		if live {
			t.fresh = append(t.fresh, f)
		} else {
			delete(t.linked, f)
		}
	}
}
