package producer

import (
	"context"
	"errors"
	"io"

	"shipper/pkg/batch"
)

// Rehearsed is a request that would have been made.
type Rehearsed struct {
	Groups     int
	Logs       int
	Raw        int64 // bytes of the groups
	Compressed int64 // bytes on the wire, without headers
}

// Rehearse takes what is in the queue as a sender would, makes the requests and counts them instead of sending them. The batches
// are acknowledged: their owner must not keep the positions. It returns nil when the queue is closed and empty, or when ctx ends.
func (p *Producer) Rehearse(ctx context.Context, seen func(Rehearsed)) error {
	var batches []*batch.Batch
	for {
		var err error
		clear(batches)
		batches, err = p.Batches.Take(ctx, batches[:0], batch.Limit{Bytes: p.MaxBytes, Groups: p.groups})
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		r := Rehearsed{Groups: len(batches)}
		groups := make([][]byte, 0, len(batches))
		for _, b := range batches {
			groups = append(groups, b.Group())
			r.Logs += b.Logs
			r.Raw += int64(len(b.Group()))
		}
		body, err := p.client.Encode(groups...)
		if err == nil {
			r.Compressed = int64(body.Len())
			body.Free()
			seen(r)
		}
		for _, b := range batches {
			b.Ack()
			b.Free()
		}
		if err != nil {
			return err
		}
	}
}
