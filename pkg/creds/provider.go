package creds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// ProviderOptions describe one Provider. Source is required; the rest has defaults.
type ProviderOptions struct {
	Source        Source           // base identity
	Role          RoleConfig       // role to assume; without role_arn the base credential is used itself
	SessionPolicy string           // policy of the session, JSON; "" = none
	Host          string           // {host} in the session name; "" = os.Hostname
	STSEndpoint   string           // overrides Role.AssumeRole.STSEndpoint; "" = that, or from Region and Network
	Region        string           // of the target, for the default endpoint
	Network       string           // of the target: "public", "intranet", "accelerate"
	Spread        time.Duration    // the first call waits a random part of this, so that a fleet does not start at once; default 0
	HTTP          *http.Client     // its Transport is used; nil = one of our own that honours HTTPS_PROXY
	Log           *slog.Logger     // nil = silent
	Now           func() time.Time // nil = time.Now; must carry a monotonic reading
	Jitter        func() float64   // in [0,1); nil = random
}

// Provider keeps one target's credential: it fetches it, renews it in the background, and hands it out. All methods may be
// called by any goroutine.
type Provider struct {
	spread   time.Duration
	log      *slog.Logger
	now      func() time.Time
	jitter   func() float64
	sts      *service
	rotation *rotation
	poke     chan struct{} // one place: the loop has something new to look at

	flight     sync.Mutex // held while the source or STS is asked: single flight. Guards basis, assume and identity
	basis      basis
	assume     assumption
	identity   *Identity // of the base in identified, when it had to be asked
	identified *Credentials

	mu         sync.Mutex // guards the fields below; never held over I/O
	next       time.Time  // when the next renewal is due; zero = none planned
	lastForced time.Time  // when a rejection last caused a renewal
	rejections int        // rejected generations since the last accepted one
	attempts   int        // failed renewals in a row
	refreshes  uint64
	failures   uint64
	lastError  error
	took       time.Duration // of the last renewal that worked
}

