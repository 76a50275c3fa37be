package batch

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Budget is the account of the memory that the process spends on lines: batches, blocks of readers, bodies of requests.
// It counts and does not refuse: those who take a lot look at it first. It is safe for concurrent use.
type Budget struct {
	limit int64
	used  atomic.Int64
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
	b := &Budget{limit: limit}
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
func (b *Budget) Used() int64 { return b.used.Load() }

// Limit is the number of bytes that may be taken.
func (b *Budget) Limit() int64 { return b.limit }

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
