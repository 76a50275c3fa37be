package tail

import (
	"path/filepath"
	"slices"
	"time"
)

// claimContent gives f to the known epoch whose content it holds, if there is one: the copy that copytruncate made and the
// pattern matches, a compressed generation, an editor's replacement, a file moved from another file system.
func (t *Tailer) claimContent(f *file, in *input, r Route) {
	if s, linked := f.links[r]; linked {
		if s != nil {
			t.relink(f, s)
		}
		if _, linked = f.links[r]; linked || f.streams[r] != nil {
			return
		}
	}
	if f.info.Size == 0 {
		return
	}
	for _, s := range t.kin(f, r) {
		if !t.hold(s) {
			f.links[r] = s // looked at again when the reader has handed it in
			return
		}
		if t.relate(f, s) {
			return
		}
	}
	for _, rec := range slices.Backward(t.records[r]) {
		if kernelIs(rec.epoch.Identity, f.id) != different && !f.packed() {
			continue
		}
		rotated := rotatedName(filepath.Base(rec.epoch.Path), filepath.Base(f.where))
		switch t.judge(rec.epoch, f, t.alive(rec), rotated) {
		case moved:
			t.revive(rec, f, in)
			return
		case copied:
			f.links[r] = nil
			return
		}
	}
}

// kin returns the streams of a route whose content f may hold: those that f's name is a rotation of, or whose path f took.
func (t *Tailer) kin(f *file, r Route) []*stream {
	var out []*stream
	name := filepath.Base(f.where)
	for _, s := range t.streams {
		if s.route != r || s.file == f || s.file == nil && kernelIs(s.epoch.Identity, f.id) != different || filepath.Dir(s.path()) != filepath.Dir(f.where) && !hasName(f, s.path()) && !inSub(s.path(), f.where) {
			continue
		}
		if hasName(f, s.path()) || rotatedName(filepath.Base(s.path()), name) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *stream) int { return int(int64(b.id) - int64(a.id)) })
	return out
}

func hasName(f *file, path string) bool {
	_, ok := f.names[path]
	return ok
}

func inSub(path, below string) bool {
	return filepath.Dir(path) == filepath.Dir(filepath.Dir(below))
}

// relate compares f with a parked stream, and links or attaches it if it holds the stream's content.
func (t *Tailer) relate(f *file, s *stream) bool {
	c := t.contentOf(f)
	defer c.Rest()
	if s.file == nil { // its file holds something else now; this may be the copy that is waited for
		first, err := readHead(c)
		if err != nil || headIs(*s.head.Load(), first) != same {
			return false
		}
		long, m, err := s.holds(c)
		switch {
		case err != nil || m == different:
			return false
		case !long:
			f.links[s.route] = s // still being copied
		default:
			t.attach(s, f)
		}
		return true
	}
	if !t.reopen(s.file) {
		return false
	}
	if !s.intact() {
		if s.file.packed() {
			return false
		}
		t.rewritten(s, s.file.lookedAt)
		return f.streams[s.route] != nil || f.links[s.route] != nil
	}
	if f.packed() {
		return t.relatePacked(f, s, c)
	}
	return t.relatePlain(f, s)
}

// relatePacked links a compressed copy of a stream that is still read from the original.
func (t *Tailer) relatePacked(f *file, s *stream, c content) bool {
	first, err := readHead(c)
	if err != nil || headIs(*s.head.Load(), first) != same {
		return false
	}
	f.links[s.route] = s
	return true
}

