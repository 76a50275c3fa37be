package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"shipper/internal/linux"
)

// look compares what a path leads to with what it led to before.
func (t *Tailer) look(path string) {
	f, before, now := t.byPath[path], t.looked[path], t.now()
	info, err := linux.Stat(path)
	if (err == nil || linux.Gone(err)) && (f != nil || !before.IsZero()) {
		t.looked[path] = now
	}
	switch {
	case err != nil && !linux.Gone(err):
		t.cannot(path, err)
		return
	case err != nil || !info.Regular() || t.ignored(path):
		t.can(path)
		if f != nil {
			t.unname(path)
		} else if linux.Gone(err) {
			t.cameAndWent(path, before)
		}
		return
	case f != nil && f.is(info):
		t.can(path)
		f.lookedAt = now
		t.changed(f, info)
		return
	}
	if !t.matches(path) {
		if f != nil {
			t.unname(path)
		}
		return
	}
	h := t.files[inode{info.Dev, info.Ino}]
	if h == nil || !h.is(info) {
		if h, err = t.openFile(path); err != nil {
			if !linux.Gone(err) {
				t.cannot(path, err)
			}
			return
		}
		h = t.adopt(h)
	}
	t.can(path)
	if f != nil && f != h && t.byPath[path] == f { // else it has vanished: it was closed, and h has got its inode number
		t.unname(path)
	}
	if f != h {
		h.after = before
	}
	t.setName(h, path)
	t.changed(h, info)
}

// changed marks the streams of f dirty if its size or time is another than before.
func (t *Tailer) changed(f *file, info linux.Info) {
	if f.info.Size == info.Size && f.info.Mod.Equal(info.Mod) {
		f.info = info
		for _, s := range f.streams {
			if t.ring.rests(s) {
				s.whole.Store(t.now().UnixNano())
			}
		}
		return
	}
	if len(f.streams) > 0 && !t.reopen(f) {
		return // looked at again by the sweep, which will find the difference again
	}
	shrunk := info.Size < f.info.Size
	f.info, f.changed = info, t.now()
	if info.Size == 0 {
		t.touchedEmpty(f)
	}
	if len(f.links) > 0 || !f.admitted {
		t.fresh = append(t.fresh, f)
	}
	if len(f.streams) == 0 {
		return
	}
	t.growHeads(f)
	t.markFile(f)
	for _, s := range f.streams {
		t.verify(s, shrunk)
	}
}

func (t *Tailer) markFile(f *file) {
	for _, s := range f.streams {
		t.ring.mark(s)
	}
}

// setName notes that a configured path leads to f.
func (t *Tailer) setName(f *file, path string) {
	t.byPath[path] = f
	if t.looked[path].IsZero() {
		t.looked[path] = t.now()
	}
	f.names[path] = struct{}{}
	f.where = resolved(path)
	f.lookedAt = t.now()
	dirPath := filepath.Dir(path)
	d := t.dirs[dirPath]
	if d == nil {
		d = t.addDir(dirPath)
	}
	d.names[path] = struct{}{}
	t.followLinks(path)
	t.touched[f] = struct{}{}
}

// unname notes that a configured path leads to its file no more.
func (t *Tailer) unname(path string) {
	f := t.byPath[path]
	t.unlist(path)
	delete(f.names, path)
	t.touched[f] = struct{}{}
}

func (t *Tailer) unlist(path string) {
	delete(t.byPath, path)
	if d := t.dirs[filepath.Dir(path)]; d != nil {
		delete(d.names, path)
	}
	for at, names := range t.links {
		if delete(names, path); len(names) == 0 {
			delete(t.links, at)
		}
	}
}

// followLinks watches every directory on the way of a path's symbolic links, so that a swap or a write is noticed.
func (t *Tailer) followLinks(path string) {
	at := path
	for range 40 {
		to, err := os.Readlink(at)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(at), to)
		}
		at = filepath.Clean(to)
		t.linkTo(at, path)
	}
	if real, err := filepath.EvalSymlinks(at); err == nil && real != path {
		t.linkTo(real, path)
	}
}

func (t *Tailer) linkTo(at, path string) {
	if t.links[at] == nil {
		t.links[at] = map[string]struct{}{}
	}
	t.links[at][path] = struct{}{}
	parent := filepath.Dir(at)
	d := t.dirs[parent]
	if d == nil {
		d = t.addDir(parent)
		d.next = true
	}
	t.watch(d)
}

// cannot notes that a path cannot be looked at now. It changes nothing else; the sweep tries again.
func (t *Tailer) cannot(path string, err error) {
	if _, known := t.bad[path]; !known {
		args := []any{"code", "SHP-T005", "path", path, "err", err}
		if errors.Is(err, fs.ErrPermission) {
			args = append(args, "reason", fmt.Sprintf("user id %d may not read it: let a group that this user is in read the file and enter its directories", os.Getuid()))
		}
		t.log.Warn("matches an input and cannot be read; it is tried again", args...)
	}
	t.bad[path] = err
}

func (t *Tailer) can(path string) {
	if _, was := t.bad[path]; was {
		delete(t.bad, path)
		t.log.Info("can be read again", "code", "SHP-T005", "path", path)
	}
}
