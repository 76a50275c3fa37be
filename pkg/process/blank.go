package process

import "shipper/pkg/tail"

// emptyLine is the size of the longest line without text: a carriage return and a line feed of two bytes each. The tailer hands
// empty lines over as what it left out; a hole or the end of an over-long line is nearly always larger, and does no harm as an
// empty line.
const emptyLine = 4

// skip takes what the tailer left out. In an event of several lines an empty line is one like any other: it may go on with the
// event, end it, or begin another. Anything else that is missing cuts the event.
func (p *Pipe) skip(s *scratch, c *tail.Chunk, ln *tail.Line) {
	l, m := &p.lanes[0], p.prog.multi
	if m != nil && p.isEmptyLine(ln) {
		joins, _ := m.judge(nil)
		ends := joins && m.end != nil && m.end.MatchString("")
		switch {
		case l.ev == nil:
			l.cut = l.cut && joins && !ends
		case ends:
			p.pos += int64(ln.Size)
			p.complete(s, c, l.ev)
			return
		case joins:
			p.pos += int64(ln.Size)
			l.ev.blank = min(l.ev.blank+1, p.prog.limit) // more of them end the event in any case
			return
		default: // the beginning of an event without text, which is no log
			p.complete(s, c, l.ev)
		}
	}
	p.over = p.over || ln.Flags&tail.Truncated != 0
	p.flush(s, c)
	p.lanes[0].part, p.lanes[1].part, p.rest = false, false, false
	p.pos += int64(ln.Size)
	p.sent = p.pos
	p.out.Skip(ln.Size, c)
}

// isEmptyLine reports whether a line that was left out is a line of its own without text. In a container's file no line is.
func (p *Pipe) isEmptyLine(ln *tail.Line) bool {
	return ln.Flags == tail.Skip && ln.Size <= emptyLine && !p.over && !p.rest && (p.prog.format == Plain || p.prog.format == JSON)
}
