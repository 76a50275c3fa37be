package tail

import (
	"os"
	"time"

	"shipper/internal/linux"
)

// listing is what a directory held.
type listing struct {
	key     inode
	mod     time.Time
	entries []os.DirEntry
}

// settledTime is how long a directory must have been unchanged before its listing is believed to belong to its time of change: the
// kernel's time stamps move in steps of some milliseconds.
const settledTime = 100 * time.Millisecond

// readDir is os.ReadDir, without reading again what has not changed since. Ten thousand files that get their first line within
// a second would otherwise read their directories ten thousand times.
func (t *Tailer) readDir(dir string) ([]os.DirEntry, error) {
	before, err := linux.Stat(dir)
	if err != nil {
		return nil, err
	}
	key := inode{before.Dev, before.Ino}
	if l, ok := t.listings[dir]; ok && l.key == key && l.mod.Equal(before.Mod) {
		return l.entries, nil
	}
	delete(t.listings, dir)
	began := time.Now()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if _, remote := linux.Unwatchable(dir); !remote && began.Sub(before.Mod) > settledTime {
		if t.listings == nil {
			t.listings = map[string]listing{}
		}
		t.listings[dir] = listing{key, before.Mod, entries}
	}
	return entries, nil
}
