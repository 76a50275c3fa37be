package tail

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// ledger is Positions in memory. Its content lives on when a tailer is stopped, as a state directory does.
type ledger struct {
	mu     sync.Mutex
	last   StreamID
	epochs map[StreamID]*Epoch
	lost   map[StreamID]int64
	total  int64 // bytes lost
	ended  map[StreamID]bool
	asked  func() // if set: called with each call, before and after what is recorded
}

// mark calls asked, and returns it for the end of a call.
func (l *ledger) mark() func() {
	if l.asked == nil {
		return func() {}
	}
	l.asked()
	return l.asked
}

func newLedger() *ledger {
	return &ledger{epochs: map[StreamID]*Epoch{}, lost: map[StreamID]int64{}, ended: map[StreamID]bool{}}
}

func (l *ledger) Known(r Route) []Epoch {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Epoch
	for _, e := range l.epochs {
		if e.Route == r {
			c := *e
			c.Ahead = slices.Clone(e.Ahead)
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Epoch) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (l *ledger) Begin(e Epoch) StreamID {
	defer l.mark()()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	e.ID = l.last
	l.epochs[e.ID] = &e
	return e.ID
}

func (l *ledger) Update(e Epoch) {
	defer l.mark()()
	l.mu.Lock()
	defer l.mu.Unlock()
	if old := l.epochs[e.ID]; old != nil {
		old.Identity, old.Path, old.Detached, old.Seen = e.Identity, e.Path, e.Detached, e.Seen
	}
}

func (l *ledger) Settled(id StreamID) (int64, Counts) {
	defer l.mark()()
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.epochs[id]; e != nil {
		return e.Offset, e.Counts
	}
	return 0, Counts{}
}

func (l *ledger) Lose(id StreamID, n int64, reason string) {
	defer l.mark()()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost[id] += n
	l.total += n
	if e := l.epochs[id]; e != nil {
		e.Counts.Read += n
		e.Counts.Lost += n
	}
}

func (l *ledger) End(id StreamID) {
	defer l.mark()()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.epochs, id)
	l.ended[id] = true
}

// line is what a sink was given.
type line struct {
	stream StreamID
	path   string
	text   string
	flags  Flags
}

// world holds what the sinks of a test got, and what they may take.
type world struct {
	t      testing.TB
	ledger *ledger
	acks   bool   // settle at once
	asked  func() // if set: called with each call of a sink
	tl     atomic.Pointer[Tailer]

	mu    sync.Mutex
	held  map[string]bool
	lines map[string][]line // by target, not yet expected
	sinks map[StreamID]*sink
}

func newWorld(t testing.TB) *world {
	return &world{t: t, ledger: newLedger(), acks: true, held: map[string]bool{}, lines: map[string][]line{}, sinks: map[StreamID]*sink{}}
}

// sink checks the contract of Sink with every call.
type sink struct {
	w       *world
	s       Stream
	pos     int64
	marker  Marker
	done    bool
	handed  int64 // bytes in lines
	jumped  int64
	started int64
}

func (w *world) mark() {
	if w.asked != nil {
		w.asked()
	}
}

func (w *world) newSink(s Stream) Sink {
	off, _ := w.ledger.Settled(s.ID)
	k := &sink{w: w, s: s, pos: off, started: off}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sinks[s.ID] = k
	return k
}

func (k *sink) Ready() bool {
	k.w.mark()
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	return !k.w.held[k.s.Route.Target]
}

func (k *sink) Write(c *Chunk) {
	k.w.mark()
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	if k.done {
		k.w.t.Errorf("stream %d: written after Finish", k.s.ID)
	}
	if c.From != k.pos {
		k.w.t.Errorf("stream %d: chunk begins at %d, want %d", k.s.ID, c.From, k.pos)
	}
	var sum int64
	for _, l := range c.Lines {
		sum += int64(l.Size)
		if l.Flags&Skip == 0 {
			k.w.lines[k.s.Route.Target] = append(k.w.lines[k.s.Route.Target], line{k.s.ID, k.s.Path(), string(bytes.Clone(l.Text)), l.Flags})
		}
	}
	if sum != c.To-c.From {
		k.w.t.Errorf("stream %d: sizes add up to %d, chunk is %d", k.s.ID, sum, c.To-c.From)
	}
	k.pos, k.marker = c.To, c.Marker(c.To)
	if k.marker.Len == 0 || int64(k.marker.Len) < min(c.To, MarkerMax) {
		k.w.t.Errorf("stream %d: marker at %d covers %d bytes", k.s.ID, c.To, k.marker.Len)
	}
	k.handed += sum
	if k.w.acks {
		k.settle()
	}
}

func (k *sink) Jump(off int64) {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	if off <= k.pos {
		k.w.t.Errorf("stream %d: jump from %d to %d", k.s.ID, k.pos, off)
	}
	k.jumped += off - k.pos
	k.pos = off
}

func (k *sink) Finish() {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	if k.done {
		k.w.t.Errorf("stream %d: finished twice", k.s.ID)
	}
	k.done = true
}

func (k *sink) settle() {
	l := k.w.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.epochs[k.s.ID]; e != nil && k.pos > e.Offset {
		e.Counts.Read += k.pos - e.Offset
		e.Counts.Acked += k.pos - e.Offset
		e.Offset, e.Marker, e.Ahead = k.pos, k.marker, nil
	}
}

// settleAll settles what was handed over.
func (w *world) settleAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(w.sinks)) {
		w.sinks[id].settle()
	}
}

// take returns the lines of a target that came since the last call.
func (w *world) take(target string) []line {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.lines[target]
	delete(w.lines, target)
	return out
}

// balance checks that every stream is accounted for: what was handed over and jumped over is where it stands.
func (w *world) balance(tl *Tailer) error {
	for _, f := range tl.Files() {
		if f.Stream == 0 {
			continue
		}
		w.mu.Lock()
		k := w.sinks[f.Stream]
		ok := k != nil && k.started+k.handed+k.jumped == f.Offset
		w.mu.Unlock()
		if !ok {
			return fmt.Errorf("stream %d of %s stands at %d, but %+v", f.Stream, f.Path, f.Offset, k)
		}
	}
	return nil
}

// options are those of a tailer for one input "in" with target "a" over paths.
func (w *world) options(paths ...string) Options {
	cfg := Default()
	cfg.Paths = paths
	return Options{
		Inputs: []Input{{Name: "in", Config: cfg, Targets: []string{"a"}}}, Positions: w.ledger, NewSink: w.newSink,
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// wants waits until the lines of target "a" are exactly want.
func (w *world) wants(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, l := range w.take("a") {
			got = append(got, l.text)
		}
		if len(got) >= len(want) {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// run runs a tailer until the test ends, by notifications alone.
func run(t *testing.T, w *world, o Options) *Tailer {
	t.Helper()
	o.Sweep = time.Hour
	t.Cleanup(begin(t, w, o))
	return w.tl.Load()
}

// begin runs a tailer and returns what stops it.
func begin(t *testing.T, w *world, o Options) func() {
	tl, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.tl.Store(tl)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tl.Run(ctx) }()
	return func() {
		w.tl.Store(nil)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := w.balance(tl); err != nil {
			t.Error(err)
		}
		if err := tl.Close(); err != nil {
			t.Error(err)
		}
	}
}

// wake wakes the running tailer, if there is one.
func (w *world) wake() {
	if tl := w.tl.Load(); tl != nil {
		tl.Wake("a")
	}
}
