package producer

import (
	"context"
	"time"

	"shipper/pkg/batch"
)

// Thousands of slow files make thousands of tiny batches a second. One sender at a time takes from the queue, and not sooner
// than the pace after the last small take: a twentieth of what a line waits in its batch anyway, at most 50 ms. So a target makes
// at most 20 small requests a second by default, and full batches are never held up.
const (
	paceMin   = 2 * time.Millisecond
	paceMax   = 50 * time.Millisecond
	paceParts = 20
	smallTake = 256 << 10 // raw bytes; what ten thousand files with a line a second bring in a pace stays below
	maxGroups = 1000      // groups in one request
)

// pacer spaces small takes.
type pacer struct {
	pace time.Duration
	turn chan time.Time // holds the time of the last small take for the sender whose turn it is
}

func newPacer(maxDelay time.Duration) pacer {
	p := pacer{pace: min(max(maxDelay/paceParts, paceMin), paceMax), turn: make(chan time.Time, 1)}
	p.turn <- time.Time{}
	return p
}

// take waits for batches that make up one request.
func (p *Producer) take(ctx context.Context, dst []*batch.Batch) ([]*batch.Batch, error) {
	var last time.Time
	select {
	case last = <-p.pacer.turn:
	case <-ctx.Done():
		return dst, context.Cause(ctx)
	}
	defer func() { p.pacer.turn <- last }()
	limit := batch.Limit{Bytes: p.MaxBytes, Groups: p.groups}
	if !last.IsZero() {
		limit.After, limit.Enough = last.Add(p.pacer.pace), smallTake
	}
	dst, err := p.Batches.Take(ctx, dst, limit)
	if err != nil {
		return dst, err
	}
	size := 0
	for _, b := range dst {
		size += len(b.Group())
	}
	if last = time.Now(); size >= smallTake {
		last = time.Time{}
	}
	return dst, nil
}
