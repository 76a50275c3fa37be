package tail

import (
	"errors"
	"io"
	"time"
)

// hand cuts data into chunks and writes them until the sink has enough. w.chunk's block holds data.
func (t *Tailer) hand(s *stream, w *scratch, data []byte, final bool) (used int, ready bool) {
	off := s.off.Load()
	for used < len(data) {
		lines := w.lines[:0]
		n := 0
		if off == 0 && used == 0 {
			if n = s.cut.start(data); n > 0 {
				lines = append(lines, Line{Size: n, Flags: Skip})
			}
		}
		lines, m, text := s.cut.cut(lines, data[used+n:], w.text[:0], final)
		w.text = text
		if n += m; n == 0 {
			return used, true
		}
		w.chunk.From, w.chunk.To, w.chunk.Lines = off+int64(used), off+int64(used+n), lines
		t.write(s, &w.chunk)
		if used += n; used < len(data) && !s.sink.Ready() {
			return used, false
		}
	}
	return used, true
}

// write hands one chunk over and moves s behind it.
func (t *Tailer) write(s *stream, c *Chunk) {
	s.sink.Write(c)
	s.marker = c.Marker(c.To)
	s.off.Store(c.To)
	s.seen.Store(max(s.seen.Load(), c.To))
	var lines, long, truncated, skipped int64
	for i := range c.Lines {
		switch f := c.Lines[i].Flags; {
		case f&Skip != 0:
			skipped += int64(c.Lines[i].Size)
			if f&Truncated != 0 {
				truncated++
			}
		default:
			lines++
			if f&(Continued|Truncated) != 0 {
				long++
			}
			if f&Truncated != 0 {
				truncated++
			}
		}
	}
	s.in.count.bytes.Add(c.To - c.From)
	s.in.count.lines.Add(lines)
	s.in.count.long.Add(long)
	s.in.count.truncated.Add(truncated)
	s.in.count.skipped.Add(skipped)
	t.moved.Store(t.now().UnixNano())
}

// hole skips a run of NULs that reaches at least to to, once it is known what follows it.
func (t *Tailer) hole(s *stream, w *scratch, to int64) outcome {
	to = max(to, s.zeroTo)
	next, err := s.src.Hole(to)
	if err != nil {
		s.err = err
		return trouble
	}
	if next < 0 && !s.finish {
		return atEnd // reserved space, until something stands behind it
	}
	to = max(to, next)
	for range zeroBlocks {
		n, err := s.src.ReadAt(w.block, to)
		if err != nil && !errors.Is(err, io.EOF) {
			s.err = err
			return trouble
		}
		z := zeros(w.block[:n])
		to += int64(z)
		if z < n || errors.Is(err, io.EOF) && s.finish {
			t.skipTo(s, w, to-to%int64(s.cut.cs.unit))
			s.zeroTo = 0
			return more
		}
		s.zeroTo = to
		if n < len(w.block) {
			return atEnd
		}
	}
	return more
}

// skipTo hands the NULs up to to over as skipped.
func (t *Tailer) skipTo(s *stream, w *scratch, to int64) {
	off := s.off.Load()
	w.lines = append(w.lines[:0], Line{Size: int(to - off), Flags: Skip})
	w.chunk = Chunk{From: off, To: to, Lines: w.lines, Read: time.Now(), block: nothing[:MarkerMax], blockStart: to - MarkerMax}
	t.write(s, &w.chunk)
}
