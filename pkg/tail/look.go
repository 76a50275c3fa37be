package tail

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"shipper/internal/linux"
)

// look compares what a path leads to with what it led to before.
func (t *Tailer) look(path string) {
	now := t.now()
	info, err := linux.Stat(path)
	t.met(path, t.leads[path], info, err, now)
}

// met draws the conclusions from what the kernel was asked about a path at now. l is its lead, nil if it never led anywhere.
func (t *Tailer) met(path string, l *lead, info linux.Info, err error, now time.Time) {
	var f *file
	var before time.Time
	if l != nil {
		f, before = l.file, l.looked
		if err == nil || linux.Gone(err) {
			l.looked = now
		}
	}
	switch {
	case err != nil && !linux.Gone(err):
		t.cannot(path, err)
		return
	case err != nil || !info.Regular() || t.ignored(path):
		t.can(path)
		if f != nil {
			t.unname(l)
		} else if linux.Gone(err) {
			t.cameAndWent(path, before)
		}
		return
	case f != nil && f.is(info):
		t.can(path)
		f.lookedAt = now
		t.changed(f, info, now)
		return
	}
	if !t.matches(path) {
		if f != nil {
			t.unname(l)
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
	if f != nil && f != h && l.file == f { // else it has vanished: it was closed, and h has got its inode number
		t.unname(l)
	}
	if f != h {
		h.after = before
	}
	t.setName(h, path)
	t.changed(h, info, t.now())
}

// changed marks the streams of f dirty if its size or time is another than before.
func (t *Tailer) changed(f *file, info linux.Info, now time.Time) {
	if f.info.Size == info.Size && f.info.Mod.Equal(info.Mod) {
		f.info = info
		for s := range f.each() {
			if t.ring.rests(s) {
				s.whole.Store(now.UnixNano())
			}
		}
		return
	}
	if len(f.streams) > 0 && !t.reopen(f) {
		return // looked at again by the sweep, which will find the difference again
	}
	shrunk := info.Size < f.info.Size
	f.info, f.changed = info, now
	if info.Size == 0 {
		t.touchedEmpty(f)
	}
	if len(f.links) > 0 || !f.admitted {
		t.fresh = append(t.fresh, f)
	}
	if len(f.streams) == 0 {
		return
	}
	verified := t.growHeads(f)
	t.markFile(f)
	for s := range f.each() {
		if !slices.Contains(verified, s) {
			t.verify(s, shrunk)
		}
	}
}

func (t *Tailer) markFile(f *file) {
	for s := range f.each() {
		t.ring.mark(s)
	}
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
