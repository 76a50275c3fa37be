package tail

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shipper/internal/linux"
)

// sweep looks at what is due: polled directories, and so many of the others that all had their turn after Options.Sweep.
func (t *Tailer) sweep() {
	t.listings = nil
	now := t.now()
	for _, d := range slices.Collect(maps.Values(t.dirs)) {
		if d.polled && now.Sub(d.polledT) >= d.poll-t.tick()/2 { // it was looked at a little after its tick
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
		t.forgetLeads()
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

// stamp tells whether names in a directory may have come, gone or been given to other files: each of these moves the time at which
// its inode changed last, which nobody can set back.
type stamp struct {
	key    inode
	change int64
}

func stampOf(info linux.Info) stamp { return stamp{inode{info.Dev, info.Ino}, info.Change} }

const (
	// coarsestTime is more than the steps in which any local file system stamps: two seconds. A directory that was listed later than that
	// after its last change has another stamp after the next.
	coarsestTime = 3 * time.Second
	// maxGlances is how often a directory is looked through before it is listed again all the same, for a file system that nobody
	// has thought of.
	maxGlances = 20
)

// list looks at every name in d. info is what d was before.
func (t *Tailer) list(d *dir, full bool, info linux.Info) {
	began := time.Now()
	entries, err := readNames(d.path)
	if err != nil {
		t.cannot(d.path, err)
		return
	}
	t.can(d.path)
	t.listed++
	d.number, d.held, d.glances, d.others, d.below = t.listed, stamp{}, 0, nil, nil
	for _, e := range entries {
		p := filepath.Join(d.path, e.Name())
		link := e.Type()&os.ModeSymlink != 0
		if (e.IsDir() || link) && t.descends(p) {
			d.below = append(d.below, p)
			if full || t.dirs[p] == nil {
				t.scanDir(p, full)
			}
		}
		if (e.Type().IsRegular() || link) && (t.at(p) != nil || t.matches(p)) {
			t.look(p)
			if l := t.leads[p]; l != nil && l.dir == d {
				l.listed = d.number
			} else {
				d.others = append(d.others, p)
			}
		}
	}
	for _, l := range d.leads {
		if l.file != nil && l.listed != d.number {
			t.look(l.path)
		}
	}
	t.prune(d)
	if _, remote := t.remote(d.path); !remote && began.Sub(time.Unix(0, info.Change)) > t.coarse {
		d.held = stampOf(info)
	}
}

func readNames(dir string) ([]os.DirEntry, error) {
	h, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return h.ReadDir(-1)
}

// glance looks at everything in d once more without listing it. It is false if d may hold other names than it did when it was listed.
func (t *Tailer) glance(d *dir) bool {
	if d.held == (stamp{}) || d.glances >= maxGlances {
		return false
	}
	h, err := linux.OpenDir(d.path)
	if err != nil {
		return false
	}
	defer h.Close()
	if info, err := h.Info(); err != nil || stampOf(info) != d.held {
		return false
	}
	d.glances++
	d.polledT = t.now()
	t.watch(d)
	for _, l := range d.leads {
		if l.file == nil && l.listed != d.number {
			continue // its name was not there
		}
		now := t.now()
		info, err := h.Stat(filepath.Base(l.path))
		t.met(l.path, l, info, err, now)
	}
	for _, p := range d.others {
		t.look(p)
	}
	for _, p := range d.below {
		if t.dirs[p] == nil {
			t.scanDir(p, false)
		}
	}
	return true
}

// lookAgain looks at every path in d that leads to a file.
func (t *Tailer) lookAgain(d *dir) {
	for _, l := range d.leads {
		if l.file != nil {
			t.look(l.path)
		}
	}
}
