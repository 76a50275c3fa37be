package batch

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/backoff"
	"shipper/pkg/checkpoint"
)

// Options are what a Batcher needs.
type Options struct {
	Config Config
	Target string // name of the target
	Meta   Meta
	Budget *Budget // of the process
	Share  int64   // this target's part of the budget in bytes; 0 is all of it
	// Wake is called when there is room again after a Ready that returned false: once, for all who were refused. It comes from
	// any goroutine and must not block. It may come between a Ready and what its caller does about it: whoever puts a stream
	// aside asks Ready once more afterwards. nil is allowed.
	Wake func()
	Now  func() time.Time // nil: time.Now
}

// Batcher holds the open batches of one target and the queue of sealed ones. It is safe for concurrent use.
type Batcher struct {
	config   Config
	target   string
	trailers trailers
	budget   *Budget
	share    atomic.Int64
	wake     func()
	now      func() time.Time
	unwatch  func()

	used    atomic.Int64 // this target's part of budget.used
	opened  atomic.Int64 // the part of used that open batches take
	waiting atomic.Bool  // a Ready returned false since the last wake
	closed  atomic.Bool
	count   counters

	aging chan struct{} // capacity 1: the list of open batches is no longer empty
	ready chan struct{} // capacity 1: the queue is not empty, or closed

	mu     sync.Mutex
	open   list // by the time of opening
	queue  []*Batch
	head   int          // queue[:head] is taken
	queued atomic.Int64 // bytes of queue[head:], written under mu
}

// readAhead is how many full batches may wait for a sender. Readers are far faster than what comes after them: two batches keep every
// core busy while a reader wakes up. More would only be memory, and a batch that has left the cache when it is compressed.
const readAhead = 4

// New returns a Batcher. It starts nothing.
func New(o Options) *Batcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wake == nil {
		o.Wake = func() {}
	}
	if o.Share <= 0 {
		o.Share = o.Budget.Lines()
	}
	b := &Batcher{
		config: o.Config, target: o.Target, trailers: trailers{meta: o.Meta},
		budget: o.Budget, wake: o.Wake, now: o.Now,
		aging: make(chan struct{}, 1), ready: make(chan struct{}, 1),
	}
	b.share.Store(o.Share)
	b.unwatch = o.Budget.watch(&watcher{freed: b.freed, relieve: b.sealOldest})
	return b
}

// Writer returns the sink of one stream. Only one writer of a stream may be in use.
func (b *Batcher) Writer(s *checkpoint.Stream, g Group) *Writer {
	t := b.trailers.of(g.Tags)
	pos := s.Position()
	return &Writer{
		batcher: b, stream: s, path: g.Path, trailer: t, prefix: s.Prefix(),
		limit: int(b.config.MaxBytes) - t.reserve(), hard: max(MaxGroup-t.reserve(), minGroup),
		start: pos, pos: pos,
	}
}

// Limit bounds what one Take returns, and says when.
type Limit struct {
	Bytes  int64 // sum of the groups, uncompressed; the first batch comes whatever its size
	Groups int   // number of batches; 0 is 1

	// Little is waited for company until After: before that, Take returns only if Enough bytes are there.
	After  time.Time
	Enough int64
}

// Take appends to dst the oldest sealed batch, and those behind it as long as they are within limit and, with little memory, no more than
// one batch may take. It waits for the first; ctx ends the wait with ctx's cause. After Close it returns io.EOF when nothing is left.
// Several may take at once.
func (b *Batcher) Take(ctx context.Context, dst []*Batch, limit Limit) ([]*Batch, error) {
	for {
		if ctx.Err() != nil {
			poke(b.ready) // what this one may have been told of is for the next one
			return dst, context.Cause(ctx)
		}
		b.mu.Lock()
		some := b.head < len(b.queue)
		wait := b.early(limit)
		if some && wait <= 0 {
			dst = b.takeLocked(dst, limit)
			b.mu.Unlock()
			b.freed()
			return dst, nil
		}
		b.mu.Unlock()
		if b.closed.Load() && b.empty() {
			poke(b.ready) // for the next one who waits
			return dst, io.EOF
		}
		if !some {
			wait = 0
		}
		backoff.Rest(ctx, wait, b.ready)
	}
}

// early is for how long what is queued is too little.
func (b *Batcher) early(limit Limit) time.Duration {
	if limit.After.IsZero() || b.queued.Load() >= limit.Enough || b.closed.Load() {
		return 0
	}
	return time.Until(limit.After)
}

func (b *Batcher) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head == len(b.queue)
}

func (b *Batcher) takeLocked(dst []*Batch, limit Limit) []*Batch {
	var bytes int64
	most := min(limit.Bytes, int64(b.largest()))
	for n := 0; b.head < len(b.queue) && n < max(limit.Groups, 1); n++ {
		next := b.queue[b.head]
		if bytes += int64(len(next.Group())); n > 0 && bytes > most {
			break
		}
		b.queue[b.head] = nil
		b.head++
		b.queued.Add(-int64(len(next.Group())))
		dst = append(dst, next)
	}
	if b.head == len(b.queue) {
		b.queue, b.head = b.queue[:0], 0
	}
	if b.head < len(b.queue) || b.closed.Load() {
		poke(b.ready)
	}
	return dst
}

// Return puts batches that were taken and not sent back to the front of the queue, in the order given.
func (b *Batcher) Return(batches ...*Batch) {
	if len(batches) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = slices.Concat(batches, b.queue[b.head:])
	b.head = 0
	for _, r := range batches {
		b.queued.Add(int64(len(r.Group())))
	}
	poke(b.ready)
}

func (b *Batcher) push(batch *Batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.head > 64 && b.head > len(b.queue)/2 { // do not let the taken half grow for ever
		n := copy(b.queue, b.queue[b.head:])
		clear(b.queue[n:])
		b.queue, b.head = b.queue[:n], 0
	}
	b.queue = append(b.queue, batch)
	b.queued.Add(int64(len(batch.Group())))
	poke(b.ready)
}

// Close seals every open batch. No more will come: Take returns io.EOF when the queue is empty, and Ready is false.
func (b *Batcher) Close() {
	b.Seal()
	b.closed.Store(true)
	b.unwatch()
	poke(b.ready)
}

// poke leaves a token in c unless one is there.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
