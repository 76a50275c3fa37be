package tail

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

const (
	blockSize  = 256 << 10       // bytes of a read: 98 % of the best throughput, and it stays in the second-level cache
	chunkLines = 4096            // most lines of a chunk; bounds the scratch space, not the turn
	leastRead  = 16 << 10        // a shorter read is not worth the call
	zeroBlocks = 16              // most blocks of NULs that a turn looks through
	turnBlocks = 16              // most blocks of a turn
	turnTime   = time.Second / 5 // after which a turn ends with its block: the disk may be slow, and others may not wait for it
)

// scratch is what a reader works in during a turn. Between turns it is spare, so that an idle reader holds nothing. It takes 420 KB, more where lines are longer than a block.
type scratch struct {
	block []byte
	wide  []byte // for a line that is longer than block
	head  [MarkerMax]byte
	lines []Line
	text  []byte
	chunk Chunk
}

func newScratch() *scratch {
	return &scratch{block: make([]byte, MarkerMax+blockSize), lines: make([]Line, 0, chunkLines)}
}

// Trim gives up what readers worked in, as far as it was not needed since the last call.
func (t *Tailer) Trim() { t.spare.Trim() }

// readSize is how much the next read of a stream takes.
type readSize uint8

const (
	asNeeded   readSize = iota // what the sink gathers for, a block at most
	wholeBlock                 // a block: in less there was no line end
	wholeLine                  // the longest line: in a block there was none
)

// counters are what one input did; safe for concurrent use.
type counters struct {
	bytes, lines, long, truncated, skipped, lost atomic.Int64
}

// readLoop takes turns until the ring is shut.
func (t *Tailer) readLoop(ctx context.Context, turn *atomic.Int64) {
	for ctx.Err() == nil {
		s, woken := t.ring.next()
		if s == nil {
			return
		}
		t.take(s, woken, turn)
		turn.Store(0)
	}
}

// take gives s one turn, and notes in began when the block at hand was begun.
func (t *Tailer) take(s *stream, woken uint64, began *atomic.Int64) {
	w := t.spare.Get()
	if w == nil {
		w = newScratch()
	}
	start := t.now()
	began.Store(start.UnixNano())
	how := t.turn(s, w)
	g, gathers := s.sink.(Gatherer)
	for n := 1; gathers && how == more; n++ {
		if g.Lacks() == 0 {
			g.Pass()
			break
		}
		now := t.now()
		if n == turnBlocks || now.Sub(start) > turnTime || !t.ring.keeps(s) {
			break
		}
		began.Store(now.UnixNano())
		how = t.turn(s, w)
	}
	if cap(w.text) > 4*blockSize {
		w.text = nil
	}
	if len(w.wide) > 8*blockSize {
		w.wide = nil
	}
	t.spare.Put(w)
	if how == atEnd {
		s.src.Rest()
		if s.finished {
			t.poke()
		}
	}
	t.ring.done(s, how, woken)
}

// turn reads one block of s, makes sure that it continues what was read before, and hands its lines over.
func (t *Tailer) turn(s *stream, w *scratch) outcome {
	s.err = nil
	if s.finished {
		return atEnd
	}
	if !s.sink.Ready() {
		return notNow
	}
	if s.err = s.jump(); s.err != nil {
		return trouble
	}
	off := s.off.Load()
	pre := int(min(off, MarkerMax))
	buf := w.block
	if s.size == asNeeded {
		buf = buf[:MarkerMax+s.wish()]
	}
	if s.size == wholeLine {
		if n := MarkerMax + s.cut.max + blockSize; len(w.wide) < n {
			w.wide = make([]byte, n)
		}
		buf = w.wide[:MarkerMax+s.cut.max+blockSize]
	}
	buf = buf[:pre+len(buf)-MarkerMax]
	at := t.now()
	n, err := s.src.ReadAt(buf, off-int64(pre))
	if errors.Is(err, errNothing) {
		return s.end()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
		return trouble
	}
	if n < pre || !s.continues(buf[:n], pre) || off > MarkerMax && !s.startsAs(w.head[:]) {
		return trouble
	}
	s.whole.Store(at.UnixNano())
	if pre == 0 {
		s.noteHead(buf[:min(n, HeadMax)])
	}
	eof := n < len(buf)
	data := buf[pre:n]
	if len(data) > 0 && !s.told(off+int64(len(data))) {
		return unmet
	}
	s.seen.Store(max(s.seen.Load(), off+int64(len(data))))
	flush := eof && !s.finish && s.flush.Swap(false)
	final, reserved := eof && (s.finish || flush), 0
	if flush { // the space that a writer has reserved is no part of its line
		reserved = endNULs(data, s.cut.cs.unit)
		data = data[:len(data)-reserved]
	}
	s.cut.inside = false
	if len(s.ahead) > 0 && s.ahead[0].From < off+int64(len(data)) {
		data, final, eof = data[:s.ahead[0].From-off], true, false
		s.cut.inside = s.cut.long == skip && s.cut.midLong(s.src, s.ahead[0].From)
	}
	w.chunk = Chunk{Read: time.Now(), block: buf[:pre+len(data)], blockStart: off - int64(pre)}
	used, ready := t.hand(s, w, data, final)
	size := s.size
	s.size = asNeeded
	switch {
	case !ready && used < len(data):
		return notNow
	case used == 0 && len(data) > 0 && !eof:
		if zeros(data) == len(data) {
			return t.hole(s, w, off+int64(len(data)))
		}
		if s.size = wholeLine; size == asNeeded && len(buf)-pre < blockSize {
			s.size = wholeBlock
		}
		return more
	case !eof:
		return more
	}
	t.rest(s, int64(len(data)-used+reserved))
	if flush {
		s.partialAt.Store(t.now().UnixNano())
	}
	return s.end()
}