// relatePlain links f to a stream whose original is in place, if f is a copy of it or of its beginning.
func (t *Tailer) relatePlain(f *file, s *stream) bool {
	name := hasName(f, s.path())
	if !name && f.id.Birth != 0 && f.id.Birth < s.file.id.Birth { // a copy is younger
		return false
	}
	if f.refresh() != nil || s.file.refresh() != nil {
		return false
	}
	end := min(f.info.Size, s.file.info.Size)
	if end == 0 || !sameBytes(f.f, s.file.f, min(end, HeadMax), HeadMax) || !sameBytes(f.f, s.file.f, end, HeadMax) {
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
	f.links[s.route], f.linkEnd = s, end
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
	if !t.relate(f, s) || f.streams[r] != nil || s.file == nil || f.packed() {
		return
	}
	if f.info.Size > s.file.info.Size && end > 0 {
		// It has grown beyond an original that is in place: it has a life of its own from where they part.
		delete(f.links, r)
		t.begin(f, s.in, r, f.linkEnd, f.label(s.in, ""))
	}
}

// tendLinks looks again at every copy.
func (t *Tailer) tendLinks() {
	for _, f := range t.files {
		for _, s := range f.links {
			if s != nil {
				t.fresh = append(t.fresh, f)
				break
			}
		}
	}
}

// alive reports whether the inode of a record still exists near its path.
func (t *Tailer) alive(rec *record) bool {
	return len(t.locate(rec)) > 0
}

// locate returns the paths of the inode of a record, in the directory of its path and in those right below.
func (t *Tailer) locate(rec *record) []string {
	dir := filepath.Dir(rec.epoch.Path)
	out := slices.Clone(t.byInode(dir, rec.epoch.Identity.Ino))
	for _, p := range t.neighbours(rec.epoch.Path) {
		if filepath.Dir(p) != dir {
			out = append(out, t.only(p, rec.epoch.Identity.Ino)...)
		}
	}
	return out
}

func (t *Tailer) only(path string, ino uint64) []string {
	if slices.Contains(t.byInode(filepath.Dir(path), ino), path) {
		return []string{path}
	}
	return nil
}

// findRecords looks for the epochs that no matched file stands for: rotated out of the patterns while nobody looked.
func (t *Tailer) findRecords() {
	for r := range t.records {
		in := t.inputOf(r)
		if in == nil {
			continue
		}
		for _, rec := range slices.Clone(t.records[r]) {
			t.findRecord(rec, in)
		}
	}
}

// findRecord tries to meet an epoch again, by its inode and then by its content.
func (t *Tailer) findRecord(rec *record, in *input) {
	r := rec.epoch.Route
	free := func(f *file) bool { return f.streams[r] == nil && !f.named(in) }
	for _, p := range t.locate(rec) {
		f := t.peek(p)
		if f == nil {
			continue
		}
		rec.misses = 0
		if free(f) && t.judge(rec.epoch, f, false, true) == resume {
			t.foundRecord(rec, f, in)
			return
		}
		t.dropUnused(f)
	}
	if f := t.find(rec.epoch, r, free); f != nil {
		t.foundRecord(rec, f, in)
	}
}

func (t *Tailer) foundRecord(rec *record, f *file, in *input) {
	since, path := rec.epoch.Seen, rec.epoch.Path
	s := t.revive(rec, f, in)
	for _, o := range t.streams { // generations of one path are read in the order in which they were met
		switch {
		case o == s || o.route != s.route || o.path() != s.path():
		case o.id > s.id:
			t.ring.block(o, s)
		default:
			t.ring.block(s, o)
		}
	}
	t.fillGap(gap{in, s.route, path, since})
}

func (t *Tailer) inputOf(r Route) *input {
	for _, in := range t.inputs {
		if slices.Contains(in.routes, r) {
			return in
		}
	}
	return nil
}

// Forgetting: an epoch whose inode nobody has seen in so many sweeps, and that was not lately there, is ended.
const (
	forgetMisses = 3
	forgetAfter  = 24 * time.Hour
)

// tendRecords looks after the epochs that no stream stands for, each once a sweep.
func (t *Tailer) tendRecords() {
	now := t.now()
	for r, recs := range t.records {
		in := t.inputOf(r)
		if in == nil {
			continue
		}
		for _, rec := range slices.Clone(recs) {
			if now.Sub(rec.checked) < t.opts.Sweep {
				continue
			}
			rec.checked = now
			t.tendRecord(rec, in)
		}
	}
}

func (t *Tailer) tendRecord(rec *record, in *input) {
	r := rec.epoch.Route
	if !rec.done {
		t.findRecord(rec, in)
		if !slices.Contains(t.records[r], rec) {
			return
		}
	}
	if t.alive(rec) {
		rec.misses = 0
		return
	}
	if rec.misses++; rec.misses < forgetMisses || !rec.done && t.now().Sub(rec.epoch.Seen) < forgetAfter {
		return
	}
	if f := t.find(rec.epoch, r, func(*file) bool { return true }); f != nil {
		rec.misses = 0 // its content lives on, compressed or copied
		rec.epoch.Identity.Dev, rec.epoch.Identity.Ino = f.id.Dev, f.id.Ino
		rec.epoch.Identity.Handle, rec.epoch.Identity.Birth = f.id.Handle, f.id.Birth
		t.opts.Positions.Update(rec.epoch)
		t.dropUnused(f)
		return
	}
	t.forget(rec)
}

// forget ends an epoch. What lay between ranges that were settled ahead is known to be lost.
func (t *Tailer) forget(rec *record) {
	r, e := rec.epoch.Route, rec.epoch
	t.records[r] = slices.DeleteFunc(t.records[r], func(o *record) bool { return o == rec })
	from, lost := e.Offset, int64(0)
	for _, a := range e.Ahead {
		lost += max(0, a.From-from)
		from = max(from, a.To)
	}
	if lost > 0 {
		t.opts.Positions.Lose(e.ID, lost, "file is gone")
		t.log.Warn("bytes were gone before they could be read", "code", "SHP-T010", "input", r.Input, "target", r.Target,
			"path", e.Path, "stream", uint64(e.ID), "offset", e.Offset, "bytes", lost, "reason", "file is gone")
	}
	t.opts.Positions.End(e.ID)
}
