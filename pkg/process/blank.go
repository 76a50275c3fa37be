package process

import "shipper/pkg/tail"

// skip takes what the tailer left out. In an event of several lines an empty line is one like any other: it may go on with the
// event, end it, or begin another. Anything else that is missing cuts the event.
func (p *Pipe) skip(s *scratch, c *tail.Chunk, ln *tail.Line) {
	if ln.Flags&tail.Empty != 0 && (p.endLine(s, c, ln) || p.blank(s, c, ln)) {
		return
	}
	p.flush(s, c)
	p.lanes[0].part, p.lanes[1].part, p.rest, p.mid = false, false, false, false
	p.pos += int64(ln.Size)
	p.sent = p.pos
	p.out.Skip(ln.Size, c)
}

// endLine takes the line end of a text that came before it: no empty line, although it looks like one. It belongs to the event that
// has the text; false if there is none any more.
func (p *Pipe) endLine(s *scratch, c *tail.Chunk, ln *tail.Line) bool {
	if !p.mid || len(p.queue) == 0 {
		return false
	}
	l := &p.lanes[p.head.lane]
	l.part, p.rest, p.mid = p.head.part, false, false
	p.pos += int64(ln.Size)
	if l.ev != nil && (l.split || p.ends(l, false)) {
		p.complete(s, c, l.ev)
	}
	return true
}

// blank takes an empty line into the event before it; false if it belongs to none.
func (p *Pipe) blank(s *scratch, c *tail.Chunk, ln *tail.Line) bool {
	l, m := &p.lanes[0], p.prog.multi
	if m == nil || p.mid || p.prog.contained() { // in a container's file no line is empty
		return false
	}
	joins, _ := m.judge(nil)
	ends := joins && m.end != nil && m.end.MatchString("")
	switch {
	case l.ev == nil:
		l.cut = l.cut && joins && !ends
		return false
	case ends:
		p.pos += int64(ln.Size)
		p.complete(s, c, l.ev)
		return true
	case joins:
		p.pos += int64(ln.Size)
		l.ev.blank = min(l.ev.blank+1, p.prog.limit) // more of them end the event in any case
		return true
	}
	p.complete(s, c, l.ev) // the beginning of an event without text, which is no log
	return false
}
