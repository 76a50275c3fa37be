package tail

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/linux"
	"shipper/internal/spare"
	"shipper/internal/ticks"
)

// Tailer follows files. Its methods are safe for concurrent use; Run and Once are called once, one of them.
type Tailer struct {
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	remote  func(path string) (kind string, ok bool) // linux.Unwatchable
	inputs  []*input
	openers map[string]opener
	ignore  []string
	ring    *ring
	spare   spare.List[scratch]
	moved   atomic.Int64 // when bytes were handed over last, Unix nanoseconds
	poked   chan struct{}
	turns   []atomic.Int64 // of each reader: when its turn began, Unix nanoseconds; 0 between turns
	events  *events

	prepared chan struct{}      // closed once Run or Once has begun
	retick   chan time.Duration // capacity 1: another tick for the loop of discovery

	mu        sync.Mutex // held by discovery for each step; guards everything below
	began     time.Time  // the present step
	dirs      map[string]*dir
	leads     map[string]*lead // by path
	leading   int              // of these, to a file
	files     map[inode]*file
	streams   map[StreamID]*stream
	byName    names                        // of streams
	last      map[Route]map[string]*stream // the newest generation of a path
	records   map[Route][]*record          // epochs that no stream stands for
	since     map[Route]time.Time          // what was born later was not seen by an earlier run
	started   map[Route]bool               // an earlier run left epochs, or the first scan is over
	fresh     []*file                      // met in this step, to be admitted at its end
	touched   map[*file]struct{}           // lost or won a name in this step
	bad       map[string]error             // paths that cannot be read now
	links     map[string]map[string]struct{}
	index     map[string]map[uint64][]string // directory listings of this step, by inode number
	listings  map[string]*listing            // of directories, since the last tick; see readDir
	realDirs  map[string]string              // directories of this step without symbolic links; see resolved
	listed    uint64                         // listings of directories so far
	coarse    time.Duration                  // coarsestTime
	sweepList []string                       // directories that still have their turn in this sweep
	sweepEach int
	sweepNext time.Time
	noHandles bool // files cannot be opened by their handles
	noWatch   bool // warned that directories cannot be watched
	opened    int
	mostOpen  int // beyond it descriptors become scarce for the process
	polled    int
	linked    map[*file]struct{}    // copies of what is still read
	flushes   bool                  // an input flushes partial lines
	moves     []*stream             // went to another file in this step
	gaps      []gap                 // to be looked at again
	scanned   bool                  // the first look is over
	parked    map[*stream]struct{}  // by this step
	loose     map[*stream]struct{}  // detached, not final
	orphans   map[*stream]struct{}  // their content is gone from its file
	pins      map[*file]*pin        // deleted files
	cutting   map[*stream]time.Time // emptied since, perhaps to be filled with what they ended with
	spooled   map[*file]string      // files of the spool, with their paths
	sick      map[*stream]struct{}  // cannot be read now
	foreign   map[*file]struct{}    // open, and of a file system of remote.go
	finishing map[*stream]struct{}  // handed over to the end, to be settled
	leaving   map[*stream]departure // not configured any more
	plan      *Plan                 // to be carried out by the next step
	overflows int64
	closed    bool
	once      bool
}

// Run follows files until ctx ends. It returns after everything that it started has; what was open stays open until Close.
func (t *Tailer) Run(ctx context.Context) error {
	w, err := t.prepare(true)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	if w != nil {
		wg.Go(func() { w.run(ctx) })
	}
	for i := range t.turns {
		wg.Go(func() { t.readLoop(ctx, &t.turns[i]) })
	}
	t.discover(ctx)
	t.ring.stop()
	wg.Wait()
	t.stamp()
	return nil
}

// stamp records that the files were there until now: what is born later was not seen by this run. What had to wait for a reader is
// compared before: the readers have ended.
func (t *Tailer) stamp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.troubles()
	t.tendLinks()
	t.resolve()
	t.recordMoves()
	for _, s := range t.streams {
		if s.file == nil {
			continue
		}
		if s.file.named(s.in) {
			s.epoch.Seen = t.recorded(s.route, s.path(), s.file, s.epoch.Seen)
		}
		s.epoch.Identity.Head = *s.head.Load()
		t.opts.Positions.Update(s.epoch)
	}
	t.release()
}

// prepare raises the descriptor limit, loads what earlier runs left, and opens the watcher.
func (t *Tailer) prepare(watch bool) (*watcher, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mostOpen = t.opts.MaxOpenFiles
	if n, err := linux.RaiseOpenFiles(); err == nil {
		t.mostOpen = max(16, n*8/10)
		t.opts.MaxOpenFiles = min(t.opts.MaxOpenFiles, t.mostOpen)
	}
	if t.closed {
		return nil, errors.New("tail: closed")
	}
	defer close(t.prepared)
	for _, in := range t.inputs {
		for _, r := range in.routes {
			t.load(r)
		}
	}
	if !watch {
		return nil, nil
	}
	w, err := newWatcher(t.events, t.poke)
	if err != nil {
		t.log.Warn("changes are looked for instead of being notified", "code", "SHP-T001", "err", err)
		return nil, nil
	}
	t.events.watcher = w
	return w, nil
}

// discover is the loop of discovery.
func (t *Tailer) discover(ctx context.Context) {
	tick := ticks.New(t.firstTick())
	defer tick.Stop()
	t.step(stepAll)
	for {
		t.beat()
		select {
		case <-ctx.Done():
			return
		case <-t.poked:
			t.step(0)
		case <-tick.C:
			t.step(stepTick)
			tick.Next()
		case every := <-t.retick:
			tick.Reset(every)
		}
	}
}

// tick is how often discovery looks by itself.
func (t *Tailer) tick() time.Duration {
	d := time.Second
	for _, in := range t.inputs {
		d = min(d, in.cfg.Poll.D())
		if f := in.cfg.FlushPartial.D(); f > 0 {
			d = min(d, max(f/2, 10*time.Millisecond))
		}
	}
	return d
}

func (t *Tailer) poke() {
	select {
	case t.poked <- struct{}{}:
	default:
	}
}

func (t *Tailer) beat() {
	if t.opts.Beat != nil {
		t.opts.Beat()
	}
}

// Wake tells that the sinks of a target have room again.
func (t *Tailer) Wake(target string) { t.ring.wake(target) }

// Settled tells that positions of a stream have moved, so that a file that was waiting for that can be let go.
func (t *Tailer) Settled(id StreamID) {
	if t.events.settled(id) {
		t.poke()
	}
}

// Close lets go of every file. Run or Once must have returned.
func (t *Tailer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	var errs []error
	for _, f := range t.files {
		for s := range f.each() {
			s.src.Close()
		}
		if f.f != nil {
			errs = append(errs, f.f.Close())
			f.f = nil
		}
	}
	if w := t.events.watcher; w != nil {
		errs = append(errs, w.close())
		t.events.watcher = nil
	}
	return errors.Join(errs...)
}
