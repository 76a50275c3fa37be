// Package backoff spaces repeated attempts: exponential growth with full jitter, so that many senders that failed
// together do not come back together.
//
// A *B only computes delays: it has no timer and no goroutine, and is not safe for concurrent use. Rest waits for one, and can be
// told to stop.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// B yields the delays of one series of attempts.
type B struct {
	min, max time.Duration
	ceil     time.Duration // upper end of the next delay
	random   func(n int64) int64
}

// New returns a series between min and max: the n-th delay is drawn evenly from [min, min·2ⁿ], never above max.
// src is the source of chance, nil for the process's own.
func New(min, max time.Duration, src rand.Source) *B {
	b := &B{min: min, max: max, random: rand.Int64N}
	if src != nil {
		b.random = rand.New(src).Int64N
	}
	b.Reset()
	return b
}

// Next is how long to wait before the next attempt.
func (b *B) Next() time.Duration {
	d := b.min
	if b.ceil > b.min {
		d += time.Duration(b.random(int64(b.ceil-b.min) + 1))
	}
	b.ceil = double(b.ceil, b.max)
	return d
}

// Reset starts the series anew, after a success.
func (b *B) Reset() { b.ceil = double(b.min, b.max) }

// double is 2d, at most limit and without overflow.
func double(d, limit time.Duration) time.Duration {
	if d > limit/2 {
		return max(limit, 0)
	}
	return 2 * d
}

// Rest waits for d (0 = no end), for something from news (nil: there is none), or for the end of ctx, whichever comes first.
func Rest(ctx context.Context, d time.Duration, news <-chan struct{}) {
	var ring <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		ring = t.C
	}
	select {
	case <-ctx.Done():
	case <-news:
	case <-ring:
	}
}
