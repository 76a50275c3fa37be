package tail

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/linux"
)

// Input is one configured input and the targets that its lines go to.
type Input struct {
	Name    string
	Config  Config
	Targets []string
}

// Options is what a Tailer needs. Inputs, Positions and NewSink are required.
type Options struct {
	Inputs    []Input
	Positions Positions
	// NewSink makes the sink of a stream. It is called by discovery, once for each life of a stream in this process.
	NewSink func(Stream) Sink
	// Readers is how many goroutines read; 0 is min(GOMAXPROCS, 4).
	Readers int
	// MaxOpenFiles is how many descriptors are kept before idle, settled files are closed; 0 is 4096. Files with unread
	// bytes are never closed, whatever the number.
	MaxOpenFiles int
	// FinalWait is how long a detached file must be quiet where the kernel does not tell whether it has a writer, and how
	// long the copy of a truncated file is waited for; 0 is 30 s.
	FinalWait time.Duration
	// Sweep is how often everything is looked at although nothing was notified; 0 is 30 s.
	Sweep time.Duration
	// Ignore are files and directories that are never read: the own log, the state directory.
	Ignore []string
	// Unpack opens compressed generations by suffix (".zst"); ".gz" is built in.
	Unpack map[string]func(io.Reader) (io.ReadCloser, error)
	Log    *slog.Logger
	// Beat is called by the loops while they work, for a watchdog.
	Beat func()
}

// input is an Input made ready.
type input struct {
	name    string
	cfg     Config
	glob    glob
	start   start
	long    policy
	charset *charset
	routes  []Route
	count   counters
}

// Tailer follows files. Its methods are safe for concurrent use; Run and Once are called once, one of them.
type Tailer struct {
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	inputs  []*input
	openers map[string]opener
	ignore  []string
	ring    *ring
	pool    sync.Pool
	moved   atomic.Int64 // when bytes were handed over last, Unix nanoseconds
	poked   chan struct{}
	events  *events

	mu        sync.Mutex // held by discovery for each step; guards everything below
	dirs      map[string]*dir
	byPath    map[string]*file
	looked    map[string]time.Time // when a path that led to a file was looked at last
	files     map[inode]*file
	streams   map[StreamID]*stream
	last      map[Route]map[string]*stream // the newest generation of a path
	records   map[Route][]*record          // epochs that no stream stands for
	started   map[Route]bool               // an earlier run left epochs, or the first scan is over
	fresh     []*file                      // met in this step, to be admitted at its end
	touched   map[*file]struct{}           // lost or won a name in this step
	bad       map[string]error             // paths that cannot be read now
	links     map[string]map[string]struct{}
	index     map[string]map[uint64][]string // directory listings of this step, by inode number
	sweepList []string                       // directories that still have their turn in this sweep
	sweepEach int
	sweepNext time.Time
	noWatch   bool // warned that directories cannot be watched
	opened    int
	polled    int
	gaps      []gap                // to be looked at again
	scanned   bool                 // the first look is over
	parked    map[*stream]struct{} // by this step
	loose     map[*stream]struct{} // detached, not final
	orphans   map[*stream]struct{} // their content is gone from its file
	sick      map[*stream]struct{} // cannot be read now
	finishing map[*stream]struct{} // handed over to the end, to be settled
	overflows int64
	closed    bool
	once      bool
}

// New checks the options and makes a Tailer. It opens and starts nothing.
func New(o Options) (*Tailer, error) {
	if o.Positions == nil || o.NewSink == nil {
		return nil, errors.New("tail: Positions and NewSink are required")
	}
	if o.Readers <= 0 {
		o.Readers = min(runtime.GOMAXPROCS(0), 4)
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = 4096
	}
	if o.FinalWait <= 0 {
		o.FinalWait = 30 * time.Second
	}
	if o.Sweep <= 0 {
		o.Sweep = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Tailer{
		opts: o, log: o.Log, now: time.Now, poked: make(chan struct{}, 1), events: newEvents(),
		dirs: map[string]*dir{}, byPath: map[string]*file{}, looked: map[string]time.Time{}, files: map[inode]*file{}, streams: map[StreamID]*stream{},
		last: map[Route]map[string]*stream{}, records: map[Route][]*record{}, started: map[Route]bool{},
		touched: map[*file]struct{}{}, bad: map[string]error{}, links: map[string]map[string]struct{}{},
		parked: map[*stream]struct{}{}, loose: map[*stream]struct{}{}, orphans: map[*stream]struct{}{},
		sick: map[*stream]struct{}{}, finishing: map[*stream]struct{}{},
		openers: map[string]opener{".gz": func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	}
	for suffix, open := range o.Unpack {
		t.openers[suffix] = open
	}
	t.pool.New = func() any { return newScratch() }
	t.ring = newRing(t.poke)
	t.moved.Store(t.now().UnixNano())
	for _, p := range o.Ignore {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("ignore %s: %w", p, err)
		}
		t.ignore = append(t.ignore, abs)
		if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
			t.ignore = append(t.ignore, real)
		}
	}
	for _, in := range o.Inputs {
		if err := t.addInput(in); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Tailer) addInput(i Input) error {
	if err := i.Config.Validate(); err != nil {
		return fmt.Errorf("input %s: %w", i.Name, err)
	}
	in := &input{name: i.Name, cfg: i.Config}
	var errs [4]error
	in.glob, errs[0] = newGlob(i.Config.Paths, i.Config.Exclude)
	in.start, errs[1] = parseStart(i.Config.StartAt)
	in.long, errs[2] = parseLong(i.Config.LongLine)
	in.charset, errs[3] = lookupCharset(i.Config.Encoding)
	if err := errors.Join(errs[:]...); err != nil {
		return fmt.Errorf("input %s: %w", i.Name, err)
	}
	for _, target := range i.Targets {
		in.routes = append(in.routes, Route{Input: i.Name, Target: target})
	}
	t.inputs = append(t.inputs, in)
	return nil
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
	defer wg.Wait()
	defer t.ring.stop()
	for range t.opts.Readers {
		wg.Go(func() { t.readLoop(ctx) })
	}
	t.discover(ctx)
	return nil
}

// prepare raises the descriptor limit, loads what earlier runs left, and opens the watcher.
func (t *Tailer) prepare(watch bool) (*watcher, error) {
	if n, err := linux.RaiseOpenFiles(); err == nil && t.opts.MaxOpenFiles > n*8/10 {
		t.opts.MaxOpenFiles = max(16, n*8/10)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errors.New("tail: closed")
	}
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
	tick := time.NewTicker(t.tick())
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
		for _, s := range f.streams {
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
