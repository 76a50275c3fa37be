package creds

import (
	"context"
	"errors"
	"time"
)

// hour is what every role allows.
const hour = time.Hour

// Fetch makes one attempt to obtain a credential, without the loop's waits, and does not store it. It makes a Provider a
// Source; check uses it for its step "assume role".
func (p *Provider) Fetch(ctx context.Context) (*Credentials, error) {
	p.flight.Lock()
	defer p.flight.Unlock()
	base, err := p.basis.get(ctx)
	if err != nil {
		return nil, err
	}
	c, err := p.use(ctx, base)
	if classOf(err) == Stale { // it may have been replaced meanwhile
		p.basis.forget()
		if again, e := p.basis.get(ctx); e == nil && !same(again, base) {
			base = again
			c, err = p.use(ctx, base)
		}
	}
	if err == nil {
		p.basis.accepted(base)
		return c, nil
	}
	return p.retreat(ctx, base, err)
}

// retreat tries the base that has worked before, if a new one does not: keys are often replaced file by file, and a new key may
// lack a permission. err is what the new one met.
func (p *Provider) retreat(ctx context.Context, base *Credentials, err error) (*Credentials, error) {
	old := p.basis.fallback(base)
	if c := classOf(err); old == nil || c == Transient || c == Throttle || c == Clock {
		return nil, err
	}
	c, e := p.use(ctx, old)
	if e != nil {
		return nil, err
	}
	p.log.Warn("the new base credential does not work: the old one is used on", "code", "SHP-A111", "role", p.assume.role, "err", err)
	return c, nil
}

// use turns a base credential into the one that requests are signed with.
func (p *Provider) use(ctx context.Context, base *Credentials) (*Credentials, error) {
	if p.assume.role == "" {
		return p.direct(ctx, base)
	}
	c, err := p.sts.assumeRole(ctx, base, p.assume)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "InvalidParameter.DurationSeconds" && p.assume.duration != hour {
		p.log.Warn("the role does not allow sessions of this length: 1h is used", "code", "SHP-A112", "role", p.assume.role,
			"reason", p.assume.duration.String(), "err", err)
		p.assume.duration = hour
		c, err = p.sts.assumeRole(ctx, base, p.assume)
	}
	if err != nil {
		return nil, err
	}
	c.base = base.Source
	return c, nil
}

// direct uses base itself. STS is asked whose key it is when an account is expected, and for proof when it replaces one that
// works; a host without a way to STS goes on without the proof, because the prober proves it once more.
func (p *Provider) direct(ctx context.Context, base *Credentials) (*Credentials, error) {
	replaces := p.basis.proven != nil && !same(p.basis.proven, base)
	if p.assume.expect == "" && !replaces {
		return base, nil
	}
	if !same(p.identified, base) {
		id, err := p.sts.callerIdentity(ctx, base)
		switch c := classOf(err); {
		case err == nil:
			p.identity, p.identified = id, base
		case p.assume.expect != "" || (c != Transient && c != Throttle):
			return nil, err
		default:
			return base, nil
		}
	}
	if p.assume.expect != "" && p.identity.Account != p.assume.expect {
		return nil, &WrongAccountError{Want: p.assume.expect, Got: p.identity.Account, RequestID: p.identity.RequestID}
	}
	c := *base
	c.Account = p.identity.Account
	return &c, nil
}

// Base fetches the base credential once: check's step "credential".
func (p *Provider) Base(ctx context.Context) (*Credentials, error) {
	p.flight.Lock()
	defer p.flight.Unlock()
	return p.basis.get(ctx)
}

// Identity asks STS whose key c is.
func (p *Provider) Identity(ctx context.Context, c *Credentials) (*Identity, error) {
	return p.sts.callerIdentity(ctx, c)
}
