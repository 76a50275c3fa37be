package batch

import (
	"sync"
	"time"

	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// Field is one key and value of a log.
type Field struct {
	Key, Value []byte
}

// Log is one log for Append.
type Log struct {
	Fields []Field
	Time   int64       // Unix nanoseconds; 0 is the time when the chunk was read
	Size   int         // bytes of the file that it stands for
	Marker tail.Marker // of the bytes that end where the log ends; set when that is before the chunk
}

// Writer fills the open batch of one stream. It implements tail.Sink. One goroutine at a time writes; batches are sealed from
// others meanwhile.
type Writer struct {
	batcher *Batcher
	stream  *checkpoint.Stream
	path    func() string
	trailer *trailer
	prefix  uint64 // of pack ids
	limit   int    // bytes of logs in a batch that has more than one
	hard    int    // bytes of logs in a batch that has one

	// guarded by Batcher.mu
	listed     bool // something is open
	opened     time.Time
	prev, next *Writer

	mu      sync.Mutex // guards the rest
	start   int64      // the open batch stands for [start, pos)
	pos     int64
	active  bool // something is open: logs, or skipped bytes alone
	marker  tail.Marker
	skipped int64
	buf     *buffer // nil without logs
	tail    int     // bytes of buf that are left for the trailer
	charged int64   // what buf costs, as far as the budget knows
	scratch []byte  // for text that has to be mended
}

var (
	_ tail.Sink     = (*Writer)(nil)
	_ tail.Gatherer = (*Writer)(nil)
)

// Ready implements tail.Sink.
func (w *Writer) Ready() bool { return w.batcher.admit() }

// Write implements tail.Sink: every line becomes a log with the one field "content".
func (w *Writer) Write(c *tail.Chunk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stream.Read(c.To - c.From)
	if w.pos != c.From {
		w.moveLocked(c.From)
	}
	st := stampOf(c.Read)
	clean := validLines(c.Lines)
	quick := clean && st.fixed
	for i := 0; i < len(c.Lines); i++ {
		if quick && w.buf != nil && fixedSize(len(c.Lines[i].Text)) > 0 {
			if i += w.writeFixedLocked(&st, c.Lines[i:]); i == len(c.Lines) {
				break
			}
		}
		l := &c.Lines[i]
		if l.Flags&tail.Skip != 0 {
			w.skipLocked(l.Size)
			continue
		}
		text := l.Text
		if !clean {
			text = w.mendLocked(text)
		}
		p := st.plainOf(len(text))
		if p.total > w.hard {
			text = w.cutPlainLocked(p, text)
			p = st.plainOf(len(text))
		}
		if w.buf == nil || !w.fitsLocked(p.total) {
			w.makeRoomLocked(p.total, c, c.Lines[i:])
		}
		d := w.buf.data
		end := len(d) + p.total
		st.putPlain(d[len(d):end], text, p)
		w.buf.data = d[:end]
		w.buf.sizes = append(w.buf.sizes, uint32(l.Size))
		w.pos += int64(l.Size)
	}
	w.marker = c.Marker(w.pos)
	w.chargeLocked()
	if cap(w.scratch) > scratchMax {
		w.scratch = nil
	}
}

// writeFixedLocked appends lines up to the first that has no fixed head, is to be left out or does not fit, and returns how many. It is
// the hot path.
func (w *Writer) writeFixedLocked(st *stamp, lines []tail.Line) int {
	data, sizes, pos := w.buf.data, w.buf.sizes, w.pos
	room := min(w.limit, cap(data)-w.tail)
	n := min(len(lines), w.batcher.config.MaxLogs-len(sizes))
	for i := range lines[:n] {
		l := &lines[i]
		size := fixedSize(len(l.Text))
		end := len(data) + size
		if size == 0 || end > room || l.Flags&tail.Skip != 0 {
			n = i
			break
		}
		st.putFixed(data[len(data):end], l.Text)
		data = data[:end]
		sizes = append(sizes, uint32(l.Size))
		pos += int64(l.Size)
	}
	w.buf.data, w.buf.sizes, w.pos = data, sizes, pos
	return n
}

// scratchMax is what a writer keeps for mending between two chunks.
const scratchMax = 4 << 10

// Append adds one log that was made from lines of c. A log without fields is skipped. c may be nil if l.Time and l.Marker are
// set, for a log that is given out after its last chunk.
func (w *Writer) Append(l *Log, c *tail.Chunk) {
	if len(l.Fields) == 0 {
		w.skip(l.Size, l.Marker, c)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stream.Read(int64(l.Size))
	var st stamp
	switch {
	case l.Time != 0:
		st = stampNano(l.Time)
	case c != nil:
		st = stampOf(c.Read)
	default:
		st = stampOf(w.batcher.now())
	}
	fields := w.mendFieldsLocked(&st, l.Fields)
	n := st.fieldsLen(fields)
	if w.buf == nil || !w.fitsLocked(n) {
		w.makeRoomLocked(n, nil, nil)
	}
	w.buf.data = st.appendFields(w.buf.data, fields)
	w.buf.sizes = append(w.buf.sizes, uint32(l.Size))
	w.advanceLocked(l.Size, l.Marker, c)
	w.chargeLocked()
}

// Skip leaves the next n bytes of the file out on purpose.
func (w *Writer) Skip(n int, c *tail.Chunk) { w.skip(n, tail.Marker{}, c) }

func (w *Writer) skip(n int, m tail.Marker, c *tail.Chunk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stream.Read(int64(n))
	w.skipLocked(n)
	w.advanceLocked(0, m, c)
}

// advanceLocked moves the end of the open batch and remembers the marker there.
func (w *Writer) advanceLocked(n int, m tail.Marker, c *tail.Chunk) {
	w.pos += int64(n)
	switch {
	case m != tail.Marker{}:
		w.marker = m
	case c != nil:
		w.marker = c.Marker(w.pos)
	default:
		w.marker = tail.Marker{}
	}
}

func (w *Writer) skipLocked(n int) {
	w.openLocked()
	w.skipped += int64(n)
	w.pos += int64(n)
}

// Jump implements tail.Sink.
func (w *Writer) Jump(off int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moveLocked(off)
	w.stream.Jump(off)
}

func (w *Writer) moveLocked(off int64) {
	w.sealLocked(reasonAsked)
	w.start, w.pos = off, off
}

// enough is how full a batch is passed on when the next block would not fit, and target what blocks are measured for: a guess by
// what is in the batch already may be wrong by some hundredths.
const (
	enough = 0.95
	aim    = 0.98
)

// Lacks implements tail.Gatherer.
func (w *Writer) Lacks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf == nil {
		return 0
	}
	most := max(1, min(w.limit, w.batcher.largest()-w.tail))
	part := max(float64(len(w.buf.data))/float64(most), float64(len(w.buf.sizes))/float64(w.batcher.config.MaxLogs))
	if part >= enough {
		return 0
	}
	return max(1, int(float64(w.pos-w.start)*(aim/part-1)))
}

// Pass implements tail.Gatherer.
func (w *Writer) Pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealLocked(reasonFull)
}

// Finish implements tail.Sink.
func (w *Writer) Finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealLocked(reasonAsked)
}
