package config

import (
	"os"
	"slices"
	"syscall"
	"time"
)

const (
	// settleTime is how old the last change of a file must be before its times tell of the next one: clocks of file systems tick
	// in milliseconds, that of FAT every 2 s, and a second write within a tick would not show.
	settleTime = 3 * time.Second
	// readEvery bounds how long a change can stay unseen on a file system whose times do not tell of it.
	readEvery = time.Minute
)

// Watcher tells which files Load would read, for somebody who asks again and again. It reads them again only if something about
// them has changed. It is not safe for concurrent use.
type Watcher struct {
	opts  Options
	now   func() time.Time
	files []File
	last  time.Time // when they were read
	seen  trace     // what was met then
	sure  bool      // what was met then tells of every change
}

// NewWatcher returns a Watcher of what opts says. It has read nothing yet.
func NewWatcher(opts Options) *Watcher { return &Watcher{opts: opts, now: time.Now} }

// Files returns the files that Load would read now, with their hashes, as far as they can be read. It judges nothing. New files
// of a glob and links that were swapped are found, too. The caller does not change what is returned.
func (w *Watcher) Files() []File {
	now := w.now()
	if age := now.Sub(w.last); w.sure && age >= 0 && age < readEvery && w.seen.holds() {
		return w.files
	}
	l := newLoader(w.opts)
	l.file(l.main, nil)
	w.files, w.last, w.seen = l.files, now, l.trace
	w.sure = !l.trace.failed && l.trace.settled(now.Add(-settleTime))
	return w.files
}

// trace is what a loader met on its way: as long as all of that is the same, so is what it read.
type trace struct {
	stamps map[string]stamp    // by path: every file, and what else a pattern matched
	globs  map[string][]string // by pattern: what it matched
	failed bool                // a file could not be read, and the stamps may not tell when it can
}

// stamp is what the system says about a path without opening it.
type stamp struct {
	real string         // without links: a ConfigMap is changed by swapping one
	stat syscall.Stat_t // of the file at its end; without the time of the last read
}

// stampOf looks at a path; what is not there has a stamp, too.
func stampOf(path string) stamp {
	s := stamp{real: realPath(path)}
	if info, err := os.Stat(path); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			s.stat = *st
			s.stat.Atim = syscall.Timespec{}
		}
	}
	return s
}

// file notes a path. It is called before the file is read, so that a change in between is one.
func (t *trace) file(path string) {
	if _, ok := t.stamps[path]; !ok {
		t.stamps[path] = stampOf(path)
	}
}

// holds reports whether everything is as it was met.
func (t *trace) holds() bool {
	for path, s := range t.stamps {
		if stampOf(path) != s {
			return false
		}
	}
	for pattern, was := range t.globs {
		if is, err := glob(pattern); err != nil || !slices.Equal(is, was) {
			return false
		}
	}
	return true
}

// settled reports whether no file has changed since.
func (t *trace) settled(since time.Time) bool {
	for _, s := range t.stamps {
		if time.Unix(s.stat.Ctim.Unix()).After(since) {
			return false
		}
	}
	return true
}
