package tail

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

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
	t.index, t.realDirs = map[string]map[uint64][]string{}, nil
	t.began = t.now()
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
	case t.at(p) != nil || t.matches(p):
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
	d := &dir{path: path}
	t.dirs[path] = d
	return d
}

// scanDir watches and then lists a directory. Directories below it that are known already are only entered if full.
func (t *Tailer) scanDir(path string, full bool) {
	if t.ignored(path) || !t.descends(path) {
		return
	}
	d := t.dirs[path]
	if d != nil && !full && t.glance(d) {
		return
	}
	info, err := linux.Stat(path)
	switch {
	case err != nil && !linux.Gone(err):
		t.cannot(path, err)
		return
	case err != nil || info.Mode != os.ModeDir:
		if d != nil {
			t.unwatch(d)
			t.lookAgain(d)
		}
		return
	case d == nil:
		d = t.addDir(path)
	case d.key != (inode{}) && d.key != (inode{info.Dev, info.Ino}):
		leads := d.leads
		t.unwatch(d)
		d = t.addDir(path)
		for _, l := range leads {
			d.take(l)
		}
	}
	d.key, d.polledT = inode{info.Dev, info.Ino}, t.now()
	if t.circular(path, info) {
		return
	}
	t.watch(d)
	t.list(d, full, info)
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
