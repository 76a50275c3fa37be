package tail

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shipper/internal/linux"
)

// errNothing says that there is nothing to read from, which is no trouble.
var errNothing = errors.New("no content")

// nothingLeft is the content of a stream that has none: its file is closed, broken, or holds something else now.
type nothingLeft struct{}

func (nothingLeft) ReadAt([]byte, int64) (int, error) { return 0, errNothing }
func (nothingLeft) Hole(int64) (int64, error)         { return -1, nil }
func (nothingLeft) Rest()                             {}
func (nothingLeft) Close() error                      { return nil }

// rewritten ends the life of a parked stream in its file: another content stands there now (copytruncate, a rewrite in
// place). What was not read yet is chased in the copy that rotation made; the file begins a new epoch at 0. since is when
// it was seen unharmed.
func (t *Tailer) rewritten(s *stream, since time.Time) {
	f, label := s.file, s.path()
	s.troubled = false // a reader that has found the same has told in vain
	if s.off.Load() == 0 && s.seen.Load() == 0 && s.head.Load().Len == 0 {
		return
	}
	if t.keptTail(s) {
		return
	}
	s.src.Close()
	f.streams.drop(s.route)
	s.file, s.src, s.orphaned = nil, nothingLeft{}, t.now()
	s.epoch.Identity.Head = *s.head.Load()
	if s.epoch.Detached = true; f.named(s.in) {
		s.epoch.Seen = since // what came after that is looked for below
	}
	t.opts.Positions.Update(s.epoch)
	delete(t.loose, s)
	t.orphans[s] = struct{}{}
	f.kept = true
	_ = t.refresh(f) // a name that is gone changes nothing here
	t.log.Debug("file was truncated or rewritten", s.attrs(), "offset", s.off.Load())
	found := t.chase(s)
	t.fillGap(gap{in: s.in, route: s.route, path: label, since: since, own: f})
	if f.named(s.in) {
		f.owe(s.route, label)
		t.fresh = append(t.fresh, f)
	} else if f.streams.of(s.route) == nil {
		t.begin(f, s.in, s.route, 0, label, since)
	}
	f.kept = false
	if !found {
		t.ring.pass(s) // the copy may never come
	}
}

// present is the epoch of a parked stream as far as it was read.
func (s *stream) present() Epoch {
	e := s.epoch
	e.Offset, e.Marker, e.Identity.Head = s.off.Load(), s.marker, *s.head.Load()
	return e
}

// chase looks for the content of an orphan among the neighbours of its file, and moves it there.
func (t *Tailer) chase(s *stream) bool {
	f, v := t.search(s)
	if v != moved {
		return false
	}
	t.attach(s, f)
	return true
}

// search looks for the content of an orphan: moved, or a shorter copy of it.
func (t *Tailer) search(s *stream) (*file, verdict) {
	return t.find(s.present(), s.route, func(f *file) bool { return f.streams.of(s.route) == nil && !t.owned(s.route, f) })
}

// settleCopy records f as a copy of what was read and settled of e. It is a stream of its own from where the two part, so that
// it is never taken for something new, in this life or another. It is false as long as a shorter copy is being written.
func (t *Tailer) settleCopy(f *file, e Epoch, in *input) bool {
	complete := t.noWriter(f) // before the size is read
	c := t.contentOf(f)
	first, err := readHead(c)
	size, errs := length(c)
	if err != nil || errs != nil || size < e.Offset && !complete {
		return false
	}
	size = min(size, e.Offset)
	e.Identity = f.id
	e.Identity.Head = HeadOf(first)
	e.Path = cmp.Or(f.label(in, e.Path), e.Path)
	e.Offset, e.Ahead, e.Counts = size, nil, Counts{Read: size, Skipped: size} // read elsewhere, and left out here
	e.Detached, e.Seen = !f.named(in), t.recorded(e.Route, e.Path, f, e.Seen)
	if e.Marker, _, err = markerAt(c, size, MarkerMax); err != nil {
		return false
	}
	e.ID = t.opts.Positions.Begin(e)
	s := t.newStream(e, in, f, c, first)
	t.place(s, f)
	t.ring.mark(s)
	t.log.Debug("a copy of what was read", s.attrs(), "offset", size, "ino", f.id.Ino, "at", f.where)
	return true
}

// owned reports whether f's inode is that of a recorded epoch.
func (t *Tailer) owned(r Route, f *file) bool {
	return slices.ContainsFunc(t.records[r], func(rec *record) bool { return kernelIs(rec.epoch.Identity, f.id) != different })
}

