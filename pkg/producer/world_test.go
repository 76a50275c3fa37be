package producer

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are those of a healthy target at an address that nobody dials.
func settings() Config {
	c := Default()
	c.Project, c.Logstore, c.Region = "sec-logs", "web", "cn-hangzhou"
	return c
}

// world is one producer between real batches and a service made of a function.
type world struct {
	*Producer
	t       testing.TB
	store   *checkpoint.Store
	stream  *checkpoint.Stream
	batcher *batch.Batcher
	writer  *batch.Writer
	budget  *batch.Budget
	creds   *keyring
	service *service
	dead    *graves
	log     *lockedBuffer
	pos     int64
}

type worldOptions struct {
	config   Config
	inFlight int
	logs     int // of one batch
	store    *checkpoint.Store
	answer   func(*request) answer
}

func newStore(t testing.TB) *checkpoint.Store {
	store, err := checkpoint.Open(t.TempDir(), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func newWorld(t testing.TB, o worldOptions) *world {
	if o.config.Project == "" {
		o.config = settings()
	}
	if o.inFlight == 0 {
		o.inFlight = 4
	}
	if o.logs == 0 {
		o.logs = 4
	}
	if o.store == nil {
		o.store = newStore(t)
	}
	w := &world{t: t, store: o.store, creds: newKeyring(), dead: &graves{}, budget: batch.NewBudget(1 << 30), log: &lockedBuffer{}}
	w.service = &service{answer: o.answer, stored: map[string]int{}}
	bc := batch.Default()
	bc.MaxLogs = o.logs
	w.batcher = batch.New(batch.Options{Config: bc, Target: "central", Budget: w.budget, Meta: batch.Meta{Topic: "t", Source: "10.0.0.1", Hostname: "h"}})
	w.newStream("/var/log/a.log")
	var err error
	w.Producer, err = New(Options{Target: "central", Config: o.config, InFlight: o.inFlight, MaxBytes: 1 << 20, MaxDelay: bc.MaxDelay.D(), Creds: w.creds,
		Batches: w.batcher, Budget: w.budget, DeadLetters: w.dead, Lanes: w.store, HTTP: &http.Client{Transport: w.service},
		Log: slog.New(slog.NewTextHandler(w.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// newStream makes another file the one that write appends to.
func (w *world) newStream(path string) {
	id := w.store.Begin(tail.Epoch{Route: tail.Route{Input: "i", Target: "central"}, Path: path})
	w.stream = w.store.Stream(id)
	w.writer = w.batcher.Writer(w.stream, batch.Group{Path: func() string { return path }})
	w.pos = 0
}

// write appends lines to the file and seals what is open then.
func (w *world) write(lines ...string) {
	text := strings.Join(lines, "\n") + "\n"
	block := []byte(text)
	out := make([]tail.Line, len(lines))
	at := 0
	for i, l := range lines {
		out[i] = tail.Line{Text: block[at : at+len(l)], Size: len(l) + 1}
		at += len(l) + 1
	}
	from := w.pos
	w.pos += int64(len(text))
	w.writer.Write(tail.NewChunk(block, from, from, w.pos, out, time.Now()))
	w.batcher.Seal()
}

// numbered is n lines that differ.
func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("line %04d", i)
	}
	return out
}

// run runs the producer until the queue is empty.
func (w *world) run() {
	w.t.Helper()
	w.batcher.Close()
	if err := w.Run(w.t.Context()); err != nil {
		w.t.Fatalf("run: %v", err)
	}
}

// troubles is what was logged but for the first acknowledgement.
func (w *world) troubles() string {
	var out strings.Builder
	for line := range strings.Lines(w.log.String()) {
		if !strings.Contains(line, "delivery works") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// counts is the ledger's view of the present file.
func (w *world) counts() tail.Counts { return w.stream.Epoch().Counts }

// check compares what became of the lines with what should have.
func (w *world) check(stored map[string]int, dead []string) {
	w.t.Helper()
	if got := w.service.snapshot(); !maps.Equal(got, stored) {
		w.t.Errorf("stored %v, want %v", got, stored)
	}
	if got := w.dead.lines(w.t); !slices.Equal(got, dead) {
		w.t.Errorf("dead %q, want %q", got, dead)
	}
	c := w.counts()
	if c.Pending() != 0 || c.Acked+c.Dead != w.pos {
		w.t.Errorf("ledger %+v, want nothing pending of %d bytes", c, w.pos)
	}
	if used := w.budget.Used(); used != 0 {
		w.t.Errorf("%d bytes of memory are still on the account", used)
	}
}

func once(lines ...string) map[string]int {
	m := map[string]int{}
	for _, l := range lines {
		m[l]++
	}
	return m
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// bubble runs f with a clock of its own.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// chunkAt is one line read at a time, and moves w past it.
func chunkAt(w *world, at time.Time, line string) *tail.Chunk {
	block := []byte(line + "\n")
	from := w.pos
	w.pos += int64(len(block))
	return tail.NewChunk(block, from, from, w.pos, []tail.Line{{Text: block[:len(line)], Size: len(block)}}, at)
}
