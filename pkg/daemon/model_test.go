package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// players play at the same time: most of a sequence is waiting.
const players = 4

// mostFailures end a run: more of them tell nothing new.
const mostFailures = 5

// TestModel plays random lives of a host against a model that knows every line. Nothing that could be read may be missing;
// only what was on its way at a kill, or whose answer was lost, may come again; streams keep their order; the ledger adds up.
// It plays the same sequences each time; SHIPPER_MODEL=10000 plays so many, SHIPPER_MODEL_SEED=7 those of that seed, and
// SHIPPER_MODEL_SEED=random others each time, for the nights. A failure is shrunk and printed as a script for testdata/model.
// SHIPPER_MODEL_LOG=DIR keeps the log of the lives that failed there.
func TestModel(t *testing.T) {
	sequences := numberFrom(t, "SHIPPER_MODEL", 100)
	if testing.Short() {
		sequences = min(sequences, 20)
	}
	first := rand.Uint64() >> 1
	if os.Getenv("SHIPPER_MODEL_SEED") != "random" {
		first = numberFrom(t, "SHIPPER_MODEL_SEED", 1)
	}
	t.Logf("%d sequences; again with SHIPPER_MODEL_SEED=%d", sequences, first)
	var next, failed atomic.Uint64
	dir := t.TempDir()
	for i := range players {
		t.Run(fmt.Sprint("player", i), func(t *testing.T) {
			t.Parallel()
			for failed.Load() < mostFailures {
				n := next.Add(1) - 1
				if n >= sequences {
					return
				}
				s := drawScript(first + n)
				if err := s.playIn(dir); err != nil {
					failed.Add(1)
					t.Errorf("sequence %d, SHIPPER_MODEL=1 SHIPPER_MODEL_SEED=%d: %v\nscript:\n%s\n%s", n, first+n, err, s, s.shrunk(dir))
				}
			}
		})
	}
}

func numberFrom(t *testing.T, name string, unset uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return unset
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestModelScripts plays what once failed.
func TestModelScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/model/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := parseScript(string(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.play(t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

// model is a host, the service and the truth about both.
type model struct {
	dir, state string
	all        bool // rotated files match too
	log        *lockedLog
	service    *modelService
	keeper     *modelKeeper
	life       *life // nil while nothing runs
	lives      int
	contents   int
	states     int // state directories, one more with each kill

	files   map[string]*inode   // by name
	writers map[string]*writing // by log

	mu        sync.Mutex // guards what follows, and every rec
	recs      map[string]*rec
	unsafe    map[*rec]bool // stored since positions were last known to be on the disk
	killed    bool
	lostBytes int64
	failures  []string

	steps []string // what was done, in the words of pkg/tail/testdata
}

// writing is what an application holds open.
type writing struct {
	f  *os.File
	to *inode
}

func (w *model) failf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(format, args...)
}

func (w *model) failLocked(format string, args ...any) {
	if len(w.failures) < 10 {
		w.failures = append(w.failures, fmt.Sprintf(format, args...))
	}
}

func (w *model) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.failures) > 0
}

type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// playIn plays a script in a directory of its own below dir.
func (s script) playIn(dir string) error {
	own, err := os.MkdirTemp(dir, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(own)
	return s.play(own)
}

// failure is an error with what led to it.
type failure struct {
	error
	steps string // see model.note
}

// play plays a script from a first line that is delivered to an end where everything must be.
func (s script) play(dir string) (err error) {
	w := &model{
		dir: filepath.Join(dir, "log"), state: filepath.Join(dir, "state0"), all: s.all, log: &lockedLog{}, service: newModelService(), keeper: newModelKeeper(),
		files: map[string]*inode{}, writers: map[string]*writing{}, recs: map[string]*rec{}, unsafe: map[*rec]bool{},
	}
	w.service.taken = w.taken
	w.note("input in central paths=%s", map[bool]string{false: "*.log", true: "*.log*"}[s.all])
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		return err
	}
	at := "begin"
	defer func() {
		w.end()
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range w.failures {
			err = errors.Join(err, errors.New(f))
		}
		if err == nil {
			return
		}
		err = failure{fmt.Errorf("at %q: %w", at, err), strings.Join(w.steps, "\n")}
		if dir := os.Getenv("SHIPPER_MODEL_LOG"); dir != "" {
			name := filepath.Join(dir, fmt.Sprintf("model-%d.log", time.Now().UnixNano()))
			err = errors.Join(err, os.WriteFile(name, fmt.Appendf(nil, "%s%v\n%s", s, err, w.log), 0o600), fmt.Errorf("what the daemon said is in %s", name))
		}
	}()
	begin := []op{{do: "write", log: "a", n: 1}, {do: "write", log: "b", n: 1}, {do: "start"}, {do: "settle"}}
	end := []op{{do: "finish"}}
	for _, ops := range [][]op{begin, s.ops, end} {
		for i, o := range ops {
			at = fmt.Sprintf("%d %s", i+1, o)
			fmt.Fprintf(w.log, "---- %s %s\n", time.Now().Format("05.000"), at)
			if err := w.do(o); err != nil {
				return err
			}
			if w.failed() {
				return nil
			}
			w.balance()
		}
	}
	at = "check"
	w.check()
	return nil
}

// end lets go of everything.
func (w *model) end() {
	if w.life != nil {
		w.life.line.cut()
		w.life.stop(0)
	}
	w.keeper.empty()
	for _, o := range w.writers {
		o.f.Close()
	}
}

// balance looks at the ledger, which adds up at every time.
func (w *model) balance() {
	if w.life == nil {
		return
	}
	for _, e := range w.life.store.Epochs() {
		c := e.Counts
		if c.Pending() < 0 || min(c.Read, c.Acked, c.Dead, c.Lost, c.Skipped) < 0 {
			w.failf("stream %d of %s: %+v", e.ID, e.Path, c)
		}
		if c.Dead > 0 {
			w.failf("stream %d of %s has dead letters", e.ID, e.Path)
		}
	}
}

// settled reports whether everything that was read is settled, and every position where it should be.
func (w *model) settled() error {
	at := map[uint64]int64{}
	for _, f := range w.life.tailer.Files() {
		at[uint64(f.Stream)] = f.Offset
	}
	for _, e := range w.life.store.Epochs() {
		c, ahead := e.Counts, int64(0)
		for _, r := range e.Ahead {
			ahead += r.Len()
		}
		switch off, followed := at[uint64(e.ID)]; {
		case c.Pending() != 0:
			return fmt.Errorf("stream %d of %s: %d bytes are pending", e.ID, e.Path, c.Pending())
		case followed && off != e.Offset:
			return fmt.Errorf("stream %d of %s is read to %d, settled to %d", e.ID, e.Path, off, e.Offset)
		case followed && c.Acked+c.Dead+c.Skipped != e.Offset+ahead:
			return fmt.Errorf("stream %d of %s: offset %d, but %+v", e.ID, e.Path, e.Offset, c)
		}
	}
	return nil
}

// within waits for ok to hold.
func within(limit time.Duration, ok func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		err := ok()
		if _, never := errors.AsType[hopeless](err); err == nil || never || time.Now().After(deadline) {
			return err
		}
	}
}
