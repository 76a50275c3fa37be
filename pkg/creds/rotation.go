package creds

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// rotation decides which of two credentials a caller gets: the current one, or a newer candidate that the service has not yet
// accepted. A candidate goes to one caller at a time, the prober; everybody else keeps the current one until the prober's
// request was accepted. Pure state, no I/O; readers take no lock.
type rotation struct {
	now   func() time.Time
	start time.Time

	view  atomic.Pointer[view]  // replaced as a whole under mu
	cause atomic.Pointer[error] // of the last failed renewal; nil when it worked

	mu         sync.Mutex    // guards writes of view and the fields below
	generation uint64        // last one given out
	changed    chan struct{} // closed and replaced when view.current is replaced
}

// view is what callers see. Only its atomics change after it was published.
type view struct {
	current   *Credentials // nil before the first
	candidate *Credentials // newer than current and not yet accepted; nil if there is none
	spoiled   bool         // the service has rejected current

	proven atomic.Bool   // the service has accepted current
	lent   *atomic.Int64 // when candidate was last handed out, ns after rotation.start; 0 = never. Stays with the candidate
}

// Margins. Each is the smaller of a fixed time and a fraction of the credential's life, so that tokens of a few seconds rotate
// by the same rules.
const (
	takeoverAt = 30 * time.Second // with less than this left the candidate is used by everybody; more than a request takes to arrive
	proberFor  = 20 * time.Second // a prober that has not reported by then has lost its request: another caller probes
	lastBit    = 3 * time.Second  // the end of a life that is not used: services tell their time in whole seconds, and a request takes a while
)

// takeover is the remaining life below which c gives way to a candidate.
func takeover(c *Credentials) time.Duration { return min(takeoverAt, c.life()/4) }

// lives reports whether a request that is signed now will still find c alive.
func lives(c *Credentials, now time.Time) bool { return c.Left(now) > min(lastBit, c.life()/10) }

func newRotation(now func() time.Time) *rotation {
	r := &rotation{now: now, start: now(), changed: make(chan struct{})}
	r.view.Store(&view{})
	return r
}

// take returns the credential for one request.
func (r *rotation) take() (*Credentials, error) {
	v, now := r.view.Load(), r.now()
	switch {
	case v.ends(now):
		v = r.promote(v)
	case lives(v.candidate, now) && v.lend(now.Sub(r.start), min(proberFor, v.candidate.life()/8)):
		return v.candidate, nil
	}
	return r.alive(v, now)
}

// usable returns the current credential without claiming a candidate: for those who only look.
func (r *rotation) usable() (*Credentials, error) { return r.alive(r.view.Load(), r.now()) }

// alive returns v's current while it lives.
func (r *rotation) alive(v *view, now time.Time) (*Credentials, error) {
	if lives(v.current, now) {
		return v.current, nil
	}
	cause := errors.New("none was obtained yet")
	if p := r.cause.Load(); p != nil {
		cause = *p
	}
	if v.current == nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, cause)
	}
	return nil, fmt.Errorf("%w: the last one ends at %s: %w", ErrNone, v.current.Expires.Format(time.RFC3339), cause)
}

// ends reports whether the candidate has to take over because current is about to end.
func (v *view) ends(now time.Time) bool {
	return v.candidate != nil && v.current.Left(now) < takeover(v.current) && v.candidate.Left(now) > v.current.Left(now)
}

// lend claims the candidate for the caller, if nobody has it. at is the time since rotation.start.
func (v *view) lend(at, lease time.Duration) bool {
	was := v.lent.Load()
	if was != 0 && int64(at)-was < int64(lease) {
		return false
	}
	return v.lent.CompareAndSwap(was, max(1, int64(at)))
}

// promote makes v's candidate the current one because current is about to end, and returns the view that holds now.
func (r *rotation) promote(v *view) *view {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.view.Load(); now != v {
		return now
	}
	r.replace(&view{current: v.candidate})
	return r.view.Load()
}

// tick does what take would do about time, for when nobody takes. It returns when it should be called again; zero = no need.
func (r *rotation) tick() time.Time {
	v, now := r.view.Load(), r.now()
	if v.ends(now) {
		v = r.promote(v)
	}
	left := v.current.Left(now)
	if v.candidate == nil || left == forever || left < takeover(v.current) {
		return time.Time{}
	}
	return now.Add(left - takeover(v.current) + time.Millisecond)
}

// replace publishes next. mu is held.
func (r *rotation) replace(next *view) {
	was := r.view.Swap(next)
	if was.current != next.current {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// offer takes in a new credential, gives it a generation, and returns it. It becomes the current one at once if there is
// nothing better to keep, a candidate otherwise.
func (r *rotation) offer(c *Credentials) *Credentials {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	r.cause.Store(nil)
	next := *c
	next.Generation = r.generation
	if next.born.IsZero() {
		next.begin(r.now(), time.Time{})
	}
	v := r.view.Load()
	if v.current == nil || v.spoiled || v.current.Left(r.now()) < takeover(v.current) {
		r.replace(&view{current: &next})
		return &next
	}
	keep := &view{current: v.current, candidate: &next, lent: new(atomic.Int64)}
	keep.proven.Store(v.proven.Load())
	r.replace(keep)
	return &next
}

// accept notes that the service took c. It reports whether that was news.
func (r *rotation) accept(c *Credentials) bool {
	v := r.view.Load()
	if c == nil || v.current == nil || c.Generation < v.current.Generation {
		return false
	}
	if c.Generation == v.current.Generation && !v.spoiled {
		return v.proven.CompareAndSwap(false, true)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v = r.view.Load()
	switch {
	case c.Generation == v.current.Generation: // rejected once, accepted now
		next := &view{current: v.current, candidate: v.candidate, lent: v.lent}
		next.proven.Store(true)
		r.replace(next)
	case c.Generation > v.current.Generation:
		next := &view{current: c, candidate: v.candidate, lent: v.lent}
		if next.candidate != nil && next.candidate.Generation <= c.Generation {
			next.candidate = nil
		}
		next.proven.Store(true)
		r.replace(next)
	default:
		return false
	}
	return true
}

// reject notes that the service refused c, and reports whether a newer credential is wanted because of it.
func (r *rotation) reject(c *Credentials) bool {
	v := r.view.Load()
	if c == nil || v.current == nil || c.Generation < v.current.Generation || (c.Generation == v.current.Generation && v.spoiled) {
		return false // an old one, or old news
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	v = r.view.Load()
	switch {
	case v.candidate != nil && c.Generation == v.candidate.Generation:
		next := &view{current: v.current}
		next.proven.Store(v.proven.Load())
		r.replace(next)
		return true
	case c.Generation == v.current.Generation && v.candidate != nil:
		r.replace(&view{current: v.candidate})
		return false // there is a newer one already
	case c.Generation == v.current.Generation && !v.spoiled:
		r.replace(&view{current: v.current, spoiled: true})
		return true
	}
	return false
}

// fail notes why there was no newer credential.
func (r *rotation) fail(err error) { r.cause.Store(&err) }

// newest returns the candidate or, without one, the current credential; nil before the first.
func (r *rotation) newest() *Credentials {
	v := r.view.Load()
	if v.candidate != nil {
		return v.candidate
	}
	return v.current
}

// after returns the current credential if it is newer than generation and lives, and a channel that is closed when there may be
// another.
func (r *rotation) after(generation uint64) (*Credentials, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.view.Load().current
	if c != nil && c.Generation > generation && lives(c, r.now()) {
		return c, nil
	}
	return nil, r.changed
}