// wish is how many bytes to read at once: no more than what the sink gathers for, if it knows.
func (s *stream) wish() int {
	if g, ok := s.sink.(Gatherer); ok {
		if n := g.Lacks(); n > 0 {
			return min(max(n, leastRead), blockSize)
		}
	}
	return blockSize
}

// end tells the sink that nothing will follow, if that is so.
func (s *stream) end() outcome {
	if s.finish && !s.finished {
		s.sink.Finish()
		s.finished = true
	}
	return atEnd
}

// rest notes an unterminated last line of n bytes.
func (t *Tailer) rest(s *stream, n int64) {
	if s.partial.Swap(n) != n {
		s.partialAt.Store(t.now().UnixNano())
	}
}

// continues reports whether the content that block was read from is still the one that was read before: block begins
// pre bytes before the offset.
func (s *stream) continues(block []byte, pre int) bool {
	if pre == 0 {
		return headIs(*s.head.Load(), block[:min(len(block), HeadMax)]) != different
	}
	if n := int(s.marker.Len); n > 0 && n <= pre {
		return MarkerOf(block[pre-n:pre]) == s.marker
	}
	return true
}

// startsAs reports whether the content still begins as it did: the bytes before the offset alone may be the same in every
// line. It costs half a microsecond, so a compressed content, where nobody writes, is not asked.
func (s *stream) startsAs(buf []byte) bool {
	p, ok := s.src.(plain)
	if !ok {
		return true
	}
	h := s.head.Load()
	n := h.shortest(len(buf))
	if got, err := p.ReadAt(buf[:n], 0); got < n {
		return !errors.Is(err, io.EOF)
	}
	return h.starts(buf[:n])
}

// told reports whether enough of what the content begins with is on record to know a copy of it again, after a crash, that ends
// where end is or somewhat before. Nothing is handed over until it is.
func (s *stream) told(end int64) bool {
	known := int64(s.headed.Load())
	if _, ok := s.src.(plain); !ok { // nobody truncates those
		return known > 0 || s.off.Load() > 0
	}
	return 2*known >= min(HeadMax, end)
}

// noteHead takes what the content begins with into the head, so that a copy is known even if nobody looks before the
// file is truncated.
func (s *stream) noteHead(first []byte) {
	if len(first) > int(s.head.Load().Len) {
		h := HeadOf(first)
		s.head.Store(&h)
	}
}

// jump moves s over what an earlier life settled already.
func (s *stream) jump() error {
	for len(s.ahead) > 0 && s.ahead[0].From <= s.off.Load() {
		to := s.ahead[0].To
		if to > s.off.Load() {
			m, long, err := markerAt(s.src, to, MarkerMax)
			if err != nil {
				return err
			}
			if !long {
				return nil // shorter than what was settled: the marker check will find out
			}
			s.sink.Jump(to)
			s.cut.resume(s.src, to)
			s.marker = m
			s.off.Store(to)
		}
		s.ahead = s.ahead[1:]
	}
	return nil
}
