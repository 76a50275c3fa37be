package tail

import (
	"path/filepath"
	"testing"
	"time"
)

// TestCannotWatch follows a file in a directory that the kernel has no watch for (fluent-bit#1018, loki#1153): the directory is
// polled, and no line is missing.
func TestCannotWatch(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	path := filepath.Join(dir, "app.log")
	write(t, path, "one\n")
	tl, err := New(w.options(path))
	if err != nil {
		t.Fatal(err)
	}
	defer tl.Close()
	watcher, err := tl.prepare(true)
	if err != nil {
		t.Fatal(err)
	}
	if err := watcher.close(); err != nil { // every Add fails from here on
		t.Fatal(err)
	}
	clock := time.Now()
	tl.now = func() time.Time { return clock }
	tl.step(stepAll)
	drain(tl)
	if st := tl.Stats(); st.Dirs == 0 || st.PolledDirs != st.Dirs {
		t.Errorf("%d of %d directories are polled", st.PolledDirs, st.Dirs)
	}
	write(t, path, "two\n")
	clock = clock.Add(time.Minute)
	tl.step(stepTick)
	drain(tl)
	w.wants(t, "one", "two")
}
