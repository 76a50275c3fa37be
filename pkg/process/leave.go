package process

import (
	"time"

	"shipper/pkg/tail"
)

var _ tail.Leaver = (*Pipe)(nil)

// Leave implements tail.Leaver: the stream goes on through another Pipe. Events whose end was not seen are dropped if back says
// that their lines can be read again; otherwise they go out as they are.
func (p *Pipe) Leave(back func(from int64) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.prog.borrow()
	defer p.prog.giveBack(s)
	if len(p.queue) > 0 && back(p.sent) {
		for _, ev := range p.queue {
			s.free(ev)
		}
		p.queue, p.held, p.pos = nil, 0, p.sent
	}
	p.restart(s, p.pos, time.Time{})
	p.out.Finish()
}
