package tail

import (
	"os"
	"slices"
	"time"

	"shipper/internal/linux"
)

// listing is what a directory held.
type listing struct {
	key     inode
	mod     time.Time
	entries []os.DirEntry
	dirs    []string         // names of those that are directories
	asked   int              // how often rotations of a name were looked for
	rotated map[string][]int // places in entries, by what rotation may have made the name out of; nil until it pays
}

// indexAfter is how often all entries are looked through before an index is made.
const indexAfter = 8

// rotations calls f with every entry that may be a rotation of base: rotatedName tells.
func (l *listing) rotations(base string, f func(os.DirEntry)) {
	if l.asked++; l.asked <= indexAfter {
		for _, e := range l.entries {
			f(e)
		}
		return
	}
	if l.rotated == nil {
		l.rotated = map[string][]int{}
		for i, e := range l.entries {
			for o := range originals(e.Name()) {
				if at := l.rotated[o]; len(at) == 0 || at[len(at)-1] != i { // it may come twice
					l.rotated[o] = append(at, i)
				}
			}
		}
	}
	both := l.rotated[base]
	if stem := stemOf(base); stem != "" {
		both = slices.Concat(both, l.rotated[stem])
		slices.Sort(both)
		both = slices.Compact(both)
	}
	for _, i := range both {
		f(l.entries[i])
	}
}

// settledTime is how long a directory must have been unchanged before its listing is believed to belong to its time of change: the
// kernel's time stamps move in steps of some milliseconds.
const settledTime = 100 * time.Millisecond

// readDir is os.ReadDir, without reading again what has not changed since. Ten thousand files that get their first line within
// a second would otherwise read their directories ten thousand times.
func (t *Tailer) readDir(dir string) (*listing, error) {
	before, err := linux.Stat(dir)
	if err != nil {
		return nil, err
	}
	key := inode{before.Dev, before.Ino}
	if l, ok := t.listings[dir]; ok && l.key == key && l.mod.Equal(before.Mod) {
		return l, nil
	}
	delete(t.listings, dir)
	began := time.Now()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	l := &listing{key: key, mod: before.Mod, entries: entries}
	for _, e := range entries {
		if e.IsDir() {
			l.dirs = append(l.dirs, e.Name())
		}
	}
	if _, remote := linux.Unwatchable(dir); !remote && began.Sub(before.Mod) > settledTime {
		if t.listings == nil {
			t.listings = map[string]*listing{}
		}
		t.listings[dir] = l
	}
	return l, nil
}
