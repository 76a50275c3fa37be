package producer

import (
	"time"

	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// slip follows one batch to its end: it is settled once, when each of its logs has an outcome.
type slip struct {
	batch *batch.Batch
	open  int // logs without an outcome
	done  checkpoint.Outcome
}

// piece is a run of logs of one batch that travels together.
type piece struct {
	slip     *slip
	from, to int  // logs of the batch
	mended   mend // complaints that it is repaired for
	forced   mend // the same, beyond what looks wrong to us
	copied        // while the piece is carried, else nothing
}

// copied is the LogGroup of a piece.
type copied struct {
	group []byte
	lent  []byte // what group is in, or was mended from; nil if it is that of the batch
	made  int64  // bytes of memory that mending it took
}

func (p *piece) logs() int { return p.to - p.from }

// open makes the LogGroup.
func (p *piece) open(now time.Time, budget Budget) {
	b := p.slip.batch
	if p.logs() == b.Logs && p.mended == 0 {
		p.group = b.Group()
		return
	}
	p.lent = b.Slice(p.from, p.to, budget.Bytes)
	p.group = p.lent
	if p.mended != 0 {
		p.group = (&mender{what: p.mended, now: now}).group(p.group)
	}
	if p.forced != 0 {
		p.group = (&mender{what: p.forced, now: now, force: true}).group(p.group)
	}
	if p.mended != 0 || p.forced != 0 {
		p.made = int64(cap(p.group))
		budget.Add(p.made)
	}
}

// close gives back what open took.
func (p *piece) close(budget Budget) {
	if p.lent != nil {
		budget.Recycle(p.lent)
	}
	if p.made > 0 {
		budget.Sub(p.made)
	}
	p.copied = copied{}
}

// lines is where the piece stands in the file: exactly, if nothing was skipped in between.
func (p *piece) lines() tail.Range {
	b := p.slip.batch
	return tail.Range{From: b.LogRange(p.from).From, To: b.LogRange(p.to - 1).To}
}

// load is what travels in one request.
type load struct {
	pieces  []piece
	rejects int // answers of Reject so far
	clocks  int // answers of Clock so far
	number      // with exactly_once
}

func (l *load) logs() int {
	n := 0
	for i := range l.pieces {
		n += l.pieces[i].logs()
	}
	return n
}

// raw is the size of the groups, in bytes.
func (l *load) raw() int64 {
	var n int64
	for i := range l.pieces {
		n += int64(len(l.pieces[i].group))
	}
	return n
}

// open makes the groups.
func (l *load) open(now time.Time, budget Budget) [][]byte {
	groups := make([][]byte, len(l.pieces))
	for i := range l.pieces {
		l.pieces[i].open(now, budget)
		groups[i] = l.pieces[i].group
	}
	return groups
}

// close gives the groups back.
func (l *load) close(budget Budget) {
	for i := range l.pieces {
		l.pieces[i].close(budget)
	}
}

// single reports whether only one log is left to suspect.
func (l *load) single() bool { return len(l.pieces) == 1 && l.pieces[0].logs() <= 1 }

// halve takes l apart: between batches if there are several, else between logs. l must not be single.
func (l *load) halve() []load {
	if n := len(l.pieces); n > 1 {
		return []load{{pieces: l.pieces[:n/2]}, {pieces: l.pieces[n/2:]}}
	}
	a := l.pieces[0]
	a.copied = copied{}
	b := a
	a.to = a.from + a.logs()/2
	b.from = a.to
	return []load{{pieces: []piece{a}}, {pieces: []piece{b}}}
}

// apart makes one load of each batch.
func (l *load) apart() []load {
	out := make([]load, len(l.pieces))
	for i := range l.pieces {
		out[i].pieces = l.pieces[i : i+1]
	}
	return out
}

// mend marks what of l is to be repaired for a complaint when it is opened next. It returns how many logs that will change, and
// whether anything will. Of a single log even what looks right to us is changed: it must be the one.
func (l *load) mend(what mend, now time.Time) (logs int, any bool) {
	for i := range l.pieces {
		p := &l.pieces[i]
		if p.mended&what == 0 {
			p.mended |= what
			m := mender{what: what, now: now}
			m.group(p.group)
			logs, any = logs+m.logs, any || m.logs > 0 || m.other
		}
		if !any && l.single() && p.forced&what == 0 {
			p.forced |= what
			m := mender{what: what, now: now, force: true}
			m.group(p.group)
			logs, any = logs+m.logs, any || m.logs > 0 || m.other
		}
	}
	return logs, any
}
