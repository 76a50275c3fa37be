package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shipper/pkg/creds"
)

// readOnce reads what is there and waits until it is accepted. Where a daemon would wait for ever, it gives up: when the
// cloud says no, and when nothing has been accepted for drain_limit.
func (d *Daemon) readOnce(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var watch sync.WaitGroup
	watch.Go(func() { stop(d.giveUp(ctx)) })
	matched, err := d.tailer.Once(ctx)
	if err == nil && matched > 0 {
		err = d.settled(ctx)
	}
	cause := context.Cause(ctx)
	stop(nil)
	watch.Wait()
	switch {
	case gaveUp(cause):
		return cause
	case cause != nil:
		return nil // told to stop; the drain says what is left
	case err != nil:
		return err
	case matched == 0:
		return ErrNoInput
	}
	return nil
}

// settled waits until nothing is on its way any more.
func (d *Daemon) settled(ctx context.Context) error {
	for _, t := range d.now().targets {
		t.batches.Seal()
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for d.pending() > 0 || d.unanswered() > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
	return nil
}

// gaveUp reports whether err is one of giveUp's.
func gaveUp(err error) bool {
	return errors.Is(err, ErrDenied) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrIdentity)
}

// identityTries is how often a base credential that this host should have is looked for: a key file may be about to be
// written.
const identityTries = 3

// giveUp returns why going on makes no sense, or nil when ctx ended first.
func (d *Daemon) giveUp(ctx context.Context) error {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	progress := map[string]time.Time{}
	acked := map[string]uint64{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		for name, t := range d.now().targets {
			s := t.producer.Stats()
			if n := uint64(s.AckedLogs); progress[name].IsZero() || n != acked[name] {
				progress[name], acked[name] = time.Now(), n
			}
			late := time.Since(progress[name]) > d.now().cfg.Agent.DrainLimit.D() && (d.pending() > 0 || d.unanswered() > 0)
			if err := t.trouble(late); err != nil {
				return fmt.Errorf("target %s: %w", name, err)
			}
		}
	}
}

// trouble returns what keeps a target from taking lines. Patience is over at once for a denial, and when late for the rest.
func (t *target) trouble(late bool) error {
	if s := t.producer.Stats(); s.Held {
		return fmt.Errorf("%w: %s", ErrDenied, s.HeldReason)
	}
	if s := t.identity.Status(); s.Generation == 0 && s.LastError != nil {
		switch e, ok := errors.AsType[*creds.Error](s.LastError); {
		case ok && e.Class >= creds.Stale: // stale, denied, permanent: somebody has to change something
			return fmt.Errorf("%w: %w", ErrDenied, s.LastError)
		case ok && s.STSCalls == 0 && e.HTTPStatus == 0 && s.Failures >= identityTries:
			return fmt.Errorf("%w: %w", ErrIdentity, s.LastError)
		case late:
			return fmt.Errorf("%w: %w", ErrUnreachable, s.LastError)
		}
	}
	if s := t.producer.Stats(); late && s.LastError != nil {
		return fmt.Errorf("%w: %s: %s", ErrUnreachable, s.LastError.Cause, s.LastError.Message)
	}
	return nil
}
