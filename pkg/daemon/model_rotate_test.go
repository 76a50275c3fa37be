package daemon

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shipper/pkg/tail"
)

// shift moves every generation up by one.
func (w *model) shift(base string) error {
	for i := 20; i > 0; i-- {
		for _, ext := range []string{"", ".gz"} {
			from, to := fmt.Sprintf("%s.%d%s", base, i, ext), fmt.Sprintf("%s.%d%s", base, i+1, ext)
			if w.files[from] == nil {
				if _, err := os.Lstat(from); err == nil {
					w.note("rename %s %s", filepath.Base(from), filepath.Base(to))
					if err := os.Rename(from, to); err != nil {
						return err
					}
				}
				continue
			}
			if err := w.move(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *model) move(from, to string) error {
	w.note("rename %s %s", filepath.Base(from), filepath.Base(to))
	if err := os.Rename(from, to); err != nil {
		return err
	}
	w.files[to] = w.files[from]
	delete(w.files, from)
	return nil
}

func (w *model) rename(base string) error {
	if w.files[base] == nil {
		return nil
	}
	defer w.forsake()
	return errors.Join(w.shift(base), w.move(base, base+".1"))
}

// copytruncate copies and truncates as logrotate does. With a gap lines are written in between; a slow copy is seen half.
func (w *model) copytruncate(base string, o op) error {
	f := w.files[base]
	if f == nil {
		return nil
	}
	if o.do == "copygap" && f.c.open() != nil {
		if err := w.write(base, 1, 10, true); err != nil {
			return err
		}
		if f = w.files[base]; w.writers[base].to != f {
			return nil
		}
	}
	if err := w.shift(base); err != nil {
		return err
	}
	w.note("copy %s %[1]s.1", filepath.Base(base))
	b, err := os.ReadFile(base)
	if err != nil {
		return err
	}
	to, err := os.Create(base + ".1")
	if err != nil {
		return err
	}
	defer to.Close()
	if w.files[base+".1"], err = newInode(base+".1", f.c, len(f.c.recs)); err != nil {
		return err
	}
	half := 0
	if o.do == "slowcopy" {
		half = len(b) / 2
		if _, err := to.Write(b[:half]); err != nil {
			return err
		}
		time.Sleep(30 * time.Millisecond) // a program that takes its time, not a wait for something
	}
	if _, err := to.Write(b[half:]); err != nil {
		return err
	}
	if o.do == "copygap" && len(b) < tail.HeadMax {
		// A copy that is shorter than what was read cannot be told from another file, unless it holds all that the head covers.
		w.mu.Lock()
		for _, r := range f.c.recs {
			r.mayRepeat = true
		}
		w.mu.Unlock()
	}
	if o.do == "copygap" && w.writers[base] != nil && w.writers[base].to == f {
		if err := w.write(base, o.n, 40, true); err != nil {
			return err
		}
	}
	return w.empty(base, f)
}

// empty truncates a file and gives it a new content.
func (w *model) empty(base string, f *inode) error {
	old := *f
	w.note("truncate %s", filepath.Base(base))
	return w.destroyed(&old, false, func() error {
		w.mu.Lock()
		f.c = w.newContent()
		w.mu.Unlock()
		return os.Truncate(base, 0)
	})
}

func (w *model) truncate(base string, refill bool) error {
	f := w.files[base]
	if f == nil {
		return nil
	}
	info, err := os.Stat(base)
	if err != nil {
		return err
	}
	if err := w.empty(base, f); err != nil || !refill {
		return err
	}
	if o := w.writers[base]; o != nil && o.to != f {
		return nil
	}
	return w.write(base, int(info.Size())/90+2, 100, true)
}

func (w *model) remove(path string) error {
	f := w.files[path]
	if f == nil {
		return nil
	}
	w.note("remove %s", filepath.Base(path))
	return w.destroyed(f, true, func() error {
		delete(w.files, path)
		return os.Remove(path)
	})
}

// gzip compresses a generation that nobody writes to.
func (w *model) gzip(path string) error {
	f := w.files[path]
	if f == nil || slices.ContainsFunc(slices.Collect(maps.Values(w.writers)), func(o *writing) bool { return o.to == f }) {
		return nil
	}
	w.note("gzip %s", filepath.Base(path))
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(path + ".gz")
	if err != nil {
		return err
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	packed, err := newInode(path+".gz", f.c, len(f.lines()))
	if err != nil {
		return err
	}
	if err := os.Chtimes(path+".gz", info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	if !w.met(f) { // what is compressed before anybody has met it cannot be told from an old archive
		return w.remove(path)
	}
	packed.packed = true
	w.files[path+".gz"] = packed
	return w.remove(path)
}
