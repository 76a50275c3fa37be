package batch

import (
	"slices"
	"sync"
	"sync/atomic"

	"shipper/internal/units"
)

// Garbage is by how many hundredths the collector lets the heap grow beyond what is in use.
const Garbage = 25

// Account is the part of max_memory that lines may take. The rest is what the collector lets the heap grow by.
func Account(maxMemory units.Bytes) int64 { return int64(maxMemory) / (100 + Garbage) * 100 }

// Largest is what one batch takes at most, in bytes, with max_memory shared by a number of targets.
func Largest(maxMemory units.Bytes, targets int) units.Bytes {
	return units.Bytes(largestOf(NewBudget(Account(maxMemory)).Lines() / int64(max(1, targets))))
}

// Budget is the account of the memory that the process spends on lines: batches and bodies of requests. It counts and does not
// refuse: those who take a lot look at it first. It also lends that memory out, and what it keeps for the next one is
// never more than the account has left. It is safe for concurrent use.
type Budget struct {
	limit int64
	used  atomic.Int64
	bench bench
	pools pools

	mu       sync.Mutex
	watchers atomic.Pointer[[]*watcher] // copied on write under mu
}

// watcher is one who uses the budget and can wait for it.
type watcher struct {
	freed   func() // called after every Sub
	relieve func() // asks for memory that is only waiting for company
}

// NewBudget returns an account with a limit in bytes.
func NewBudget(limit int64) *Budget {
	b := &Budget{limit: limit, bench: newBench(limit / bodiesPart / 2)}
	b.pools.left = func() int64 { return b.limit - b.Used() }
	b.watchers.Store(new([]*watcher))
	return b
}

// Add takes n bytes.
func (b *Budget) Add(n int64) { b.used.Add(n) }

// Sub gives n bytes back, and wakes those for whom there is room now. It may take locks of a Batcher and call its Wake: the caller
// holds no lock that those who call a Writer or are woken need.
func (b *Budget) Sub(n int64) {
	b.used.Add(-n)
	for _, w := range *b.watchers.Load() {
		w.freed()
	}
}

// Used is the number of bytes taken.
func (b *Budget) Used() int64 { return b.used.Load() + b.bench.lent.Load() }

// Limit is the number of bytes that may be taken.
func (b *Budget) Limit() int64 { return b.limit }

// Lines is the part of the limit that readers may fill. The rest is kept for bodies: half for making them, half for those that come
// while readers fill what is there. Without it buffers that come back would have to go at once, and new ones be made all the time: the
// collector cannot keep up with garbage in such large pieces.
func (b *Budget) Lines() int64 { return b.limit - b.limit/bodiesPart }

// Bytes returns an empty slice with room for n bytes. What it takes is in the account until Recycle.
func (b *Budget) Bytes(n int) []byte {
	p := b.pools.strip(b.pools.get(n))
	b.Add(int64(cap(p)))
	return p
}

// Recycle takes back what Bytes returned. p must not be used afterwards. It calls Sub.
func (b *Budget) Recycle(p []byte) {
	b.keep(p)
	b.Sub(int64(cap(p)))
}

// Scratch is Bytes for something that is made without waiting for anything, and then given back with Discard. It waits until there is
// room on the bench.
func (b *Budget) Scratch(n int) []byte {
	b.bench.enter(int64(n))
	p := b.pools.strip(b.pools.get(n))
	b.bench.lent.Add(int64(cap(p) - n))
	return p
}

// Discard takes back what Scratch returned. p must not be used afterwards.
func (b *Budget) Discard(p []byte) {
	b.keep(p)
	b.bench.leave(int64(cap(p)))
}

// keep puts a buffer that was lent into the pools.
func (b *Budget) keep(p []byte) {
	if class := classOf(cap(p)); cap(p) == classSize(class) {
		b.pools.put(&buffer{data: p, class: class})
	}
}

// Trim gives up memory that was lent to nobody since the last call.
func (b *Budget) Trim() { b.pools.trim() }

// watch makes w known, until stop.
func (b *Budget) watch(w *watcher) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := append(slices.Clone(*b.watchers.Load()), w)
	b.watchers.Store(&list)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		list := slices.DeleteFunc(slices.Clone(*b.watchers.Load()), func(o *watcher) bool { return o == w })
		b.watchers.Store(&list)
	}
}
