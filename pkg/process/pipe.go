package process

import (
	"slices"
	"sync"
	"time"

	"shipper/pkg/batch"
	"shipper/pkg/tail"
)

// maxWaiting is how many events of one container stream may wait behind an unfinished one of the other.
const maxWaiting = 256

// Pipe runs the lines of one stream through a Program. It is a tail.Sink and safe for concurrent use.
//
// Events leave in the order in which they begin. In a container's file the lines of stdout and stderr are mixed, and an event of
// one may lie inside an event of the other; it then waits until the outer one is complete. A log's size reaches to the beginning
// of the next event, so that a position is always where an event begins; a crash between two mixed events repeats lines of the
// first as a log of their own.
type Pipe struct {
	prog  *Program
	out   Out
	watch Watcher // nil: nobody looks on

	mu    sync.Mutex // guards all below, and the order of calls to out
	queue []*event   // events that did not leave yet; the first is open
	held  int        // bytes of text in queue
	lanes [2]lane
	pos   int64       // end of the lines that were taken
	sent  int64       // end of what went to out
	at    tail.Marker // of the bytes before pos, if the queue is not empty between calls
	head  frag        // how the last line began (without its texts)
	rest  bool        // it was split: the next line is its rest
	mid   bool        // its end was not seen: it was split, or flushed unfinished
}

// lane is the state of stdout or stderr; an ordinary file is all stdout.
type lane struct {
	ev       *event // the open event, or nil
	part     bool   // the last line is not finished: the lane's next text continues it
	cut      bool   // the last event left before its end: a line that is none's beginning is a piece of it
	split    bool   // the open event ends where the line was split, and waits for what follows there: see seam
	dropping bool   // the last event was left out, and so are its pieces
	time     int64  // of the last event
}

// Pipe makes the Pipe of one stream. It starts nothing.
func (p *Program) Pipe(out Out) *Pipe { return &Pipe{prog: p, out: out} }

// Ready implements tail.Sink.
func (p *Pipe) Ready() bool { return p.out.Ready() }

// Pending reports whether lines are held back because their event may go on.
func (p *Pipe) Pending() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue) > 0
}

// Write implements tail.Sink.
func (p *Pipe) Write(c *tail.Chunk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.prog.borrow()
	defer p.prog.giveBack(s)
	if p.pos != c.From {
		p.restart(s, c.From, c.Read)
	}
	for i := range c.Lines {
		p.line(s, c, &c.Lines[i])
	}
	if len(p.queue) == 0 {
		return
	}
	for _, ev := range p.queue {
		ev.own()
		if ev.start >= c.From {
			ev.before = c.Marker(ev.start)
		}
	}
	p.at = c.Marker(p.pos)
}

// Tick sends events that have got no line for multiline.timeout before now. The daemon calls it once a second while Pending. If
// out is not ready they wait.
func (p *Pipe) Tick(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	expired := func() bool { return len(p.queue) > 0 && now.Sub(p.queue[0].last) >= p.prog.timeout }
	if !expired() || !p.out.Ready() {
		return
	}
	s := p.prog.borrow()
	defer p.prog.giveBack(s)
	for c := p.chunk(now); expired(); {
		l := &p.lanes[p.queue[0].lane]
		p.cut(s, c, p.queue[0])
		if m := p.prog.multi; m != nil && m.end != nil {
			l.cut = false // nothing tells a late rest from a new event
		}
	}
}

// Jump implements tail.Sink. What is held back goes out before.
func (p *Pipe) Jump(off int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.prog.borrow()
	defer p.prog.giveBack(s)
	p.restart(s, off, time.Time{})
	p.out.Jump(off)
}

// Finish implements tail.Sink.
func (p *Pipe) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.prog.borrow()
	defer p.prog.giveBack(s)
	p.restart(s, p.pos, time.Time{})
	p.out.Finish()
}

// chunk stands for the place behind the last line when there is no chunk at hand.
func (p *Pipe) chunk(read time.Time) *tail.Chunk {
	return tail.NewChunk(nil, p.pos, p.pos, p.pos, nil, read)
}

// restart sends what is held back and goes on at off as if the stream began there.
func (p *Pipe) restart(s *scratch, off int64, read time.Time) {
	if len(p.queue) > 0 {
		p.flush(s, p.chunk(read))
	}
	p.lanes, p.rest, p.mid = [2]lane{}, false, false
	p.pos, p.sent = off, off
}

// flush sends everything that is held back.
func (p *Pipe) flush(s *scratch, c *tail.Chunk) {
	for len(p.queue) > 0 {
		p.cut(s, c, p.queue[0])
	}
}

