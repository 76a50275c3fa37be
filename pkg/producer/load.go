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
	from, to int    // logs of the batch
	group    []byte // LogGroup with these logs; the batch's own bytes until it is cut or mended
	own      int64  // bytes of group that the budget knows of as ours
	mended   mend   // complaints that it was repaired for
	forced   mend   // the same, beyond what looked wrong to us
}

func (p *piece) logs() int { return p.to - p.from }

// slice cuts the logs [i,j) out, counted within the piece.
func (p *piece) slice(i, j int) (piece, error) {
	out := piece{slip: p.slip, from: p.from + i, to: p.from + j, mended: p.mended}
	if p.mended == 0 {
		out.group = p.slip.batch.Slice(out.from, out.to)
		return out, nil
	}
	var err error
	out.group, err = cut(p.group, i, j)
	return out, err
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

func (l *load) groups() [][]byte {
	out := make([][]byte, len(l.pieces))
	for i := range l.pieces {
		out[i] = l.pieces[i].group
	}
	return out
}

// single reports whether only one log is left to suspect.
func (l *load) single() bool { return len(l.pieces) == 1 && l.pieces[0].logs() <= 1 }

// halve takes l apart: between batches if there are several, else between logs. l must not be single.
func (l *load) halve() ([]load, error) {
	if n := len(l.pieces); n > 1 {
		return []load{{pieces: l.pieces[:n/2]}, {pieces: l.pieces[n/2:]}}, nil
	}
	p := &l.pieces[0]
	mid := p.logs() / 2
	a, err := p.slice(0, mid)
	if err != nil {
		return nil, err
	}
	b, err := p.slice(mid, p.logs())
	if err != nil {
		return nil, err
	}
	return []load{{pieces: []piece{a}}, {pieces: []piece{b}}}, nil
}

// apart makes one load of each batch.
func (l *load) apart() []load {
	out := make([]load, len(l.pieces))
	for i := range l.pieces {
		out[i].pieces = l.pieces[i : i+1]
	}
	return out
}

// mend repairs l for a complaint and returns how many logs were changed, -1 if only topic, source or tags were, and 0 if there is
// nothing (more) to repair. Of a single log even what looks right to us is changed: it must be the one.
func (l *load) mend(what mend, now time.Time) int {
	total, other := 0, false
	for i := range l.pieces {
		p := &l.pieces[i]
		m := mender{what: what, now: now}
		if p.mended&what == 0 {
			p.mended |= what
			p.group = m.group(p.group)
		}
		if m.logs == 0 && !m.other && l.single() && p.forced&what == 0 {
			p.forced |= what
			m.force = true
			p.group = m.group(p.group)
		}
		total += m.logs
		other = other || m.other
	}
	if total == 0 && other {
		return -1
	}
	return total
}
