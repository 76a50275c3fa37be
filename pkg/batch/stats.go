package batch

import (
	"sync/atomic"
	"time"
)

// reason says why a batch was sealed.
type reason int

const (
	reasonFull   reason = iota // bytes or logs
	reasonAge                  // max_delay
	reasonMemory               // the budget was used up
	reasonAsked                // end of a file, jump, drain
	reasons
)

type counters struct {
	sealed [reasons]atomic.Int64
	mended atomic.Int64
	cut    atomic.Int64
}

// Stats is a look at a Batcher. Counts are since the process began.
type Stats struct {
	Open   int   // batches being filled, runs of skipped bytes included
	Queued int   // sealed and not taken
	Used   int64 // bytes of memory, from open batches to those that are not freed yet
	Share  int64 // bytes of memory that this target may use

	SealedFull, SealedAge, SealedMemory, SealedAsked int64

	Mended int64 // logs in which bytes that are not UTF-8 were replaced
	Cut    int64 // logs that were cut because the service takes no larger group
}

// Stats returns the present figures.
func (b *Batcher) Stats() Stats {
	s := Stats{
		Used: b.used.Load(), Share: b.share.Load(),
		SealedFull: b.count.sealed[reasonFull].Load(), SealedAge: b.count.sealed[reasonAge].Load(),
		SealedMemory: b.count.sealed[reasonMemory].Load(), SealedAsked: b.count.sealed[reasonAsked].Load(),
		Mended: b.count.mended.Load(), Cut: b.count.cut.Load(),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Open = b.open.n
	s.Queued = len(b.queue) - b.head
	return s
}

// Overdue is how long the oldest open batch should have been sealed already: more than a moment says that Run hangs.
func (b *Batcher) Overdue() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.first == nil {
		return 0
	}
	return max(0, b.now().Sub(b.open.first.opened)-b.config.MaxDelay.D())
}