// attach moves a parked stream to f, which holds its content.
func (t *Tailer) attach(s *stream, f *file) {
	if old := s.file; old != nil {
		old.streams.drop(s.route)
		defer t.dropUnused(old)
	}
	s.src.Close()
	s.src = t.contentOf(f)
	if first, err := readHead(s.src); err == nil {
		h := s.head.Load().in(first)
		s.head.Store(&h)
	}
	s.epoch.Identity = f.id
	s.epoch.Identity.Head = *s.head.Load()
	s.orphaned = time.Time{}
	s.epoch.Detached = !f.named(s.in)
	if label := f.label(s.in, s.path()); label != "" {
		s.epoch.Path = label
		t.rename(s, label)
	}
	s.epoch.Seen = t.recorded(s.route, s.path(), f, s.epoch.Seen)
	delete(t.orphans, s)
	t.place(s, f)
	f.admitted = true
	t.moves = append(t.moves, s)
	t.parked[s] = struct{}{}
	t.ring.mark(s)
	t.log.Debug("content is read on in another file", s.attrs(), "offset", s.off.Load(), "ino", f.id.Ino, "at", f.where)
}

// find looks for the content of an epoch in the neighbourhood of its path: the copy that copytruncate made, a compressed
// generation, a file moved by hand. If there is only a copy that ends before the epoch's offset, it returns that as shorter.
// usable keeps files out that are taken.
func (t *Tailer) find(e Epoch, r Route, usable func(*file) bool) (best *file, is verdict) {
	is = unrelated
	for _, p := range t.neighbours(e.Path) {
		f := t.peek(p)
		if f == nil || f == best {
			continue
		}
		v := unrelated
		if usable(f) && (f.id.Ino != e.Identity.Ino || f.packed()) {
			v = t.judge(e, f, false, true)
		}
		if v == moved && (is != moved || f.id.Birth < best.id.Birth) || v == shorter && is == unrelated {
			if best != nil {
				t.dropUnused(best)
			}
			best, is = f, v
			continue
		}
		t.dropUnused(f)
	}
	return best, is
}

// peek opens a neighbour, or returns the record of it.
func (t *Tailer) peek(path string) *file {
	info, err := linux.Stat(path)
	if err != nil || !info.Regular() || t.ignored(path) {
		return nil
	}
	if f := t.files[inode{info.Dev, info.Ino}]; f != nil && f.is(info) {
		if !t.reopen(f) {
			return nil
		}
		return f
	}
	f, err := t.openFile(path)
	if err != nil {
		return nil
	}
	return t.adopt(f)
}

// mostBelow is how many directories right below one are looked into for an olddir.
const mostBelow = 64

// neighbours returns the paths that rotation may have given to a content that was at path: rotated names in the same
// directory, in the directory of the link's target, and in directories right below (olddir).
func (t *Tailer) neighbours(path string) []string {
	var out []string
	bases := []string{path}
	if info, err := linux.Lstat(path); err == nil && info.Mode == os.ModeSymlink { // its directory is the same by any name
		if real, err := filepath.EvalSymlinks(path); err == nil {
			bases = append(bases, real)
		}
	}
	for _, at := range bases {
		dir, base := filepath.Split(at)
		list, err := t.readDir(dir)
		if err != nil {
			continue
		}
		list.rotations(base, func(e os.DirEntry) {
			if e.Type().IsRegular() && rotatedName(base, e.Name()) {
				out = append(out, filepath.Join(dir, e.Name()))
			}
		})
		for _, name := range list.dirs[:min(len(list.dirs), mostBelow)] {
			below, err := t.readDir(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			for _, b := range below.entries {
				if rotatedName(base, b.Name()) || plainName(b.Name()) == base {
					out = append(out, filepath.Join(dir, name, b.Name()))
				}
			}
		}
	}
	return out
}

// byInode returns the names in dir of the inode, from a listing that is made once a step.
func (t *Tailer) byInode(dir string, ino uint64) []string {
	list, ok := t.index[dir]
	if !ok {
		list = map[uint64][]string{}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if info, err := linux.Lstat(filepath.Join(dir, e.Name())); err == nil && info.Regular() {
				list[info.Ino] = append(list[info.Ino], filepath.Join(dir, e.Name()))
			}
		}
		t.index[dir] = list
	}
	return list[ino]
}

// sameBytes reports whether a and b hold the same up to HeadMax bytes before end.
func sameBytes(a, b io.ReaderAt, end int64) bool {
	n := min(end, HeadMax)
	ba, bb := make([]byte, n), make([]byte, n)
	na, _ := a.ReadAt(ba, end-n)
	nb, _ := b.ReadAt(bb, end-n)
	return na == int(n) && nb == na && bytes.Equal(ba, bb)
}

// sameBegin reports whether a and b hold the same up to end, as far as both ends of that tell.
func sameBegin(a, b io.ReaderAt, end int64) bool {
	return end > 0 && sameBytes(a, b, min(end, HeadMax)) && sameBytes(a, b, end)
}
