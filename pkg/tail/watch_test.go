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

// TestPollsWithEachTick polls as often as the input says, although a look takes its time and ticks are not quite even.
func TestPollsWithEachTick(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	write(t, filepath.Join(dir, "app.log"), "one\n")
	tl := still(t, w, w.options(filepath.Join(dir, "*.log"))) // nothing is watched
	clock := time.Now()
	tl.now = func() time.Time {
		clock = clock.Add(time.Millisecond)
		return clock
	}
	begun := clock
	for i := range 5 {
		clock = begun.Add(time.Duration(i+1) * time.Second)
		if i%2 == 0 {
			clock = clock.Add(-3 * time.Millisecond)
		}
		before := tl.dirs[dir].polledT
		if tl.step(stepTick); tl.dirs[dir].polledT.Equal(before) {
			t.Errorf("tick %d: not polled", i)
		}
	}
}
