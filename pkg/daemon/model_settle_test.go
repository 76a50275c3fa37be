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
)

// met reports whether a reader knows the content of f.
func (w *model) met(f *inode) bool {
	if w.readerHolds(f) {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(f.c.recs, func(r *rec) bool { return r.got > 0 })
}

// hopeless is an error that waiting does not mend: nothing has happened for longer than anything is waited for.
type hopeless struct{ error }

// enoughLooks say that nothing happens because nothing is left to do, and not because the machine has no time for this process.
const enoughLooks = 500

// look waits until the reader has met every log that is in place.
func (w *model) look() error {
	if w.life == nil {
		return nil
	}
	w.note("pass")
	return within(patience, func() error {
		for path, f := range w.files {
			if info, err := os.Stat(path); err == nil && info.Size() > 0 && strings.HasSuffix(path, ".log") && !w.readerHolds(f) {
				return fmt.Errorf("%s is not met", path)
			}
		}
		return nil
	})
}

// settle waits until everything that can arrive has, and writes the positions down.
func (w *model) settle(final bool) error {
	if w.life == nil {
		return nil
	}
	w.heal()
	w.note("pass")
	quiet, turned, looks := time.Now(), time.Now(), 0
	var stored map[*rec]bool // before it was found that all positions are known
	err := within(patience, func() error {
		w.mu.Lock()
		stored = maps.Clone(w.unsafe)
		w.mu.Unlock()
		if looks++; w.life.tailer.Idle() == 0 || w.settled() != nil {
			quiet, looks = time.Now(), 0
		}
		if time.Since(turned) > time.Second { // an answer from before the service was healed holds the target again
			w.life.keys.turn()
			turned = time.Now()
		}
		if m := w.missing(final); len(m) > 0 {
			err := fmt.Errorf("%d lines are missing, the first is %d of %d of content %d: %s", len(m), m[0].at, len(m[0].of.recs), m[0].of.id, clip(m[0].text))
			if looks > enoughLooks && time.Since(quiet) > modelFinal+2*time.Second {
				err = hopeless{err}
			}
			return err
		}
		return w.settled()
	})
	if err != nil {
		return errors.Join(err, w.stands())
	}
	if err := w.life.store.Commit(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.unsafe, func(r *rec, _ bool) bool { return stored[r] })
	return nil
}

// stands describes files and streams, for a failure.
func (w *model) stands() error {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(w.files)) {
		f := w.files[path]
		fmt.Fprintf(&b, "%s ino %d content %d lines %d\n", filepath.Base(path), f.ino, f.c.id, len(f.lines()))
	}
	for _, f := range w.life.tailer.Files() {
		fmt.Fprintf(&b, "stream %d %s of %s ino %d at %d of %d\n", f.Stream, f.State, filepath.Base(f.Path), f.Identity.Ino, f.Offset, f.Size)
	}
	for _, e := range w.life.store.Epochs() {
		fmt.Fprintf(&b, "epoch %d of %s ino %d offset %d ahead %v %+v\n", e.ID, filepath.Base(e.Path), e.Identity.Ino, e.Offset, e.Ahead, e.Counts)
	}
	return errors.New(b.String())
}

// finish completes and closes every log; then everything must be there.
func (w *model) finish() error {
	for _, base := range slices.Sorted(maps.Keys(w.writers)) {
		o := w.writers[base]
		if w.files[base] == o.to && o.to.c.open() != nil {
			if err := w.write(base, 1, 5, true); err != nil {
				return err
			}
		}
		w.note("close %s", filepath.Base(base))
		o.f.Close()
		delete(w.writers, base)
	}
	if err := w.start(); err != nil {
		return err
	}
	if err := w.settle(true); err != nil {
		return err
	}
	return w.stop(false)
}
