package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"go.uber.org/goleak"

	"shipper/internal/codec"
	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
	"shipper/pkg/creds"
	"shipper/pkg/producer/deadletter"
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
		Batches: w.batcher, Budget: w.budget, DeadLetters: w.dead, HTTP: &http.Client{Transport: w.service},
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

// request is what the service sees.
type request struct {
	*http.Request
	n      int // number of the request, from 1
	groups []*sls.LogGroup
	logs   []*sls.Log
	lines  []string
	raw    int
}

// answer is what it does.
type answer struct {
	status  int // 0: 200
	code    string
	message string
	noID    bool
	header  http.Header
	page    string // body that is no error document
	store   bool   // keep the logs although the answer is no yes
	err     error  // no answer: the connection broke
	unsent  bool   // ... before the request was out
	hang    bool   // no answer until the request is given up
}

// service is Log Service as a RoundTripper.
type service struct {
	answer func(*request) answer

	mu     sync.Mutex
	n      int
	stored map[string]int
	seen   []time.Time
	active int
	most   int
}

func (s *service) snapshot() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.stored)
}

func (s *service) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r := &request{Request: req}
	if err := r.decode(body); err != nil {
		return nil, fmt.Errorf("the test service cannot read the request: %w", err)
	}
	s.mu.Lock()
	s.n++
	r.n = s.n
	s.active++
	s.most = max(s.most, s.active)
	s.seen = append(s.seen, time.Now())
	s.mu.Unlock()
	a := answer{}
	if s.answer != nil {
		a = s.answer(r)
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && !a.unsent {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	if a.hang {
		<-req.Context().Done()
		a.err = req.Context().Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if a.store || a.err == nil && !a.noID && (a.status == 0 || a.status == 200) {
		for _, l := range r.lines {
			s.stored[l]++
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.response(r.n), nil
}

func (a answer) response(n int) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	if !a.noID {
		h.Set("x-log-requestid", fmt.Sprintf("%024X", n))
	}
	for k, v := range a.header {
		h[k] = v
	}
	text := a.page
	if a.code != "" {
		text = fmt.Sprintf(`{"errorCode":%q,"errorMessage":%q}`, a.code, a.message)
	}
	status := a.status
	if status == 0 {
		status = 200
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
}

// decode reads the body as the service does: by its headers.
func (r *request) decode(body []byte) error {
	size, err := strconv.Atoi(r.Header.Get("x-log-bodyrawsize"))
	if err != nil {
		return err
	}
	r.raw = size
	if r.Header.Get("x-log-mode") != "batch_group" {
		c, err := codec.Parse(r.Header.Get("x-log-compresstype"))
		if err != nil {
			return err
		}
		return r.add(c, body, size)
	}
	if size != len(body) {
		return fmt.Errorf("raw size %d of a list of %d bytes", size, len(body))
	}
	var list sls.SlsLogPackageList
	if err := list.Unmarshal(body); err != nil {
		return err
	}
	for _, p := range list.Packages {
		// The SDK's copy of the message lacks compress_type, which ends up here.
		f, _, err := next(p.XXX_unrecognized)
		if err != nil || f.num != 3 {
			return errors.New("a package does not say how it is compressed")
		}
		if err := r.add(codec.Codec(f.number()), p.Data, int(p.GetUncompressSize())); err != nil {
			return err
		}
	}
	return nil
}

func (r *request) add(c codec.Codec, data []byte, size int) error {
	raw, err := c.Decompress(nil, data, size)
	if err != nil {
		return err
	}
	g := &sls.LogGroup{}
	if err := g.Unmarshal(raw); err != nil {
		return err
	}
	r.groups = append(r.groups, g)
	for _, l := range g.Logs {
		r.logs = append(r.logs, l)
		r.lines = append(r.lines, l.Contents[0].GetValue())
	}
	return nil
}

// has reports whether one of the request's lines holds a text.
func (r *request) has(text string) bool {
	return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, text) })
}

// keyring is a provider of credentials that the test turns.
type keyring struct {
	mu       sync.Mutex
	current  *creds.Credentials
	err      error
	rejected []uint64
	accepted map[uint64]int
	changed  chan struct{}
	renew    func(k *keyring, c *creds.Credentials) // what Rejected leads to; called with mu held
}

func newKeyring() *keyring {
	k := &keyring{changed: make(chan struct{}), accepted: map[uint64]int{}}
	k.turnLocked()
	return k
}

func (k *keyring) turn() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turnLocked()
}

func (k *keyring) turnLocked() {
	g := uint64(1)
	if k.current != nil {
		g = k.current.Generation + 1
	}
	k.current = &creds.Credentials{ID: fmt.Sprintf("STS.key%010d", g), Secret: "examplesecret", Token: fmt.Sprintf("token-%d", g), Generation: g}
	k.err = nil
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *keyring) Current() (*creds.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current, k.err
}

func (k *keyring) Accepted(c *creds.Credentials) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.accepted[c.Generation]++
}

func (k *keyring) Rejected(c *creds.Credentials, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rejected = append(k.rejected, c.Generation)
	if k.renew != nil {
		k.renew(k, c)
	}
}

func (k *keyring) Wait(ctx context.Context, after uint64) (*creds.Credentials, error) {
	for {
		k.mu.Lock()
		c, err, changed := k.current, k.err, k.changed
		k.mu.Unlock()
		if err == nil && c.Generation > after {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

// graves is a dead-letter store in memory.
type graves struct {
	mu      sync.Mutex
	letters []deadletter.Letter
	fail    int // so many writes fail first
}

func (g *graves) Write(l deadletter.Letter) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail > 0 {
		g.fail--
		return errors.New("no space left on device")
	}
	l.Group = bytes.Clone(l.Group)
	g.letters = append(g.letters, l)
	return nil
}

// lines are the contents of all letters, sorted.
func (g *graves) lines(t testing.TB) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for _, l := range g.letters {
		var group sls.LogGroup
		if err := group.Unmarshal(l.Group); err != nil {
			t.Errorf("dead letter: %v", err)
			continue
		}
		if len(group.Logs) != l.Logs || group.GetTopic() != "t" || len(group.LogTags) < 3 {
			t.Errorf("dead letter with %d logs, topic %q, tags %v; says %d logs", len(group.Logs), group.GetTopic(), group.LogTags, l.Logs)
		}
		for _, log := range group.Logs {
			out = append(out, log.Contents[0].GetValue())
		}
	}
	slices.Sort(out)
	return out
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
