package batch

import (
	"time"

	"shipper/pkg/tail"
)

// openLocked begins a batch, or a run of skipped bytes, if none is open.
func (w *Writer) openLocked() {
	if !w.active {
		w.active = true
		w.batcher.opening(w, w.batcher.now())
	}
}

// fitsLocked reports whether n more bytes fit the open batch and the memory it has.
func (w *Writer) fitsLocked(n int) bool {
	total := len(w.buf.data) + n
	return total <= w.limit && total+w.trailer.reserve() <= cap(w.buf.data) && len(w.buf.sizes) < w.batcher.config.MaxLogs
}

// makeRoomLocked makes the open batch one that takes n more bytes. c is the chunk that is being written and lines the rest of
// it, from which the size of a new batch is guessed; both may be nil.
func (w *Writer) makeRoomLocked(n int, c *tail.Chunk, lines []tail.Line) {
	need := n + w.trailer.reserve()
	if w.buf != nil {
		full := len(w.buf.data)+n > w.limit || len(w.buf.sizes) >= w.batcher.config.MaxLogs
		if !full && w.growLocked(need) {
			return
		}
		if c != nil {
			w.marker = c.Marker(w.pos)
		}
		w.sealLocked(reasonFull)
	}
	w.openLocked()
	want := need
	if full := max(need, min(int(w.batcher.config.MaxBytes), MaxGroup)); w.busy && w.batcher.roomFor(int64(full)) {
		want = full
	} else if lines != nil {
		want = min(max(need, plainBytes(lines)+w.trailer.reserve()), full)
	}
	w.buf = w.batcher.budget.pools.get(want)
	w.chargeLocked()
}

// plainBytes is about what lines take when they are encoded.
func plainBytes(lines []tail.Line) int {
	const overhead = 32 // time, key, tags and lengths
	n := overhead * len(lines)
	for i := range lines {
		n += len(lines[i].Text)
	}
	return n
}

// growLocked moves the open batch into a larger buffer, if the budget has room for one. Doubling keeps the copying below one copy
// a byte; a stream that fills its batches starts with a full one and copies nothing.
func (w *Writer) growLocked(need int) bool {
	most := min(int(w.batcher.config.MaxBytes), MaxGroup)
	size := max(len(w.buf.data)+need, min(2*cap(w.buf.data), most))
	if !w.batcher.roomFor(int64(size - cap(w.buf.data))) {
		return false
	}
	w.buf = w.batcher.budget.pools.grow(w.buf, size)
	w.chargeLocked()
	return true
}

// chargeLocked tells the budget what the open batch costs now.
func (w *Writer) chargeLocked() {
	if w.buf == nil {
		return
	}
	if n := w.buf.mem() - w.charged; n > 0 { // it never shrinks
		w.batcher.charge(n)
		w.charged += n
	}
}

// sealIf seals what was opened at a time, if it is still open, and returns the memory of the batch.
func (w *Writer) sealIf(opened time.Time, why reason) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.active || !w.batcher.openedAt(w).Equal(opened) {
		return 0
	}
	return w.sealLocked(why)
}

func (b *Batcher) openedAt(w *Writer) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.opened
}

// sealLocked ends what is open: a batch goes to the queue, skipped bytes alone are settled at once. Its span is entered first, so
// that the ledger knows it before anybody can settle it. It returns the memory of the batch.
func (w *Writer) sealLocked(why reason) int64 {
	if !w.active {
		return 0
	}
	w.active = false
	w.busy = why == reasonFull
	r := tail.Range{From: w.start, To: w.pos}
	opened := w.batcher.closing(w)
	w.start = w.pos
	skipped := w.skipped
	w.skipped = 0
	if w.buf == nil {
		w.stream.Skip(r, w.marker)
		return 0
	}
	w.chargeLocked()
	buf, mem := w.buf, w.charged
	w.buf, w.charged = nil, 0

	path := ""
	if w.path != nil {
		path = w.path()
	}
	pack := w.stream.NextPack()
	body := len(buf.data)
	buf.data = w.trailer.append(buf.data, path, w.prefix, pack)
	w.batcher.count.sealed[why].Add(1)
	w.batcher.push(&Batch{
		Target: w.batcher.target, Path: path, Stream: w.stream.ID(), Range: r, Pack: pack,
		Logs: len(buf.sizes), Sizes: buf.sizes, Opened: opened, Sealed: w.batcher.now(),
		stream: w.stream, span: w.stream.Enter(r, w.marker, pack), owner: w.batcher,
		buf: buf, body: body, skipped: skipped, mem: mem,
	})
	return mem
}
