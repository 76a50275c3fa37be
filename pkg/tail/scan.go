package tail

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"shipper/internal/linux"
)

// What a step of discovery does besides looking at what was notified.
const (
	stepAll  = 1 << iota // look at everything
	stepTick             // a part of the sweep, polled directories, waits that may be over
)

// maxDepth bounds how deep directories are followed; links that lead in circles are found before.
const maxDepth = 64

// openRead opens a file for reading without ever waiting for it (a FIFO would).
func openRead(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
}

// step brings the picture up to date once and decides what follows from it. All of discovery happens in here.
func (t *Tailer) step(what int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.index = map[string]map[uint64][]string{}
	paths, overflow := t.events.take()
	if overflow {
		t.overflows++
		what |= stepAll
		t.log.Info("too many changes at once, everything is looked at", "code", "SHP-T004")
	}
	if what&stepAll != 0 {
		t.scanBases(true)
		for f := range maps.Values(t.files) {
			t.markFile(f)
		}
	} else {
		for p := range paths {
			t.event(p)
		}
	}
	if what&stepTick != 0 {
		t.sweep()
		t.flushPartials()
	}
	t.resolve()
	t.troubles()
	t.resolve()
	t.tend(what&(stepTick|stepAll) != 0)
	t.refillGaps()
	t.resolve()
	t.limitOpen()
	t.release()
}

// event looks at a path that was notified.
func (t *Tailer) event(p string) {
	if d := t.dirs[filepath.Dir(p)]; d != nil && d.next {
		t.scanBases(false)
	}
	switch {
	case t.dirs[p] != nil:
		t.scanDir(p, false)
	case t.byPath[p] != nil || t.matches(p):
		t.look(p)
	case t.descends(p):
		t.scanDir(p, false)
	}
	for name := range t.links[p] {
		t.look(name)
	}
}

func (t *Tailer) matches(p string) bool {
	return slices.ContainsFunc(t.inputs, func(in *input) bool { return in.glob.matches(p) })
}

func (t *Tailer) descends(p string) bool {
	return slices.ContainsFunc(t.inputs, func(in *input) bool { return in.glob.descends(p) })
}

func (t *Tailer) ignored(p string) bool {
	return slices.ContainsFunc(t.ignore, func(i string) bool { return under(i, p) })
}

// scanBases looks at the directories that patterns begin with, or waits in the nearest parent for one to appear.
func (t *Tailer) scanBases(full bool) {
	for _, in := range t.inputs {
		for _, p := range in.glob.include {
			base := p.base
			for {
				info, err := linux.Stat(base)
				if err == nil && info.Mode == os.ModeDir || base == "/" {
					break
				}
				base = filepath.Dir(base)
			}
			if base == p.base {
				if full || t.dirs[base] == nil || t.dirs[base].next {
					t.scanDir(base, full)
				}
				continue
			}
			d := t.dirs[base]
			if d == nil {
				d = t.addDir(base)
			}
			d.next = true
			t.watch(d)
		}
	}
}

func (t *Tailer) addDir(path string) *dir {
	d := &dir{path: path, names: map[string]struct{}{}}
	t.dirs[path] = d
	return d
}

// scanDir watches and then lists a directory. Directories below it that are known already are only entered if full.
func (t *Tailer) scanDir(path string, full bool) {
	if t.ignored(path) || !t.descends(path) {
		return
	}
	d := t.dirs[path]
	info, err := linux.Stat(path)
	switch {
	case err != nil && !linux.Gone(err):
		t.cannot(path, err)
		return
	case err != nil || info.Mode != os.ModeDir:
		if d != nil {
			t.unwatch(d)
			for name := range maps.Clone(d.names) {
				t.look(name)
			}
		}
		return
	case d == nil:
		d = t.addDir(path)
	case d.key != (inode{}) && d.key != (inode{info.Dev, info.Ino}):
		names := d.names
		t.unwatch(d)
		d = t.addDir(path)
		d.names = names
	}
	d.key, d.polledT = inode{info.Dev, info.Ino}, t.now()
	if t.circular(path, info) {
		return
	}
	t.watch(d)
	t.list(d, full)
}

