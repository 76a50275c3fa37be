package batch

import "sync/atomic"

// room reports whether there is memory for another full batch. Batches that are begun in less become of all sizes, and their buffers fit
// nobody afterwards. What is begun small, such as the first lines of a file, may go over the limit by its own size: a reader looks before
// it writes, so the excess is at most one chunk a reader.
func (b *Batcher) room() bool {
	share := b.share.Load()
	n := min(int64(b.largest()), share/8)
	return b.used.Load()+n <= share && b.budget.used.Load()+n <= b.budget.Lines()
}

// smallest is what a batch may always grow to, in bytes: below it, what a batch costs beside its lines counts.
const smallest = 16 << 10

// batchPart is how many full batches are to have room in a target's part of the memory: open ones, those that wait, and those that are on
// their way, each with its body. With fewer the memory is always used up, nothing is left for buffers to be used again, and the garbage
// of new ones goes beyond what the collector may let the heap grow by.
const batchPart = 16

// largest is what one open batch may take, in bytes.
func (b *Batcher) largest() int { return min(largestOf(b.share.Load()), int(b.config.MaxBytes)) }

// largestOf is the largest batch for a target's part of the memory: what a class of buffers has room for.
func largestOf(share int64) int {
	return max(classSize(classBelow(int(min(share/batchPart, MaxGroup)))), smallest)
}

// settleOpen keeps what all open batches take together within half of the share, so that there is always as much for those that are on
// their way. Those that have waited longest are sealed: they are the ones that little comes for, if readers stay with a file until
// its batch is full.
func (b *Batcher) settleOpen() {
	for b.opened.Load() > b.share.Load()/2 && b.sealFirst(reasonMemory) {
	}
}

// full reports whether enough batches wait for a sender.
func (b *Batcher) full() bool { return b.queued.Load() >= b.ahead() }

// ahead is how many bytes of sealed batches stop the readers.
func (b *Batcher) ahead() int64 { return readAhead * int64(b.largest()) }

// reserve charges n bytes if there is room for them. Several readers that look first and charge later would all take the same room.
func (b *Batcher) reserve(n int64) bool {
	if !addUpTo(&b.used, n, b.share.Load()) {
		return false
	}
	if !addUpTo(&b.budget.used, n, b.budget.Lines()) {
		b.used.Add(-n) // who was refused meanwhile is woken when there is room in the budget
		return false
	}
	return true
}

// addUpTo adds n to v unless that becomes more than most.
func addUpTo(v *atomic.Int64, n, most int64) bool {
	for {
		old := v.Load()
		if old+n > most {
			return false
		}
		if v.CompareAndSwap(old, old+n) {
			return true
		}
	}
}

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
	case b.queued.Load() > b.ahead()/2:
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
