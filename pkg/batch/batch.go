package batch

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// Batch is a sealed LogGroup on its way to the service. Whoever takes it settles it once and frees it once, in this order; if
// the process ends before that, its lines are read again.
type Batch struct {
	Target string
	Path   string // of the file as the batch was sealed
	Stream tail.StreamID
	Range  tail.Range // bytes of the file that it stands for, skipped ones included
	Pack   uint64     // number within the stream
	Logs   int        // at least one
	Sizes  []uint32   // bytes of the file that each log stands for; gone after Free
	Opened time.Time  // when its first line came
	Sealed time.Time

	stream  *checkpoint.Stream
	span    *checkpoint.Span
	claim   *checkpoint.Claim // instead of stream and span: see Restore
	owner   *Batcher
	buf     *buffer
	body    int   // length of the logs in buf; the trailer follows
	skipped int64 // bytes of Range that belong to no log
	mem     int64 // charged to the budget
	freed   atomic.Bool
}

// Group returns the wire bytes of the LogGroup, uncompressed. They are valid until Free.
func (b *Batch) Group() []byte { return b.buf.data }

// Bytes is the number of file bytes that logs [i,j) stand for.
func (b *Batch) Bytes(i, j int) int64 {
	var n int64
	for _, size := range b.Sizes[i:j] {
		n += int64(size)
	}
	return n
}

// LogRange is where log i stands in the file: exactly if the batch holds no skipped lines, else somewhere in Range.
func (b *Batch) LogRange(i int) tail.Range {
	if b.skipped != 0 {
		return b.Range
	}
	from := b.Range.From + b.Bytes(0, i)
	return tail.Range{From: from, To: from + int64(b.Sizes[i])}
}

// Slice appends to what room returns for its size a LogGroup of its own with logs [i,j) and the same topic, source and tags.
func (b *Batch) Slice(i, j int, room func(size int) []byte) []byte {
	group, trailer := b.buf.data, b.buf.data[b.body:]
	logs := group[skipLogs(group, i):]
	logs = logs[:skipLogs(logs, j-i)]
	return append(append(room(len(logs)+len(trailer)), logs...), trailer...)
}

// skipLogs returns the length of the first n logs of a group.
func skipLogs(group []byte, n int) int {
	off := 0
	for range n {
		size, k := binary.Uvarint(group[off+1:])
		off += 1 + k + int(size)
	}
	return off
}

// Ack settles the batch: the service has taken all of it.
func (b *Batch) Ack() { b.Settle(checkpoint.Outcome{Acked: b.Bytes(0, b.Logs), Logs: int64(b.Logs)}) }

// Settle says what became of the bytes of the logs (see Bytes); the parts of o add up to Bytes(0, Logs). Lines of the range
// that were skipped on the way in are added here.
func (b *Batch) Settle(o checkpoint.Outcome) {
	o.Skipped += b.skipped
	if b.claim != nil {
		b.claim.Settle(o)
		return
	}
	b.stream.Settle(b.span, o)
}

// Free gives the memory back. Group and Sizes must not be used afterwards. Freeing twice is harmless.
func (b *Batch) Free() {
	if b.freed.Swap(true) {
		return
	}
	buf := b.buf
	b.buf, b.Sizes = nil, nil
	b.owner.budget.pools.put(buf)
	b.owner.release(b.mem)
}