// line takes one line or piece of a chunk.
func (p *Pipe) line(s *scratch, c *tail.Chunk, ln *tail.Line) {
	if ln.Flags&tail.Skip != 0 {
		p.skip(s, c, ln)
		return
	}
	f := frag{text: ln.Text, lane: p.head.lane, part: p.head.part, bad: p.head.bad, time: p.head.time}
	if !p.rest {
		f = p.prog.frame(s, ln.Text)
	}
	more := ln.Flags&tail.Continued != 0
	l := &p.lanes[f.lane]
	continues := l.part && (p.rest || !f.bad) || p.mid && l.ev != nil && !p.prog.contained()
	l.part, p.rest, p.mid = f.part || more, more, ln.Flags&(tail.Continued|tail.Unterminated) != 0
	p.head = frag{lane: f.lane, part: f.part, bad: f.bad, time: f.time}

	if continues {
		p.join(s, c, l, f, false)
	} else {
		p.begin(s, c, l, f)
	}
	p.pos += int64(ln.Size)
	if l.ev != nil && p.ends(l, more) {
		if l.split = more && len(p.prog.seams) > 0; !l.split {
			p.complete(s, c, l.ev)
		}
	}
	p.bound(s, c)
	if n := len(p.queue); p.prog.format == Docker && n > 0 {
		p.queue[n-1].own() // the parser's text is only good until the next line
	}
}

// begin takes the beginning of a line.
func (p *Pipe) begin(s *scratch, c *tail.Chunk, l *lane, f frag) {
	var joins, alone bool
	if p.prog.multi != nil {
		joins, alone = p.prog.multi.judge(f.text)
	}
	if joins && (l.ev != nil || l.cut) {
		p.join(s, c, l, f, true)
		return
	}
	if l.ev != nil {
		p.complete(s, c, l.ev)
	}
	p.open(s, c, l, f, false)
	l.ev.alone = alone
}

// join adds f to the lane's event, or begins a piece if that was cut or has to be now.
func (p *Pipe) join(s *scratch, c *tail.Chunk, l *lane, f frag, newLine bool) {
	if ev := l.ev; ev != nil {
		full := l.split || newLine && p.prog.multi != nil && ev.lines+ev.blank >= p.prog.multi.maxLines
		if !full && len(ev.text)+ev.blank+1+len(f.text) <= p.prog.limit {
			before := len(ev.text)
			ev.grow(f.text, newLine, c.Read)
			p.held += len(ev.text) - before
			s.tally.joined++
			return
		}
		if !l.split {
			s.tally.cut++
		}
		f.text = p.seam(s, ev, f.text, newLine)
		p.cut(s, c, ev)
	}
	p.open(s, c, l, f, true)
}

// open begins an event at p.pos.
func (p *Pipe) open(s *scratch, c *tail.Chunk, l *lane, f frag, piece bool) {
	ev := s.event()
	ev.start, ev.read, ev.last, ev.time = p.pos, c.Read, c.Read, f.time
	ev.text, ev.stamp, ev.lane, ev.bad = f.text, f.stamp, f.lane, f.bad
	ev.lines, ev.open, ev.piece = 1, true, piece
	l.ev, l.cut = ev, false
	p.queue = append(p.queue, ev)
	p.held += len(ev.text)
}

// ends reports whether the lane's event is over with the line just taken; more tells that the line was split behind it.
func (p *Pipe) ends(l *lane, more bool) bool {
	m := p.prog.multi
	switch {
	case l.part:
		return more && m == nil // the pieces of a split line go on as the tailer made them
	case m == nil || l.ev.alone:
		return true
	}
	return m.end != nil && m.end.Match(l.ev.text[l.ev.from:])
}

// bound sends the first event if too much waits for it.
func (p *Pipe) bound(s *scratch, c *tail.Chunk) {
	for len(p.queue) > maxWaiting || len(p.queue) > 1 && p.held > 2*p.prog.limit {
		s.tally.cut++
		p.cut(s, c, p.queue[0])
	}
}

// cut ends an event because no more can be waited for.
func (p *Pipe) cut(s *scratch, c *tail.Chunk, ev *event) {
	l := &p.lanes[ev.lane]
	p.complete(s, c, ev)
	l.cut = true
}

// complete ends an event and sends what does not wait for another.
func (p *Pipe) complete(s *scratch, c *tail.Chunk, ev *event) {
	ev.open = false
	p.lanes[ev.lane].ev, p.lanes[ev.lane].split = nil, false
	n := 0
	for ; n < len(p.queue) && !p.queue[n].open; n++ {
		end, marker := p.pos, p.at
		if n+1 < len(p.queue) {
			end, marker = p.queue[n+1].start, p.queue[n+1].before
		}
		if end > c.From {
			marker = tail.Marker{} // the chunk has the bytes
		}
		p.send(s, c, p.queue[n], end, marker)
		s.free(p.queue[n])
	}
	p.queue = slices.Delete(p.queue, 0, n)
}

// send hands an event that reaches to end on to out.
func (p *Pipe) send(s *scratch, c *tail.Chunk, ev *event, end int64, marker tail.Marker) {
	size := int(end - p.sent)
	p.sent = end
	p.held -= len(ev.text)
	l := &p.lanes[ev.lane]
	if ev.piece && l.time != 0 {
		ev.time = l.time
	}
	keep := !(ev.piece && l.dropping) && p.run(s, ev)
	if !ev.piece {
		l.dropping, l.time = !keep, 0
	}
	if !keep {
		s.tally.dropped++
		s.log = batch.Log{Size: size, Marker: marker}
		p.out.Append(&s.log, c)
		return
	}
	if s.time == 0 && !ev.read.IsZero() {
		s.time = ev.read.UnixNano()
	}
	if !ev.piece {
		l.time = s.time
	}
	s.log = batch.Log{Fields: s.fields, Time: s.time, Size: size, Marker: marker}
	p.out.Append(&s.log, c)
}