// NewProvider returns a Provider that has asked for nothing yet: Run does.
func NewProvider(o ProviderOptions) (*Provider, error) {
	if o.Source == nil {
		return nil, errors.New("credentials: a provider needs a source")
	}
	role := o.Role
	if role.AssumeRole.Duration == 0 {
		role.AssumeRole.Duration = DefaultRole().AssumeRole.Duration
	}
	if role.AssumeRole.SessionPolicy == "" {
		role.AssumeRole.SessionPolicy = "off"
	}
	if role.AssumeRole.SessionName == "" {
		role.AssumeRole.SessionName = DefaultRole().AssumeRole.SessionName
	}
	if err := role.Validate(); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	s := Options{Log: o.Log, HTTP: o.HTTP, Now: o.Now}.filled()
	endpoint := firstOf(o.STSEndpoint, role.AssumeRole.STSEndpoint)
	if endpoint == "" {
		endpoint = STSEndpoint(o.Region, o.Network)
	}
	sts, err := newService(endpoint, o.Region, s.HTTP.Transport, s.Log, s.Now)
	if err != nil {
		return nil, fmt.Errorf("credentials: sts endpoint %q: %w", endpoint, err)
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return &Provider{
		spread: o.Spread, log: s.Log, now: s.Now, jitter: o.Jitter, sts: sts,
		rotation: newRotation(s.Now),
		poke:     make(chan struct{}, 1),
		basis:    basis{source: o.Source, now: s.Now, log: s.Log},
		assume: assumption{
			role: role.RoleARN, session: SessionName(role.AssumeRole.SessionName, o.Host),
			external: role.AssumeRole.ExternalID, policy: o.SessionPolicy, duration: role.AssumeRole.Duration.D(), expect: role.Expected(),
		},
	}, nil
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// Current returns the credential for one request that is signed now. It never blocks and never calls out. While a new
// generation waits to be proven, one caller gets it and all others the old one; so every caller reports what the service
// thought of it with Accepted or Rejected. The error wraps ErrNone and the last failure.
func (p *Provider) Current() (*Credentials, error) { return p.rotation.take() }

// Accepted tells that the service took a request with c, even if it then refused it for another reason. Cheap when it is no news.
func (p *Provider) Accepted(c *Credentials) {
	if !p.rotation.accept(c) {
		return
	}
	p.mu.Lock()
	p.rejections = 0
	p.mu.Unlock()
}

// Rejected tells that the service refused c itself (expired, unknown key, bad signature), with its error. The first report of a
// generation asks for a renewal; further ones are free. It never blocks. A missing permission is no reason to call it.
func (p *Provider) Rejected(c *Credentials, err error) {
	if !p.rotation.reject(c) {
		return
	}
	p.mu.Lock()
	p.rejections++
	at := p.now()
	if earliest := p.lastForced.Add(p.gap(c.life())); !p.lastForced.IsZero() && earliest.After(at) {
		at = earliest
	}
	p.lastForced = at
	if p.next.IsZero() || at.Before(p.next) {
		p.next = at
	}
	p.mu.Unlock()
	p.log.Warn("credential was rejected by the service: renewing it", "code", "SHP-A113", "account", c.Account, "role", p.assume.role, "err", err)
	p.wake()
}

// Wait returns the current credential as soon as its generation is newer than after; 0 waits for the first.
func (p *Provider) Wait(ctx context.Context, after uint64) (*Credentials, error) {
	for {
		c, changed := p.rotation.after(after)
		if c != nil {
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if _, err := p.rotation.usable(); err != nil {
				return nil, fmt.Errorf("%w (%w)", err, context.Cause(ctx))
			}
			return nil, fmt.Errorf("wait for a credential newer than generation %d: %w", after, context.Cause(ctx))
		}
	}
}

// wake makes the loop look again.
func (p *Provider) wake() {
	select {
	case p.poke <- struct{}{}:
	default:
	}
}

// Format implements fmt.Formatter: what it holds is not for printing.
func (p *Provider) Format(f fmt.State, verb rune) {
	text := "credential provider for " + firstOf(p.assume.role, "the base credential")
	format(f, verb, text, text)
}

// Status is what status, metrics and top show.
type Status struct {
	Expires    time.Time     // end of the current credential in the service's words; zero = never, or none
	Life       time.Duration // of the current credential, from its beginning to Expires; 0 = it never ends, or there is none
	Next       time.Time     // when the next renewal is planned; zero = none
	Refreshes  uint64        // credentials obtained, the first included
	Failures   uint64        // failed attempts to obtain one
	STSCalls   uint64        // requests sent to STS
	LastError  error         // of the last attempt; nil when it worked
	Account    string        // account of the session; "" = not known
	RoleARN    string        // "" = the base credential is used itself
	Source     string        // where the base credential came from
	Generation uint64        // of the current credential; 0 = none
	Candidate  uint64        // generation that waits to be proven; 0 = none
	Took       time.Duration // of the last renewal that worked; 0 before the first
	Skew       time.Duration // STS clock minus host clock; 0 = not known
}

// Status returns a snapshot.
func (p *Provider) Status() Status {
	v := p.rotation.view.Load()
	s := Status{RoleARN: p.assume.role, Account: AccountOf(p.assume.role), STSCalls: p.sts.calls.Load()}
	s.Skew, _ = p.sts.skew.get()
	if v.current != nil {
		s.Expires, s.Generation = v.current.Expires, v.current.Generation
		s.Account = firstOf(v.current.Account, s.Account)
		s.Source = v.current.Base()
		if life := v.current.life(); life != forever {
			s.Life = life
		}
	}
	if v.candidate != nil {
		s.Candidate = v.candidate.Generation
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.Next, s.Refreshes, s.Failures, s.LastError, s.Took = p.next, p.refreshes, p.failures, p.lastError, p.took
	return s
}
