package tail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"shipper/internal/linux"
)

// events collects what happened until discovery takes it. Losing one costs latency only: the sweep finds it.
type events struct {
	mu       sync.Mutex
	paths    map[string]struct{} // changed, created or gone
	taken    map[string]struct{} // what take returned last, to be used again
	overflow bool
	moved    map[StreamID]struct{} // settled further
	awaited  map[StreamID]struct{} // whose settling discovery waits for

	watcher *watcher // discovery's
}

func newEvents() *events {
	return &events{paths: map[string]struct{}{}, taken: map[string]struct{}{}, moved: map[StreamID]struct{}{}, awaited: map[StreamID]struct{}{}}
}

func (e *events) path(p string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paths[p] = struct{}{}
}

func (e *events) lost() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.overflow = true
}

// settled notes that a stream moved, and reports whether anybody waits for that.
func (e *events) settled(id StreamID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.awaited[id]
	return ok
}

// await asks for settled to report a stream, or not to any more.
func (e *events) await(id StreamID, on bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if on {
		e.awaited[id] = struct{}{}
	} else {
		delete(e.awaited, id)
	}
}

// take returns what has come since the last call. The caller may use it until the next.
func (e *events) take() (paths map[string]struct{}, overflow bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	paths, overflow = e.paths, e.overflow
	if clear(e.taken); len(paths) > fewPaths {
		e.paths, e.taken = map[string]struct{}{}, map[string]struct{}{} // one that was large once costs as much when it is empty
	} else {
		e.paths, e.taken = e.taken, e.paths
	}
	e.overflow = false
	return paths, overflow
}

// fewPaths is how many paths a set of them may have held that is used again.
const fewPaths = 1024

// watcher turns notifications of directories into events.
type watcher struct {
	fs   *fsnotify.Watcher
	to   *events
	poke func()
}

// linger is how long notifications are gathered before discovery hears of them: a busy file costs a look for each of
// these, not one for each write. While something changes all the time it is busyLinger: most of what a look costs is waking up.
const (
	linger     = 10 * time.Millisecond
	busyLinger = 15 * time.Millisecond
)

// manyEvents in one round mean that there is no time to let the kernel gather more.
const manyEvents = 256

func newWatcher(to *events, poke func()) (*watcher, error) {
	fs, err := fsnotify.NewBufferedWatcher(0) // see run
	if err != nil {
		return nil, fmt.Errorf("watch directories: %w", err)
	}
	return &watcher{fs: fs, to: to, poke: poke}, nil
}

// run takes notifications in rounds until ctx ends. Between two rounds nobody reads them: the kernel drops one that equals the last in
// its queue, so that a file with a thousand writes a second costs a hundred notifications, and none of them wakes anybody. Its queue
// holds thousands (fs.inotify.max_queued_events); a round that brought many is followed by the next at once.
func (w *watcher) run(ctx context.Context) {
	wait := time.NewTimer(linger)
	defer wait.Stop()
	var last time.Time // end of the last round
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.fs.Events:
			if !ok {
				return
			}
			w.note(e)
		case err, ok := <-w.fs.Errors:
			if !ok {
				return
			}
			w.failed(err)
		}
		if time.Since(last) < linger {
			wait.Reset(busyLinger)
		} else {
			wait.Reset(linger)
		}
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		for w.drain() == manyEvents {
			w.poke()
		}
		w.poke()
		last = time.Now()
	}
}

// drain takes what is there. The library hands over one at a time, from a goroutine of its own that needs its turn for each.
func (w *watcher) drain() (n int) {
	for misses := 0; misses < 3 && n < manyEvents; {
		select {
		case e, ok := <-w.fs.Events:
			if !ok {
				return n
			}
			w.note(e)
			n++
			misses = 0
		case err, ok := <-w.fs.Errors:
			if !ok {
				return n
			}
			w.failed(err)
			misses = 0
		default:
			misses++
			runtime.Gosched()
		}
	}
	return n
}

func (w *watcher) note(e fsnotify.Event) { w.to.path(filepath.Clean(e.Name)) }

func (w *watcher) failed(err error) {
	if errors.Is(err, fsnotify.ErrEventOverflow) {
		w.to.lost()
	}
}

func (w *watcher) close() error { return w.fs.Close() }

// dir is a directory that is looked at.
type dir struct {
	path    string
	key     inode   // zero until it was listed
	leads   []*lead // configured paths in it that lead to a file, or led to one
	watched bool
	polled  bool
	polledT time.Time
	poll    time.Duration
	next    bool // only watched for something that does not exist yet, or for the target of a link

	held    stamp    // when it was listed; zero if that does not tell whether it holds the same names now
	number  uint64   // of its last listing
	glances int      // since then
	others  []string // names of it that match, but lead to no file yet
	below   []string // and those that are directories to look into, or links
}

// watch sees to it that changes in d are noticed. It must be called before d is listed.
func (t *Tailer) watch(d *dir) {
	if d.watched || d.polled || t.once {
		return
	}
	w := t.events.watcher
	if w == nil {
		t.pollInstead(d)
		return
	}
	if kind, remote := t.remote(d.path); remote {
		t.pollInstead(d)
		t.log.Warn("directory is polled: its file system does not notify", "code", "SHP-T002", "path", d.path, "reason", kind)
		return
	}
	switch err := w.fs.Add(d.path); {
	case err == nil:
		d.watched = true
	case linux.Gone(err):
	default: // ENOSPC: too many watches; EMFILE: too many instances
		t.pollInstead(d)
		if !t.noWatch {
			t.noWatch = true
			t.log.Warn("directories are polled: they cannot be watched", "code", "SHP-T003", "path", d.path, "err", err)
		}
	}
}

func (t *Tailer) pollInstead(d *dir) {
	d.polled, d.poll = true, t.pollOf(d.path)
	t.polled++
}

// unwatch forgets a directory that is gone.
func (t *Tailer) unwatch(d *dir) {
	if w := t.events.watcher; d.watched && w != nil {
		_ = w.fs.Remove(d.path) // the directory is gone, and its watch with it
	}
	if d.polled {
		t.polled--
	}
	d.watched, d.polled = false, false
	delete(t.dirs, d.path)
}
