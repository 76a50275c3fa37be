package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// watched returns a Watcher of dir/shipper.toml whose clock is so far ahead that every change is an old one.
func watched(dir string) *Watcher {
	w := NewWatcher(Options{Path: filepath.Join(dir, "shipper.toml"), Env: noEnv})
	w.now = stopped(time.Now().Add(time.Hour))
	return w
}

func stopped(now time.Time) func() time.Time { return func() time.Time { return now } }

// kept reports whether b is a without anything having been read.
func kept(a, b []File) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }

func TestWatcherReadsWhatChanged(t *testing.T) {
	const main = "include = [\"conf.d/*.toml\", \"extra.toml\"]\n"
	replace := func(name, text string) func(dir string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}
	}
	for _, row := range []struct {
		what   string
		change func(dir string) error
		files  int // afterwards
	}{
		{"written in place, same size and time", func(dir string) error {
			path := filepath.Join(dir, "conf.d", "a.toml")
			st, err := os.Stat(path)
			if err != nil {
				return err
			}
			for was := stampOf(path); stampOf(path) == was && err == nil; { // until the file system's clock has ticked
				err = errors.Join(os.WriteFile(path, []byte("# b\n"), 0o600), os.Chtimes(path, st.ModTime(), st.ModTime()))
			}
			return err
		}, 3},
		{"replaced", replace("conf.d/a.toml", "# b\n"), 3},
		{"new file of a pattern", replace("conf.d/b.toml", ""), 4},
		{"included file appears", replace("extra.toml", ""), 4},
		{"file gone", func(dir string) error { return os.Remove(filepath.Join(dir, "conf.d", "a.toml")) }, 2},
		{"link swapped", func(dir string) error {
			if err := os.Symlink("v2", filepath.Join(dir, "..new")); err != nil {
				return err
			}
			return os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data"))
		}, 3},
		{"directory becomes a file", func(dir string) error {
			path := filepath.Join(dir, "conf.d", "sub.toml")
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.WriteFile(path, nil, 0o600)
		}, 4},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"shipper.toml": main, "conf.d/a.toml": "# a\n", "v1/c.toml": "# c\n", "v2/c.toml": "# c\n"})
			for _, err := range []error{
				os.Mkdir(filepath.Join(dir, "conf.d", "sub.toml"), 0o700), os.Symlink("v1", filepath.Join(dir, "..data")),
				os.Symlink("../..data/c.toml", filepath.Join(dir, "conf.d", "c.toml")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			w := watched(dir)
			first := w.Files()
			if len(first) != 3 || !kept(first, w.Files()) {
				t.Fatalf("%v; kept: %v", first, kept(first, w.Files()))
			}
			if err := row.change(dir); err != nil {
				t.Fatal(err)
			}
			second := w.Files()
			if kept(first, second) || len(second) != row.files {
				t.Errorf("kept: %v, files: %v", kept(first, second), second)
			}
			if !kept(second, w.Files()) {
				t.Error("read again although nothing changed")
			}
		})
	}
}

// A file that has just changed, or could not be read, is read at every look; all are now and then.
func TestWatcherDoubts(t *testing.T) {
	dir := write(t, map[string]string{"shipper.toml": "# a\n"})
	w := watched(dir)
	later := w.now()
	st, err := os.Stat(filepath.Join(dir, "shipper.toml"))
	if err != nil {
		t.Fatal(err)
	}
	w.now = stopped(st.ModTime().Add(time.Second))
	if a, b := w.Files(), w.Files(); kept(a, b) {
		t.Error("a change within the same tick would not be seen")
	}
	w.now = stopped(later)
	first := w.Files()
	w.now = stopped(later.Add(readEvery))
	if kept(first, w.Files()) {
		t.Error("not read for a minute")
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "gone.toml")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shipper.toml"), []byte("include = [\"gone.toml\"]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, b := w.Files(), w.Files(); len(a) != 1 || kept(a, b) {
		t.Errorf("a file that cannot be read: %v", a)
	}
}
