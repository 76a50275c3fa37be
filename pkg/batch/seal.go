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
	return total <= w.limit && total+w.tail <= cap(w.buf.data) && len(w.buf.sizes) < w.batcher.config.MaxLogs
}

// makeRoomLocked makes the open batch one that takes n more bytes. c is the chunk that is being written and lines the rest of
// it, from which the size of a new batch is guessed; both may be nil.
func (w *Writer) makeRoomLocked(n int, c *tail.Chunk, lines []tail.Line) {
	// If the last batch was sealed because nothing more fitted, the next one will be full too; if much comes at once, probably.
	busy := c != nil && c.To-w.pos >= much
	if w.buf != nil {
		why := reasonMemory
		if len(w.buf.data)+n > w.limit || len(w.buf.sizes) >= w.batcher.config.MaxLogs {
			why = reasonFull
		} else if w.growLocked(n + w.tail) {
			return
		}
		if c != nil {
			w.marker = c.Marker(w.pos)
		}
		w.sealLocked(why)
		busy = true
	}
	w.openLocked()
	w.tail = w.trailer.room(w.pathNow())
	need := n + w.tail
	full := max(need, w.batcher.largest())
	if busy && w.reserveLocked(bufferSize(full)) {
		w.buf = w.batcher.budget.pools.batch(full)
	} else {
		if lines != nil {
			need = min(max(need, plainBytes(lines)+w.tail), full)
		}
		w.buf = w.batcher.budget.pools.batch(need)
	}
	w.chargeLocked()
}

// much is how many bytes of a file at once make a full batch likely: most of what a reader reads at once if there is more.
const much = 192 << 10

// plainBytes is about what lines take when they are encoded.
func plainBytes(lines []tail.Line) int {
	const overhead = 32 // time, key, tags and lengths
	n := overhead * len(lines)
	for i := range lines {
		n += len(lines[i].Text)
	}
	return n
}

// growLocked moves the open batch into a larger buffer, if there is memory for one. Doubling keeps the copying below
// one copy a byte; a stream that fills its batches starts with a full one and copies nothing.
func (w *Writer) growLocked(more int) bool {
	need, most := len(w.buf.data)+more, w.batcher.largest()
	size := max(need, min(2*cap(w.buf.data), most))
	if need > most || !w.reserveLocked(bufferSize(size)-int64(cap(w.buf.data))) {
		return false
	}
	w.buf = w.batcher.budget.pools.grow(w.buf, size)
	w.chargeLocked()
	return true
}

// reserveLocked charges the open batch n bytes more, if there is room for them.
func (w *Writer) reserveLocked(n int64) bool {
	if !w.batcher.reserve(n) {
		return false
	}
	w.batcher.opened.Add(n)
	w.charged += n
	return true
}

// chargeLocked tells the budget what the open batch costs now.
func (w *Writer) chargeLocked() {
	if w.buf == nil {
		return
	}
	if n := w.buf.mem() - w.charged; n > 0 { // it never shrinks
		w.batcher.charge(n)
		w.batcher.opened.Add(n)
		w.charged += n
	}
}

// pathNow is where the file is, "" if nobody knows.
func (w *Writer) pathNow() string {
	if w.path == nil {
		return ""
	}
	return w.path()
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
	r := tail.Range{From: w.start, To: w.pos}
	opened := w.batcher.closing(w)
	w.start = w.pos
	skipped := w.skipped
	w.skipped = 0
	if w.buf == nil {
		w.stream.Skip(r, w.marker)
		return 0
	}
	path, body := w.pathNow(), len(w.buf.data)
	if need := body + w.trailer.room(path); need > cap(w.buf.data) { // the file has got a longer name meanwhile
		w.buf = w.batcher.budget.pools.grow(w.buf, need)
	}
	w.chargeLocked()
	buf, mem := w.buf, w.charged
	w.buf, w.charged = nil, 0
	w.batcher.opened.Add(-mem)

	pack := w.stream.NextPack()
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
