package batch

import "math/bits"

// room reports whether there is memory for another chunk. The last one may go over the limit by its own size: a reader
// looks before it writes, so the excess is at most one chunk a reader.
func (b *Batcher) room() bool { return b.roomFor(1) }

// roomFor reports whether n more bytes would stay within the share and the budget.
func (b *Batcher) roomFor(n int64) bool {
	return b.used.Load()+n <= b.share.Load() && b.budget.Used()+n <= b.budget.Limit()
}

// smallest is what a batch may always grow to, in bytes: below it, what a batch costs beside its lines counts.
const smallest = 16 << 10

// largest is what one open batch may take, in bytes: with little memory a part of it, so that there is room for several and for those
// that are on their way, each with its body and, while that is made, the room for it. It is a power of two then, so that buffers that
// come back fit those that are wanted.
func (b *Batcher) largest() int {
	part := uint64(b.share.Load()) / 8
	part = 1 << (bits.Len64(part|1) - 1)
	return int(min(int64(max(part, smallest)), int64(b.config.MaxBytes), MaxGroup))
}

// settleOpen keeps what all open batches take together within half of the share, so that there is always as much for those that are on
// their way. Those that have waited longest are sealed: they are the ones that little comes for, if readers stay with a file until
// its batch is full.
func (b *Batcher) settleOpen() {
	for b.opened.Load() > b.share.Load()/2 && b.sealFirst(reasonMemory) {
	}
}

// full reports whether enough batches wait for a sender.
func (b *Batcher) full() bool { return b.queued.Load() >= b.ahead }

func (b *Batcher) charge(n int64) {
	b.used.Add(n)
	b.budget.Add(n)
}

func (b *Batcher) release(n int64) {
	b.used.Add(-n)
	b.budget.Sub(n) // calls freed, of this Batcher too
}

// admit is Writer.Ready. The order matters: after waiting is set every release sees it, and a release before that is seen by
// the second look. waiting stays set when that look finds room, because another writer may have been refused meanwhile; a
// wake too many does no harm.
func (b *Batcher) admit() bool {
	if b.closed.Load() {
		return false
	}
	b.settleOpen()
	room := b.room()
	if room && !b.full() {
		return true
	}
	if !room {
		b.relieve()
	}
	b.waiting.Store(true)
	return b.room() && !b.full()
}

// freed is called after every release of memory and every Take. It wakes the readers if some were refused and there is room now. If
// there still is none, the rest of the memory may be in open batches alone, which nobody would free before they are old. Half of
// what was full has to be taken before readers are woken, so that they get something done before they are refused again.
func (b *Batcher) freed() {
	switch {
	case !b.waiting.Load():
	case !b.room():
		b.relieve()
	case b.queued.Load() > b.ahead/2:
	case b.waiting.CompareAndSwap(true, false):
		b.wake()
	}
}

// relieve gives senders something to do when memory is used up: this target's if its share is, else everybody's.
func (b *Batcher) relieve() {
	if b.used.Load() >= b.share.Load() {
		b.sealOldest()
		return
	}
	for _, w := range *b.budget.watchers.Load() {
		w.relieve()
	}
}

// sealOldest seals open batches up to a quarter of the share, oldest first, unless there are sealed ones waiting.
func (b *Batcher) sealOldest() {
	for sealed := int64(0); sealed <= b.share.Load()/4; {
		b.mu.Lock()
		w := b.open.first
		if w == nil || sealed == 0 && b.head < len(b.queue) {
			b.mu.Unlock()
			return
		}
		opened := w.opened
		b.mu.Unlock()
		sealed += 1 + w.sealIf(opened, reasonMemory)
	}
}
