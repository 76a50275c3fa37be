package creds

import (
	"context"
	"log/slog"
	"time"
)

// basis keeps the base identity of a Provider: what the source gave last, and the last one that has worked. It is the inner of
// the two clocks of a chain: a base that has passed 60 % of its life is fetched anew before it is used. Guarded by the
// Provider's flight lock.
type basis struct {
	source Source
	now    func() time.Time
	log    *slog.Logger

	last   *Credentials // what the source gave last
	proven *Credentials // the last one that STS (or the service) accepted
	seen   string       // print of the source when last was fetched
	failed bool         // the last fetch failed; said once
}

// get returns the base to use now. If the source fails and an older one still lives, that one is returned.
func (b *basis) get(ctx context.Context) (*Credentials, error) {
	now := b.now()
	if c := b.last; c != nil && c.Left(now) != forever && !b.changed() && c.Left(now) > c.life()*2/5 {
		return c, nil
	}
	before := b.look() // before the fetch, so that a change during it is seen at the next look
	c, err := b.source.Fetch(ctx)
	if before == "" {
		before = b.look() // a chain knows what to look at only after it has found its winner
	}
	if before != "" {
		b.seen = before
	}
	if err != nil {
		if old := b.proven; old != nil && old.Left(now) > callTimeout && ctx.Err() == nil {
			if !b.failed {
				b.log.Warn("base credential cannot be read: the one in memory is used", "code", "SHP-A111", "err", err)
			}
			b.failed = true
			return old, nil
		}
		return nil, err
	}
	b.failed = false
	if b.last != nil && same(b.last, c) {
		return b.last, nil // keeps the beginning of its life
	}
	b.last = c
	return c, nil
}

// changed reports whether the files of the source hold something else than at the last get.
func (b *basis) changed() bool {
	now := b.look()
	return now != "" && now != b.seen
}

// look returns the print of the source; "" = cannot tell.
func (b *basis) look() string {
	if w, ok := b.source.(watched); ok {
		return w.print()
	}
	return ""
}

// forget makes the next get ask the source again.
func (b *basis) forget() { b.last = nil }

// accepted notes that c works.
func (b *basis) accepted(c *Credentials) {
	if b.proven != nil && !same(b.proven, c) {
		b.log.Info("base credential changed: the new one works", "code", "SHP-A111", "reason", c.String())
	}
	b.proven = c
}

// fallback returns the proven base if c is another one and the proven one still lives.
func (b *basis) fallback(c *Credentials) *Credentials {
	if b.proven == nil || same(b.proven, c) || b.proven.Left(b.now()) <= callTimeout {
		return nil
	}
	return b.proven
}
