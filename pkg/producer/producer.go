package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"shipper/internal/backoff"
	"shipper/internal/quiet"
	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
	"shipper/pkg/creds"
	"shipper/pkg/producer/deadletter"
)

// Creds hands out what requests are signed with. *creds.Provider is one.
type Creds interface {
	// Current is asked once for each request, without blocking. Every request reports back with one of the next two if the
	// service said anything about the credential.
	Current() (*creds.Credentials, error)
	Accepted(*creds.Credentials)
	// Rejected asks for a newer generation. It does not block.
	Rejected(*creds.Credentials, error)
	// Wait blocks until there is a generation newer than after.
	Wait(ctx context.Context, after uint64) (*creds.Credentials, error)
}

// Batches is the queue of sealed batches. *batch.Batcher is one.
type Batches interface {
	// Take waits for the first batch and appends to dst what else is there within limit; io.EOF says that no more will come.
	Take(ctx context.Context, dst []*batch.Batch, limit batch.Limit) ([]*batch.Batch, error)
	// Return puts back what was not sent.
	Return(...*batch.Batch)
	// Restore makes a batch again out of what a lane kept of it.
	Restore(state, group []byte, claim checkpoint.Claim) (*batch.Batch, error)
}

// DeadLetters keeps what the service refuses for ever. *deadletter.Store is one.
type DeadLetters interface {
	// Write returns nil when the letter is on the disk for good: only then are its lines settled.
	Write(deadletter.Letter) error
}

// Budget is the account of memory. *batch.Budget is one.
type Budget interface {
	Add(bytes int64)
	Sub(bytes int64)
	Memory
}

// Options are what a Producer needs. All but Lanes, HTTP, Log and Now are required.
type Options struct {
	Target      string // name of the target
	Config      Config
	InFlight    int           // most requests at once (batch.in_flight)
	MaxBytes    int64         // most raw bytes in one request (batch.max_bytes)
	MaxDelay    time.Duration // how long a line waits in its batch (batch.max_delay); small requests are spaced by a part of it
	Creds       Creds
	Batches     Batches
	Budget      Budget
	DeadLetters DeadLetters
	Lanes       Lanes            // required with Config.ExactlyOnce
	HTTP        *http.Client     // nil: one of its own, with NewTransport
	Log         *slog.Logger     // knows which target it is; nil discards
	Now         func() time.Time // wall clock; nil: time.Now
}

// Producer delivers the batches of one target.
type Producer struct {
	Options
	client  *Client
	gate    *gate
	limiter *rate.Limiter // nil: no rate limit
	limited chan struct{} // holds one while somebody waits for the limiter
	pacer   pacer
	groups  int // most of them in one request
	keys    keys
	meter   meter
	busy    busy
	offset  atomic.Int64 // the service's clock minus ours, nanoseconds
	streak  atomic.Int64 // groups dead-lettered since the service last took one

	held     *quiet.Trouble // somebody must change something
	bumpy    *bumps         // network, service or quota
	clocks   *quiet.Trouble // of this host and the service
	burials  *quiet.Trouble // dead letters
	mendings *quiet.Trouble // logs that were changed
	unkept   unkept
}

// grace is how long requests in flight may take to end after Run's context has.
const grace = 5 * time.Second

// New checks o and returns a Producer. It starts nothing.
func New(o Options) (*Producer, error) {
	switch {
	case o.Target == "" || o.Creds == nil || o.Batches == nil || o.Budget == nil || o.DeadLetters == nil:
		return nil, errors.New("producer: Target, Creds, Batches, Budget and DeadLetters are required")
	case o.InFlight < 1 || o.MaxBytes < 1:
		return nil, fmt.Errorf("producer %s: InFlight is %d and MaxBytes %d: both must be at least 1", o.Target, o.InFlight, o.MaxBytes)
	}
	if o.Config.ExactlyOnce && o.Lanes == nil {
		return nil, fmt.Errorf("producer %s: exactly_once needs Lanes", o.Target)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: NewTransport(o.InFlight)}
	}
	client, err := NewClient(o.Config, o.HTTP)
	if err != nil {
		return nil, fmt.Errorf("producer %s: %w", o.Target, err)
	}
	client.memory = o.Budget
	p := &Producer{Options: o, client: client, gate: newGate(o.InFlight, nil), pacer: newPacer(o.MaxDelay), groups: maxGroups, limited: make(chan struct{}, 1),
		held:     quiet.New(o.Log, slog.LevelError, o.Now),
		bumpy:    &bumps{trouble: quiet.New(o.Log, slog.LevelWarn, o.Now)},
		clocks:   quiet.New(o.Log, slog.LevelWarn, o.Now),
		burials:  quiet.New(o.Log, slog.LevelError, o.Now),
		mendings: quiet.New(o.Log, slog.LevelWarn, o.Now),
		unkept:   unkept{trouble: quiet.New(o.Log, slog.LevelError, o.Now)},
	}
	if o.Config.ExactlyOnce {
		// That the service stores several groups under one number wholly or not at all is written nowhere.
		p.groups, p.pacer.pace = 1, 0
	}
	if n := o.Config.Retry.RateLimit; n > 0 {
		p.limiter = rate.NewLimiter(rate.Limit(n), int(n)) // a burst of one second
	}
	return p, nil
}

// Client is what p sends with; check and replay use it too.
func (p *Producer) Client() *Client { return p.client }

// Run sends until the queue is closed and empty, or until ctx ends; it returns nil in both cases. When ctx ends it starts no
// new attempt, gives those in flight 5 s, and puts unsent batches back unsettled.
func (p *Producer) Run(ctx context.Context) error {
	// Attempts live a little longer than ctx.
	attempts, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	idle := make(chan struct{}) // closed when the senders are done

	var senders, others sync.WaitGroup
	others.Go(func() { p.watch(inner) })
	others.Go(func() {
		select {
		case <-inner.Done():
			backoff.Rest(attempts, grace, idle)
			cut()
		case <-idle:
		}
	})
	lanes := p.borrow()
	for i := range p.InFlight {
		senders.Go(func() {
			if err := p.send(inner, attempts, lanes[i]); err != nil {
				stop(err)
			}
		})
	}
	senders.Wait()
	err := context.Cause(inner) // of a sender that failed; nil if none did
	close(idle)
	stop(nil)
	others.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// send is one sender: it takes batches and sees each to its end.
func (p *Producer) send(ctx, attempts context.Context, lanes []*checkpoint.Lane) error {
	own := p.takeLane(ctx, attempts, lanes)
	var batches []*batch.Batch
	for {
		var err error
		clear(batches)
		batches, err = p.take(ctx, batches[:0])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil && len(batches) == 0:
			return nil
		case err != nil:
			return fmt.Errorf("take batches of target %s: %w", p.Target, err)
		}
		d := delivery{Producer: p, attempts: attempts, lane: own}
		if left := d.deliver(ctx, batches); len(left) > 0 {
			p.Batches.Return(left...)
			return nil // ctx has ended
		}
	}
}

// watch tells the gate about newer credentials.
func (p *Producer) watch(ctx context.Context) {
	var last uint64
	for ctx.Err() == nil {
		c, err := p.Creds.Wait(ctx, last)
		if err != nil {
			backoff.Rest(ctx, time.Second, nil)
			continue
		}
		last = max(last, c.Generation)
		p.gate.nudge(c.Generation)
	}
}
