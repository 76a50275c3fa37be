package tail

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"shipper/internal/codec"
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
	// bytes are never closed, whatever the number, and those that changed within busyTime only where the process may not have many more.
	MaxOpenFiles int
	// MaxPinned is how many bytes of disk deleted files may take until they are read and settled; beyond it those that were deleted
	// first are given up, which is a named loss. 0 is no limit.
	MaxPinned int64
	// Keeper, if not nil, is given the descriptors of deleted files that are not settled; Kept is what it gave back at this start. A
	// descriptor's Name is the name it was kept under.
	Keeper Keeper
	Kept   []*os.File
	// Spool is where Save puts what is not settled of deleted files, at most MaxSpool bytes of it; "" is nowhere.
	Spool    string
	MaxSpool int64
	// FinalWait is how long a detached file must be quiet where the kernel does not tell whether it has a writer, and how
	// long the copy of a truncated file is waited for; 0 is 30 s.
	FinalWait time.Duration
	// Sweep is how often everything is looked at although nothing was notified; 0 is 30 s.
	Sweep time.Duration
	// Ignore are files and directories that are never read: the own log, the state directory.
	Ignore []string
	Log    *slog.Logger
	// Beat is called by discovery at least once a second, for a watchdog. For the readers see Tailer.Turning.
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
	pause   pause // guarded by the ring
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
		opts: o, log: o.Log, now: time.Now, remote: linux.Unwatchable, coarse: coarsestTime, poked: make(chan struct{}, 1), turns: make([]atomic.Int64, o.Readers), events: newEvents(),
		dirs: map[string]*dir{}, leads: map[string]*lead{}, files: map[inode]*file{}, streams: map[StreamID]*stream{}, byName: newNames(),
		last: map[Route]map[string]*stream{}, records: map[Route][]*record{}, started: map[Route]bool{},
		since:   map[Route]time.Time{},
		touched: map[*file]struct{}{}, bad: map[string]error{}, links: map[string]map[string]struct{}{},
		linked: map[*file]struct{}{}, parked: map[*stream]struct{}{}, loose: map[*stream]struct{}{}, orphans: map[*stream]struct{}{},
		pins: map[*file]*pin{}, spooled: map[*file]string{}, cutting: map[*stream]time.Time{}, sick: map[*stream]struct{}{}, foreign: map[*file]struct{}{}, finishing: map[*stream]struct{}{}, leaving: map[*stream]departure{},
		prepared: make(chan struct{}), retick: make(chan time.Duration, 1),
		openers: map[string]opener{
			".gz":  func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
			".zst": codec.NewZstdReader,
		},
	}
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
	in, err := newInput(i)
	if err != nil {
		return err
	}
	t.inputs = append(t.inputs, in)
	t.flushes = t.flushes || in.cfg.FlushPartial > 0
	return nil
}

// newInput makes an Input ready.
func newInput(i Input) (*input, error) {
	if err := i.Config.Validate(); err != nil {
		return nil, fmt.Errorf("input %s: %w", i.Name, err)
	}
	in := &input{name: i.Name, cfg: i.Config}
	var errs [4]error
	in.glob, errs[0] = newGlob(i.Config.Paths, i.Config.Exclude)
	in.start, errs[1] = parseStart(i.Config.StartAt)
	in.long, errs[2] = parseLong(i.Config.LongLine)
	in.charset, errs[3] = lookupCharset(i.Config.Encoding)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("input %s: %w", i.Name, err)
	}
	for _, target := range i.Targets {
		in.routes = append(in.routes, Route{Input: i.Name, Target: target})
	}
	return in, nil
}
