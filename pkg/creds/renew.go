package creds

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	renewAt    = 0.6              // part of a credential's life after which it is renewed; ± 10 % of that
	watchEvery = time.Minute      // how often the files of a source are looked at
	forcedGap  = 5 * time.Second  // least time between renewals that rejections cause; doubles while nothing is accepted
	retryMin   = time.Second      // waits between failed renewals
	retryMax   = 60 * time.Second //
	throttled  = 10 * time.Second // least wait after Throttling
	refused    = 5 * time.Second  // least wait after a refusal: somebody has to change something first
)

// Run fetches the first credential and renews it until ctx ends; then it returns nil. The first call goes out at once (after
// Options.Spread), so that a short run does not wait.
func (p *Provider) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(float64(p.spread) * p.jitter()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-timer.C:
	}
	for ctx.Err() == nil {
		watch := p.now().Add(watchEvery)
		if p.due() || p.fresh() {
			p.renew(ctx)
		}
		timer.Reset(p.pause(watch))
		select {
		case <-ctx.Done():
		case <-p.poke:
		case <-timer.C:
		}
	}
	return nil
}

// due reports whether a renewal is planned for now or never was.
func (p *Provider) due() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.IsZero() {
		return p.rotation.newest() == nil
	}
	return !p.next.After(p.now())
}

// fresh reports whether the source's files have changed.
func (p *Provider) fresh() bool {
	p.flight.Lock()
	defer p.flight.Unlock()
	return p.basis.changed()
}

// pause is how long the loop may sleep: until the next renewal, the next look at the files, or the moment when a candidate has
// to take over.
func (p *Provider) pause(watch time.Time) time.Duration {
	now, until := p.now(), watch
	if t := p.rotation.tick(); !t.IsZero() && t.Before(until) {
		until = t
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.next.IsZero() && p.next.Before(until) {
		until = p.next
	}
	return max(0, until.Sub(now))
}

// renew makes one attempt and plans the next.
func (p *Provider) renew(ctx context.Context) {
	began := p.now()
	c, err := p.Fetch(ctx)
	switch {
	case err == nil:
		p.mu.Lock()
		p.took = p.now().Sub(began)
		p.mu.Unlock()
		p.renewed(c)
	case ctx.Err() == nil:
		p.missed(err)
	}
}

// renewed hands c to the callers. A base credential that is still the same one is no news. Who has it asks for the status in vain
// until that tells of c too.
func (p *Provider) renewed(c *Credentials) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.rotation.newest(); !same(old, c) {
		c = p.rotation.offer(c)
	}
	switch {
	case p.refreshes == 0:
		p.log.Info("credential ready", "account", c.Account, "role", p.assume.role, "reason", c.String())
	case p.attempts > 0:
		p.log.Info("credential renewed again", "account", c.Account, "role", p.assume.role, "attempt", p.attempts+1)
	default:
		p.log.Debug("credential renewed", "account", c.Account, "role", p.assume.role)
	}
	p.refreshes++
	p.attempts, p.lastError = 0, nil
	p.next = p.plan(c)
}

// plan returns when c should be renewed: at 60 % of what is left of it, ± 10 %; zero = never. The floor keeps a source that
// gives the same ending credential again and again (instance metadata near a rotation) from being asked in a loop.
func (p *Provider) plan(c *Credentials) time.Time {
	now := p.now()
	left := c.Left(now)
	if left == forever {
		return time.Time{}
	}
	wait := time.Duration(float64(left) * renewAt * (0.9 + 0.2*p.jitter()))
	return now.Add(max(wait, min(30*time.Second, c.life()/20), time.Millisecond))
}

// missed keeps what there is and plans a retry. Outages are told once, then at every doubling.
func (p *Provider) missed(err error) {
	p.rotation.fail(err)
	life := p.rotation.newest().life()
	old, none := p.rotation.usable()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	p.attempts++
	p.lastError = err
	wait := p.backoff(classOf(err), life)
	p.next = p.now().Add(wait)
	if p.attempts&(p.attempts-1) != 0 {
		return
	}
	args := []any{"code", codeOf(err), "role", p.assume.role, "attempt", p.attempts, "err", err}
	if none != nil {
		p.log.Error("no credential: data waits in the files", args...)
	} else {
		what := "credential could not be renewed: the old one is used on"
		if !old.Expires.IsZero() {
			what += fmt.Sprintf(" until %s, for %s more", old.Expires.UTC().Format(time.RFC3339), old.Left(p.now()).Round(time.Second))
		}
		if p.rejections > 0 {
			what = "credential could not be renewed, and the service refuses the old one: data waits in the files"
		}
		p.log.Warn(what, args...)
	}
}

// backoff is the wait after a failed attempt: full jitter between the class's least wait and a ceiling that doubles up to 60 s.
// All of it shrinks for tokens of a few seconds. mu is held.
func (p *Provider) backoff(class Class, life time.Duration) time.Duration {
	low, high := min(retryMin, life/40), min(retryMax, life/5)
	switch class {
	case Throttle:
		low = min(throttled, life/10)
	case Denied, Permanent:
		low = min(refused, life/20)
	}
	ceiling := max(low, min(high, low<<min(p.attempts, 10)))
	return low + time.Duration(p.jitter()*float64(ceiling-low))
}

// gap is the least time between two forced renewals. mu is held.
func (p *Provider) gap(life time.Duration) time.Duration {
	return min(min(forcedGap, life/10)<<min(p.rejections-1, 10), min(retryMax, life/2))
}

// classOf returns the class of any error of this package.
func classOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	if _, ok := errors.AsType[*WrongAccountError](err); ok {
		return Permanent
	}
	return Transient
}

// codeOf returns the stable code of any error of this package.
func codeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.ID
	}
	if _, ok := errors.AsType[*WrongAccountError](err); ok {
		return "SHP-A105"
	}
	return "SHP-A101"
}
