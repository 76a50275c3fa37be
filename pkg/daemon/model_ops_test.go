package daemon

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shipper/internal/linux"
)

// patience is how long something may take on a machine that is busy.
const patience = 20 * time.Second

func (w *model) do(o op) error {
	base := filepath.Join(w.dir, o.log+".log")
	switch o.do {
	case "write":
		return w.write(base, o.n, 40, true)
	case "flood":
		return w.write(base, o.n, 100, true)
	case "partial":
		return w.write(base, 1, 30, false)
	case "rotate": // create
		return errors.Join(w.rename(base), w.reopen(base))
	case "rename":
		return w.rename(base)
	case "reopen":
		return w.reopen(base)
	case "copytruncate", "copygap", "slowcopy":
		return w.copytruncate(base, o)
	case "truncate", "refill":
		return w.truncate(base, o.do == "refill")
	case "delete":
		return w.remove(base)
	case "drop":
		for i := 20; i > 0; i-- {
			for _, ext := range []string{"", ".gz"} {
				if path := fmt.Sprintf("%s.%d%s", base, i, ext); w.files[path] != nil {
					return w.remove(path)
				}
			}
		}
		return nil
	case "gzip":
		return w.gzip(base + ".1")
	case "look":
		return w.look()
	case "settle":
		return w.settle(false)
	case "finish":
		return w.finish()
	case "pause", "denied":
		w.note("hold central")
		w.service.fault(o.do, -1)
	case "5xx", "throttle", "cut-before", "cut-after":
		w.service.fault(o.do, o.n)
	case "heal":
		w.heal()
	case "stop", "kill":
		return w.stop(o.do == "kill")
	case "start":
		return w.start()
	default:
		return fmt.Errorf("no such step: %s", o.do)
	}
	return nil
}

func (w *model) start() (err error) {
	if w.life == nil {
		w.note("start")
		if w.life, err = w.born(w.state); err == nil {
			w.forsake()
		}
	}
	return err
}

// forsake gives up the generations of a log that this life has never heard of: if no new log is met in its place, nobody can tell
// what their names mean.
func (w *model) forsake() {
	if w.all || w.life == nil {
		return
	}
	for _, f := range w.life.tailer.Files() {
		w.life.known[f.Path] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, base := range []string{"a.log", "b.log"} {
		base = filepath.Join(w.dir, base)
		if w.life.known[base] {
			continue
		}
		for path, f := range w.files {
			if !strings.HasPrefix(path, base+".") {
				continue
			}
			for _, r := range f.c.recs {
				r.gone = r.gone || r.got == 0
			}
		}
	}
}

func (w *model) stop(kill bool) error {
	if w.life == nil {
		return nil
	}
	l := w.life
	w.note("%s", map[bool]string{false: "stop", true: "kill"}[kill])
	if kill {
		w.states++
		left := filepath.Join(filepath.Dir(w.dir), fmt.Sprintf("state%d", w.states))
		kept := w.keeper.fork()
		state := w.state
		if err := l.kill(state, left); err != nil {
			return err
		}
		w.keeper.empty()
		w.keeper = kept
		w.state = left
		if err := os.RemoveAll(state); err != nil { // else a file of its spool would be found by its handle
			return err
		}
	} else {
		drain := patience
		if w.service.faulty() {
			drain = modelDrain
		}
		l.stop(drain)
		w.keeper.empty()
		w.closeDeleted()
	}
	w.life = nil
	w.ended(kill)
	return errors.Join(l.errs...)
}

// closeDeleted lets applications notice that their file was deleted: what they would write to it now, nobody could read.
func (w *model) closeDeleted() {
	for base, o := range w.writers {
		if !slices.Contains(slices.Collect(maps.Values(w.files)), o.to) {
			w.note("close %s", filepath.Base(base))
			o.f.Close()
			delete(w.writers, base)
		}
	}
}

func (w *model) heal() {
	w.note("release central")
	w.service.heal()
	if w.life != nil {
		w.life.keys.turn()
	}
}

// newInode is the file at path. The content of a copy ends after n lines.
func newInode(path string, c *content, n int) (*inode, error) {
	info, err := linux.Stat(path)
	return &inode{ino: info.Ino, birth: info.Birth, c: c, n: n}, err
}

// open returns the application's descriptor, and makes the file if there is none.
func (w *model) open(base string) (*writing, error) {
	if o := w.writers[base]; o != nil {
		return o, nil
	}
	w.note("open %s", filepath.Base(base))
	f, err := os.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	to := w.files[base]
	if to == nil {
		if to, err = newInode(base, w.newContent(), -1); err != nil {
			return nil, err
		}
		w.files[base] = to
	}
	w.writers[base] = &writing{f, to}
	return w.writers[base], nil
}

func (w *model) write(base string, n, width int, finish bool) error {
	o, err := w.open(base)
	if err != nil {
		return err
	}
	held := w.readerHolds(o.to)
	// A file that is renamed while it is empty, and that no reader has met under its first name, is passed over for good.
	unmet := !held && !w.all && w.files[base] != o.to && len(o.to.c.recs) == 0
	text := w.compose(o.to.c, n, width, finish)
	w.noteText(base, o.to, text)
	if _, err = o.f.WriteString(text); err != nil {
		return err
	}
	// What is written to a deleted file can be read only by those who hold it open.
	o.to.unmet = o.to.unmet || unmet
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range o.to.c.recs[max(0, len(o.to.c.recs)-n-1):] {
		switch {
		case w.onDisk(r) && !unmet && !o.to.unmet || r.got > 0:
		case held && !r.gone:
			r.heldBy = w.life.n
		default:
			r.gone = true
		}
	}
	return nil
}

// reopen is what an application does after a rotation.
func (w *model) reopen(base string) error {
	if o := w.writers[base]; o != nil {
		w.note("close %s", filepath.Base(base))
		o.f.Close()
		delete(w.writers, base)
	}
	_, err := w.open(base)
	return err
}
