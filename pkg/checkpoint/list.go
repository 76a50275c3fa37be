package checkpoint

import (
	"fmt"

	"shipper/pkg/tail"
)

// jumpLocked makes off the place where the next span begins.
func (s *Stream) jumpLocked(off int64) {
	if off < s.next {
		s.backLocked(off)
	}
	for s.next < off && len(s.done.ahead) > 0 && s.done.ahead[0].r.From == s.next {
		a := s.done.ahead[0]
		s.done.ahead = s.done.ahead[1:]
		if a.claim != nil {
			s.reachClaimLocked(a)
			continue
		}
		sp := &Span{r: a.r, marker: a.marker, after: a.after, state: spanSettled}
		s.seq = max(s.seq, a.after)
		s.pushLocked(sp)
		s.mergeLocked(sp)
		s.commitLocked()
	}
	if s.next != off {
		panic(fmt.Sprintf("checkpoint: stream %d goes on at %d, not at %d", s.id, s.next, off))
	}
}

// pushLocked appends sp to the list. What an earlier run settled of the same bytes does not count any more: they are
// on their way again.
func (s *Stream) pushLocked(sp *Span) {
	if sp.r.To < sp.r.From {
		panic(fmt.Sprintf("checkpoint: stream %d: range [%d,%d) is upside down", s.id, sp.r.From, sp.r.To))
	}
	for len(s.done.ahead) > 0 && s.done.ahead[0].r.From < sp.r.To {
		if claim := s.done.ahead[0].claim; claim != nil {
			claim.state = spanStale // its lane sends it all the same: these lines go out twice
		} else if s.done.ahead[0].r.To > sp.r.To {
			s.done.ahead[0].r.From = sp.r.To
			break
		}
		s.done.ahead = s.done.ahead[1:]
	}
	sp.prev = s.last
	if s.last != nil {
		s.last.next = sp
	} else {
		s.first = sp
	}
	s.last = sp
	s.next = sp.r.To
}

// backLocked follows a reader that went back to off. Sending again is safe, going on without the bytes is not. The bytes that were
// counted as read and are not entered yet are the ones that come again.
func (s *Stream) backLocked(off int64) {
	unentered := s.done.counts.Pending()
	for sp := s.first; sp != nil; sp = sp.next {
		if sp.state == spanOpen {
			unentered -= sp.r.Len()
		}
	}
	s.rewindLocked()
	s.done.counts.Read += unentered
	s.store.log.Warn("reading went back: lines are sent again", "code", "SHP-K005", "stream", uint64(s.id), "path", s.meta.path,
		"offset", off, "bytes", s.done.offset-off)
	if off < s.done.offset {
		s.done.offset, s.done.marker = off, tail.Marker{}
		s.next = off
		s.touchLocked()
	}
}

// mergeLocked joins a settled span with its settled neighbours. The later one stays, because its marker and pack count.
func (s *Stream) mergeLocked(sp *Span) {
	if p := sp.prev; p != nil && p.state == spanSettled {
		s.joinLocked(p, sp)
	}
	if n := sp.next; n != nil && n.state == spanSettled {
		s.joinLocked(sp, n)
	}
}

func (s *Stream) joinLocked(a, b *Span) {
	b.r.From = a.r.From
	b.after = max(a.after, b.after)
	b.prev = a.prev
	if a.prev != nil {
		a.prev.next = b
	} else {
		s.first = b
	}
	a.prev, a.next = nil, nil
}

// commitLocked moves the committed offset over the settled spans that begin there.
func (s *Stream) commitLocked() {
	for s.first != nil && s.first.state == spanSettled {
		sp := s.first
		s.reach(sp.r.To, sp.marker, sp.after)
		s.first = sp.next
		if s.first != nil {
			s.first.prev = nil
		} else {
			s.last = nil
		}
		sp.next = nil
	}
}
