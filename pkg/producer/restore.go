package producer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"shipper/internal/codec"
	"shipper/pkg/checkpoint"
)

var errContent = errors.New("it cannot be read")

// restore makes a batch and its loads again out of what a lane kept.
func (d *delivery) restore(p checkpoint.Pack) (*slip, []load, error) {
	r := kept{b: p.Content[0]}
	version, compression, size, n := r.byte(), codec.Codec(r.byte()), r.int(), r.int()
	if r.bad || version != contentVersion || size > maxKept || n > len(r.b) {
		return nil, nil, errContent
	}
	group, err := compression.Decompress(nil, r.b[n:], size)
	if err != nil {
		return nil, nil, fmt.Errorf("its content: %w", err)
	}
	b, err := d.Batches.Restore(r.b[:n], group, p.Claim)
	if err != nil {
		return nil, nil, err
	}
	s := &slip{batch: b}
	queue, err := readPlan(p.Plan, s)
	if err != nil {
		b.Free()
		return nil, nil, err
	}
	return s, queue, nil
}

// maxKept bounds the raw size of a group that a lane kept, in bytes: more than the service takes.
const maxKept = 16 << 20

// readPlan reads what appendPlan wrote.
func readPlan(plan []byte, s *slip) ([]load, error) {
	r := kept{b: plan}
	s.open = r.int()
	s.done = checkpoint.Outcome{Acked: int64(r.int()), Dead: int64(r.int()), Logs: int64(r.int())}
	n, open := r.int(), 0
	var queue []load
	for ; n > 0 && !r.bad; n-- {
		l := load{rejects: r.int(), pieces: []piece{{slip: s, from: r.int(), to: r.int(), mended: mend(r.byte()), forced: mend(r.byte())}}}
		p := &l.pieces[0]
		r.bad = r.bad || p.from >= p.to || p.to > s.batch.Logs
		open += p.logs()
		queue = append(queue, l)
	}
	if r.bad || len(queue) == 0 || open != s.open {
		return nil, errContent
	}
	return queue, nil
}

// kept takes numbers off what a lane kept.
type kept struct {
	b   []byte
	bad bool
}

func (k *kept) byte() byte {
	if k.bad = k.bad || len(k.b) == 0; k.bad {
		return 0
	}
	v := k.b[0]
	k.b = k.b[1:]
	return v
}

func (k *kept) int() int {
	v, n := binary.Uvarint(k.b)
	if k.bad = k.bad || n <= 0 || v > 1<<50; k.bad {
		return 0
	}
	k.b = k.b[n:]
	return int(v)
}
