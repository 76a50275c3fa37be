package tail

import (
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
	s.src.Close()
	delete(f.streams, s.route)
	s.file, s.src, s.orphaned = nil, nothingLeft{}, t.now()
	s.epoch.Identity.Head = *s.head.Load()
	s.epoch.Detached, s.epoch.Seen = true, t.now()
	t.opts.Positions.Update(s.epoch)
	delete(t.loose, s)
	t.orphans[s] = struct{}{}
	f.kept = true
	_ = t.refresh(f) // a name that is gone changes nothing here
	t.log.Debug("file was truncated or rewritten", s.attrs(), "offset", s.off.Load())
	found := t.chase(s) || t.chaseShort(s)
	t.fillGap(gap{s.in, s.route, label, since})
	if f.named(s.in) {
		t.fresh = append(t.fresh, f)
	} else if f.streams[s.route] == nil {
		t.begin(f, s.in, s.route, 0, label)
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
	f := t.find(s.present(), s.route, func(f *file) bool { return f.streams[s.route] == nil && !t.owned(s.route, f) })
	if f == nil {
		return false
	}
	t.attach(s, f)
	return true
}

// owned reports whether f's inode is that of a recorded epoch.
func (t *Tailer) owned(r Route, f *file) bool {
	return slices.ContainsFunc(t.records[r], func(rec *record) bool { return kernelIs(rec.epoch.Identity, f.id) != different })
}

// attach moves a parked stream to f, which holds its content.
func (t *Tailer) attach(s *stream, f *file) {
	if old := s.file; old != nil {
		delete(old.streams, s.route)
		defer t.dropUnused(old)
	}
	s.src.Close()
	s.src = t.contentOf(f)
	head := *s.head.Load()
	s.epoch.Identity = f.id
	s.epoch.Identity.Head = head
	s.epoch.Seen, s.orphaned = t.now(), time.Time{}
	s.epoch.Detached = !f.named(s.in)
	if label := f.label(s.in, s.path()); label != "" {
		s.epoch.Path = label
		t.rename(s, label)
	}
	delete(t.orphans, s)
	t.place(s, f)
	f.admitted = true
	t.opts.Positions.Update(s.epoch)
	t.parked[s] = struct{}{}
	t.ring.mark(s)
	t.log.Debug("content is read on in another file", s.attrs(), "offset", s.off.Load(), "ino", f.id.Ino, "at", f.where)
}

// find looks for the content of an epoch in the neighbourhood of its path: the copy that copytruncate made, a compressed
// generation, a file moved by hand. usable keeps files out that are taken.
func (t *Tailer) find(e Epoch, r Route, usable func(*file) bool) *file {
	var best *file
	for _, p := range t.neighbours(e.Path) {
		f := t.peek(p)
		if f == nil {
			continue
		}
		v := unrelated
		if usable(f) && (f.id.Ino != e.Identity.Ino || f.packed()) {
			v = t.judge(e, f, false, true)
		}
		if v == moved && (best == nil || f.id.Birth < best.id.Birth) {
			if best != nil {
				t.dropUnused(best)
			}
			best = f
			continue
		}
		t.dropUnused(f)
	}
	return best
}

// peek opens a neighbour, or returns the record of it.
func (t *Tailer) peek(path string) *file {
	info, err := linux.Stat(path)
	if err != nil || !info.Regular() || info.Size == 0 || t.ignored(path) {
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

// neighbours returns the paths that rotation may have given to a content that was at path: rotated names in the same
// directory, in the directory of the link's target, and in directories right below (olddir).
func (t *Tailer) neighbours(path string) []string {
	var out []string
	bases := []string{path}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		bases = append(bases, real)
	}
	for _, at := range bases {
		dir, base := filepath.Split(at)
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		deep := 0
		for _, e := range entries {
			switch {
			case e.IsDir() && deep < 64:
				deep++
				below, err := os.ReadDir(filepath.Join(dir, e.Name()))
				if err != nil {
					continue
				}
				for _, b := range below {
					if rotatedName(base, b.Name()) || plainName(b.Name()) == base {
						out = append(out, filepath.Join(dir, e.Name(), b.Name()))
					}
				}
			case e.Type().IsRegular() && rotatedName(base, e.Name()):
				out = append(out, filepath.Join(dir, e.Name()))
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

// tendOrphan looks again for the content of an orphan, and gives it up when the wait is over.
func (t *Tailer) tendOrphan(s *stream) {
	if s.lostFrom {
		if t.settled(s) {
			t.epochGone(s)
		}
		return
	}
	if t.chase(s) {
		return
	}
	if t.now().Sub(s.orphaned) < t.opts.FinalWait && !t.once {
		return
	}
	from, to := s.off.Load(), s.seen.Load()
	if head := int64(s.head.Load().Len); to < head {
		to = head
	}
	if to > from {
		t.lose(s, from, to, LostTruncated)
	}
	s.lostFrom, s.finish = true, true
	s.sink.Finish()
	t.events.await(s.id, true)
	if t.settled(s) {
		t.epochGone(s)
	}
}

// lose gives up the bytes of a stream that cannot be read any more.
func (t *Tailer) lose(s *stream, from, to int64, reason string) {
	t.opts.Positions.Lose(s.id, to-from, reason)
	s.in.count.lost.Add(to - from)
	t.log.Warn("bytes were gone before they could be read", s.attrs(), "code", "SHP-T010", "offset", from,
		"bytes", to-from, "reason", reason)
}

// epochGone ends an orphan. If a copy of its beginning is matched, the epoch is remembered for it.
func (t *Tailer) epochGone(s *stream) {
	if t.hasCopies(s) {
		s.epoch.Offset, s.epoch.Marker, s.epoch.Ahead = s.off.Load(), s.marker, nil
		for f := range t.linked {
			if first, err := readHead(f.f); f.links[s.route] == s && err == nil && (f.linkEnd > 0 || headIs(*s.head.Load(), first) == same) {
				f.links[s.route] = nil // what is in the copy was read
			}
		}
		t.records[s.route] = append(t.records[s.route], &record{epoch: s.epoch, done: true, checked: t.now()})
		t.over(s)
		return
	}
	t.over(s)
	t.opts.Positions.End(s.id)
}

// sameBytes reports whether a and b hold the same n bytes before end.
func sameBytes(a, b io.ReaderAt, end int64, n int) bool {
	ma, okA, errA := markerAt(a, end, n)
	mb, okB, errB := markerAt(b, end, n)
	return okA && okB && errA == nil && errB == nil && ma == mb
}
