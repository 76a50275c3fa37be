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
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err == nil && !compressed(path) { // those are read in small pieces, for which the kernel's own reading ahead is good
		linux.ReadExactly(f)
	}
	return f, err
}

// step brings the picture up to date once and decides what follows from it. All of discovery happens in here.
func (t *Tailer) step(what int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.index = map[string]map[uint64][]string{}
	what |= t.reconfigure()
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
		t.restRemote()
		t.tendCutting()
	}
	t.resolve()
	t.troubles()
	t.resolve()
	t.tend(what&(stepTick|stepAll) != 0)
	t.refillGaps()
	t.resolve()
	t.recordMoves()
	if what != 0 {
		t.limitOpen()
	}
	t.tendPinned(what&(stepTick|stepAll) != 0)
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
	t.listings = nil
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
		maps.DeleteFunc(t.looked, func(path string, at time.Time) bool {
			return t.byPath[path] == nil && now.Sub(at) > time.Hour
		})
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
		if info, err := linux.Stat(d.path); linux.Gone(err) || err == nil && info.Mode != os.ModeDir {
			t.unwatch(d)
		}
		if d.polled {
			t.scanBases(false)
		}
		return
	}
	t.scanDir(d.path, false)
}
