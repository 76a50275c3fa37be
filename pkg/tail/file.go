package tail

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"shipper/internal/linux"
)

// inode is the number that the kernel may give to another file once this one is gone.
type inode struct{ dev, ino uint64 }

// file is one inode that is being followed. Discovery owns it.
type file struct {
	id    Identity // the kernel's part; Head is the content's when it was opened
	f     *os.File // nil while closed to save descriptors
	where string   // a path that led to it, links resolved, for looking at its neighbours
	solid int64    // in a file of the spool nothing is missing from here on, nor in its head; 0 where nothing is missing at all
	born  int64    // when the content's first file was born: another time than id.Birth for a file of the spool
	info  linux.Info

	names   []*lead           // configured paths that lead to it now
	streams streams           // what is read from it
	links   map[Route]*stream // streams whose content this is a copy of, so that it is not read from 0; nil if none
	linkEnd int64             // up to here the copy was seen to equal the original, which is in place
	owed    map[Route]string  // routes that are to read it, or to know it as a copy, with or without a name: the path it had

	lookedAt time.Time // when a path led here last
	changed  time.Time // when its size or time changed last
	after    time.Time // when the path was looked at last before it led here; zero if it never led anywhere
	openedAt time.Time
	growing  bool // a copy that was not complete when it was compared
	admitted bool
	remote   bool // its file system is one of remote.go
	hidden   bool // it could not be opened again for a reason that may pass
	skipped  bool // compressed in a way that nobody reads; warned about
	kept     bool // nothing holds it for the moment, but a new stream is about to begin in it
}

// owe notes that r has still to read f, or to know it as a copy. That holds although f may lose its name until then, which is label.
func (f *file) owe(r Route, label string) {
	if label == "" {
		return
	}
	if f.owed == nil {
		f.owed = map[Route]string{}
	}
	f.owed[r] = label
}

// answered reports whether r reads f, or knows that it has read what f holds.
func (f *file) answered(r Route) bool {
	_, linked := f.links[r]
	return f.streams.of(r) != nil || linked && f.owed[r] == ""
}

// wantedBy reports whether f is to be read by a route of in.
func (f *file) wantedBy(in *input, r Route) bool { return f.owed[r] != "" || f.named(in) }

func (f *file) key() inode { return inode{f.id.Dev, f.id.Ino} }

// is reports whether info describes this inode in this life.
func (f *file) is(info linux.Info) bool {
	return f.id.Dev == info.Dev && f.id.Ino == info.Ino &&
		(f.id.Birth == info.Birth || f.id.Birth == 0 || info.Birth == 0)
}

// named reports whether one of in's patterns leads to f.
func (f *file) named(in *input) bool {
	return slices.ContainsFunc(f.names, func(l *lead) bool { return in.glob.matches(l.path) })
}

// label returns the configured path of f for an input, the same one as long as it holds; "" without any.
func (f *file) label(in *input, old string) string {
	if hasName(f, old) && in.glob.matches(old) {
		return old
	}
	for _, path := range f.paths() {
		if in.glob.matches(path) {
			return path
		}
	}
	return ""
}

// paths returns the configured paths of f, sorted.
func (f *file) paths() []string {
	out := make([]string, 0, len(f.names))
	for _, l := range f.names {
		out = append(out, l.path)
	}
	slices.Sort(out)
	return out
}

// openFile opens path and makes the record of its inode. It does not register it.
func (t *Tailer) openFile(path string) (*file, error) {
	f, err := openRead(path)
	if err != nil {
		return nil, err
	}
	r, err := t.newFile(f, path)
	if err != nil {
		f.Close()
	}
	return r, err
}

// newFile makes the record of an open inode that path leads to, or led to.
func (t *Tailer) newFile(f *os.File, path string) (*file, error) {
	id, info, err := identify(f)
	if err != nil {
		return nil, err
	}
	where, _ := t.resolved(path, info)
	remote := t.trust(path, &id, &info)
	return &file{
		id: id, f: f, where: where, born: id.Birth, info: info,
		lookedAt: t.now(), changed: t.now(), openedAt: t.now(), remote: remote,
	}, nil
}

// adopt registers f, unless its inode is followed already: then f is closed and the known record returned.
func (t *Tailer) adopt(f *file) *file {
	if old := t.files[f.key()]; old != nil {
		if old.is(f.info) && (old.id.Handle == f.id.Handle || old.id.Handle == "" || f.id.Handle == "") {
			f.f.Close()
			return old
		}
		t.vanished(old)
	}
	t.files[f.key()] = f
	t.isOpen(f)
	return f
}

// isOpen counts a file that was opened.
func (t *Tailer) isOpen(f *file) {
	t.opened++
	if f.remote {
		t.foreign[f] = struct{}{}
	}
}

// vanished forgets an inode that was closed to save descriptors, or never read, and whose number now belongs to another.
func (t *Tailer) vanished(f *file) {
	for s := range f.each() {
		if f.f == nil && t.hold(s) {
			t.loseGone(s)
			t.final(s) // a copy of it may come yet
		} else {
			t.over(s)
		}
	}
	t.drop(f)
}

// drop closes f and takes it off every list.
func (t *Tailer) drop(f *file) {
	if f.f != nil {
		f.f.Close()
		f.f = nil
		t.opened--
	}
	if t.files[f.key()] == f {
		delete(t.files, f.key())
	}
	delete(t.linked, f)
	for _, l := range f.names {
		t.unlist(l)
	}
	f.names = nil
}

// dropUnused drops f if nothing holds it: no stream, no name, not a copy that is waited for.
func (t *Tailer) dropUnused(f *file) {
	if len(f.streams) == 0 && len(f.names) == 0 && len(f.links) == 0 && len(f.owed) == 0 && !f.kept {
		t.drop(f)
	}
}

// contentOf returns what a stream reads from f: the file itself, or what it unpacks to.
func (t *Tailer) contentOf(f *file) content {
	if c := unpack(f.f, f.where, t.openers); c != nil {
		return c
	}
	return plain{f.f}
}

// packed reports whether f is a compressed file by name.
func (f *file) packed() bool { return compressed(f.where) }

// reopen gives a file that was closed to save descriptors a descriptor again, found by name or else among its neighbours.
func (t *Tailer) reopen(f *file) bool {
	if f.f != nil {
		return true
	}
	f.hidden = false
	return t.reopenAt(f, append(f.paths(), f.where)) || t.reopenAt(f, t.byInode(filepath.Dir(f.where), f.id.Ino))
}

// reopenAt is reopen by one of some paths.
func (t *Tailer) reopenAt(f *file, paths []string) bool {
	for _, p := range paths {
		h, err := openRead(p)
		if err != nil {
			f.hidden = f.hidden || !linux.Gone(err)
			continue
		}
		info, err := linux.Fstat(h)
		if err != nil || !f.is(info) {
			h.Close()
			continue
		}
		f.f, f.openedAt = h, t.now()
		t.isOpen(f)
		for s := range f.each() {
			s.src = t.contentOf(f)
		}
		return true
	}
	return false
}

// refresh reads size and times of the open inode. What it finds changed is dirty: the next look will see no difference.
func (t *Tailer) refresh(f *file) error {
	if f.f == nil {
		return nil
	}
	info, err := linux.Fstat(f.f)
	if err != nil {
		return err
	}
	if info.Size != f.info.Size || !info.Mod.Equal(f.info.Mod) {
		f.changed = t.now()
		t.markFile(f)
	}
	f.info = info
	return nil
}