// circular reports whether path is deeper than anybody means, or a link back to a directory above.
func (t *Tailer) circular(path string, info linux.Info) bool {
	depth := 0
	for up := filepath.Dir(path); up != "/" && up != "."; up = filepath.Dir(up) {
		if d := t.dirs[up]; d != nil && d.key == (inode{info.Dev, info.Ino}) {
			return true
		}
		depth++
	}
	return depth > maxDepth
}

func (t *Tailer) list(d *dir, full bool) {
	h, err := os.Open(d.path)
	if err != nil {
		t.cannot(d.path, err)
		return
	}
	entries, err := h.ReadDir(-1)
	h.Close()
	if err != nil {
		t.cannot(d.path, err)
		return
	}
	t.can(d.path)
	here := make(map[string]struct{}, len(entries))
	for _, e := range entries {
		p := filepath.Join(d.path, e.Name())
		here[p] = struct{}{}
		link := e.Type()&os.ModeSymlink != 0
		if (e.IsDir() || link) && t.descends(p) && (full || t.dirs[p] == nil) {
			t.scanDir(p, full)
		}
		if (e.Type().IsRegular() || link) && (t.byPath[p] != nil || t.matches(p)) {
			t.look(p)
		}
	}
	for name := range maps.Clone(d.names) {
		if _, ok := here[name]; !ok {
			t.look(name)
		}
	}
}

// sweep looks at what is due: polled directories, and so many of the others that all had their turn after Options.Sweep.
func (t *Tailer) sweep() {
	now := t.now()
	for _, d := range slices.Collect(maps.Values(t.dirs)) {
		if d.polled && now.Sub(d.polledT) >= d.poll {
			d.polledT = now
			t.again(d)
		}
	}
	if len(t.sweepList) == 0 {
		if now.Before(t.sweepNext) {
			return
		}
		t.sweepNext = now.Add(t.opts.Sweep)
		t.scanBases(false)
		t.sweepList = slices.Collect(maps.Keys(t.dirs))
		t.sweepEach = 1 + len(t.sweepList)*int(t.tick()/time.Millisecond)/int(t.opts.Sweep/time.Millisecond+1)
	}
	for range min(t.sweepEach, len(t.sweepList)) {
		path := t.sweepList[0]
		t.sweepList = t.sweepList[1:]
		if d := t.dirs[path]; d != nil {
			t.again(d)
		}
	}
}

// again looks at a known directory once more.
func (t *Tailer) again(d *dir) {
	if d.next && !t.descends(d.path) {
		t.scanBases(false)
		return
	}
	t.scanDir(d.path, false)
}

// look compares what a path leads to with what it led to before.
func (t *Tailer) look(path string) {
	f, before := t.byPath[path], t.looked[path]
	info, err := linux.Stat(path)
	if (err == nil || linux.Gone(err)) && (f != nil || !before.IsZero()) {
		t.looked[path] = t.now()
	}
	switch {
	case err != nil && !linux.Gone(err):
		t.cannot(path, err)
		return
	case err != nil || !info.Regular() || t.ignored(path):
		t.can(path)
		if f != nil {
			t.unname(path)
		}
		return
	case f != nil && f.is(info):
		t.can(path)
		f.lookedAt = t.now()
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
	if f != nil && f != h {
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
		return
	}
	shrunk := info.Size < f.info.Size
	f.info, f.changed = info, t.now()
	if len(f.links) > 0 || !f.admitted {
		t.fresh = append(t.fresh, f)
	}
	if len(f.streams) == 0 {
		return
	}
	if !t.reopen(f) {
		return
	}
	t.growHead(f)
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
		t.log.Warn("cannot be read now, will be tried again", "code", "SHP-T005", "path", path, "err", err)
	}
	t.bad[path] = err
}

func (t *Tailer) can(path string) {
	if _, was := t.bad[path]; was {
		delete(t.bad, path)
		t.log.Info("can be read again", "code", "SHP-T005", "path", path)
	}
}
