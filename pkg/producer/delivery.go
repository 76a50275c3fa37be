package producer

import (
	"context"
	"runtime/pprof"
	"time"

	"shipper/internal/backoff"
	"shipper/pkg/batch"
	"shipper/pkg/creds"
)

// rejectTries is how often a request is sent that the service calls wrong, before it is believed.
const rejectTries = 3

// delivery sees the batches that one sender took to their end.
type delivery struct {
	*Producer
	attempts context.Context // of single requests; ends a grace after the context of deliver
	lane     *lane           // nil: requests have no numbers
}

// deliver sends batches until every log of them is acknowledged or dead. It returns those that are not settled because ctx
// has ended; what was acknowledged of them is sent again after a restart.
func (d *delivery) deliver(ctx context.Context, batches []*batch.Batch) (left []*batch.Batch) {
	first := load{pieces: make([]piece, len(batches))}
	slips := make([]slip, len(batches))
	for i, b := range batches {
		slips[i] = slip{batch: b, open: b.Logs}
		first.pieces[i] = piece{slip: &slips[i], to: b.Logs}
	}
	d.work(ctx, []load{first})
	for i := range slips {
		if s := &slips[i]; s.open > 0 && !d.lane.keeps(s.batch) {
			left = append(left, s.batch)
			d.meter.repeats.Add(int64(s.batch.Logs - s.open))
		}
	}
	return left
}

// work sends the loads of queue, and what becomes of them, until none is left or ctx ends.
func (d *delivery) work(ctx context.Context, queue []load) {
	for len(queue) > 0 {
		l := queue[0]
		d.lane.plan(queue)
		next, ok := d.carry(ctx, &l)
		if !ok {
			return
		}
		if len(next) > 1 {
			d.doubt(&l)
		}
		queue = append(next, queue[1:]...)
	}
	d.lane.done()
}

// carry sends one load until that is over: it was stored or buried, or it has to be taken apart into other loads. ok is false
// if ctx ended before.
func (d *delivery) carry(ctx context.Context, l *load) (next []load, ok bool) {
	end := d.busy.begin()
	groups := l.open(d.serverNow(), d.Budget)
	defer l.close(d.Budget)
	var body *Body
	var err error
	pprof.Do(ctx, pprof.Labels("stage", "compress"), func(context.Context) { body, err = d.client.Encode(groups...) })
	end()
	if err != nil {
		return nil, d.bury(ctx, l, Finding{Verdict: Reject, ID: "SHP-P901", Code: "Encode", Message: err.Error(), Whose: Shipper})
	}
	defer body.Free()
	d.enumerate(l, body)
	wait := backoff.New(d.Config.Retry.Min.D(), d.Config.Retry.Max.D(), nil)
	for tries := 1; ; tries++ {
		a, ok := d.attempt(ctx, l, body, tries)
		if !ok {
			return nil, false
		}
		f := a.finding
		switch f.Verdict {
		case OK:
			d.settle(l, true)
			return nil, true
		case Split:
			if !l.single() {
				return l.halve(), true
			}
		case Sanitise:
			if next := d.sanitise(l, f); next != nil {
				return next, true
			}
		case Reject:
			// Nobody says that one log is at fault, but it may be. When log after log is refused it is not.
			switch hopeless := d.streak.Load() >= maxStreak; {
			case !l.single() && !hopeless:
				return l.halve(), true
			case len(l.pieces) > 1:
				return l.apart(), true
			}
			l.rejects++
		}
		// That a single log is too large is believed of the service, not of a proxy.
		if f.Verdict == Split && f.RequestID != "" || f.Verdict == Sanitise || f.Verdict == Reject && l.rejects >= rejectTries {
			d.doubt(l)
			return nil, d.bury(ctx, l, f)
		}
		if a.taken {
			d.renumber(l, body)
		}
		if a.again {
			continue
		}
		backoff.Rest(ctx, wait.Next(), nil)
	}
}

// outcome is what one attempt led to.
type outcome struct {
	finding Finding
	again   bool // the gate, not a backoff, decides when the next attempt is made
	taken   bool // the number was used up by somebody else
}

// attempt makes one request as soon as rate limit, gate and credentials allow. ok is false if ctx ended before.
func (d *delivery) attempt(ctx context.Context, l *load, body *Body, tries int) (o outcome, ok bool) {
	if d.throttle(ctx, l.raw()) != nil {
		return o, false
	}
	for {
		p, err := d.gate.enter(ctx)
		if err != nil {
			return o, false
		}
		known := d.gate.newest()
		cred, err := d.Creds.Current()
		if err == nil && (p.probe || !d.keys.refused(cred.Generation)) {
			return d.try(l, body, p, cred, tries), true
		}
		switch {
		case err == nil:
			d.gate.stale(p, max(known, cred.Generation))
		case p.probe: // waiting for them has not helped
			d.heldBy(Finding{Verdict: Hold, ID: "SHP-P413", Code: "NoCredentials", Message: err.Error(), Whose: Caller,
				Cause: "there are no credentials to sign with", Fix: "see the messages about the credentials"}, nil)
			d.gate.leave(p, refused)
		default:
			d.gate.stale(p, known)
		}
	}
}

// try makes the request, judges the answer and tells everybody concerned.
func (d *delivery) try(l *load, body *Body, p pass, cred *creds.Credentials, tries int) outcome {
	var reply Reply
	var err error
	pprof.Do(d.attempts, pprof.Labels("stage", "post"), func(ctx context.Context) {
		if l.seq > 0 {
			if l.unsure {
				d.meter.resent.Add(1)
			}
			reply, err = d.client.PostNumbered(ctx, cred, body, d.serverNow(), l.key, l.seq)
		} else {
			reply, err = d.client.Post(ctx, cred, body, d.serverNow())
		}
	})
	f, taken := d.judge(l, reply, err)
	if err != nil && d.attempts.Err() != nil {
		d.repeat(reply, err, f, l)
		d.gate.leave(p, cancelled)
		return outcome{finding: f, again: true} // enter will find that ctx has ended
	}
	d.account(l, body, reply, err, f)
	o := outcome{finding: f, taken: taken}
	var s signal
	switch f.Verdict {
	case OK:
		s = passed
		d.accepted(cred)
	case Throttle:
		s, o.again = slowDown, true
		if f.slow {
			s = slowProject
		}
		d.Creds.Accepted(cred)
	case Renew:
		s, o.again = d.renew(cred, f, p), true
	case Hold:
		s, o.again = refused, true
		if f.Denial.Resource != "" { // who is denied is known: the credential itself is good
			d.Creds.Accepted(cred)
			d.keys.accept()
		}
	case Clock:
		// Servers whose clocks differ among themselves could teach without end.
		s, o.again = unclear, d.learn(reply) && l.clocks == 0
		l.clocks++
	case Reject:
		s = answered
		if d.streak.Load() >= maxStreak {
			s, o.again = refused, true
		}
	case Split, Sanitise:
		s = answered
	default:
		if s = unclear; f.timeout {
			s = timedOut
		}
	}
	if taken {
		s = answered
	}
	d.tell(f, s, tries, cred)
	d.gate.leave(p, s)
	return o
}

// accepted notes that everything works.
func (d *delivery) accepted(cred *creds.Credentials) {
	d.Creds.Accepted(cred)
	d.keys.accept()
	d.streak.Store(0)
}

// renew reports a refused credential, once a generation. The next attempt asks for another one; when a second generation is
// refused too, or the same one again after a wait, somebody has to look.
func (d *delivery) renew(cred *creds.Credentials, f Finding, p pass) signal {
	d.meter.noGoodKeys.Add(1)
	n, news := d.keys.refuse(cred.Generation)
	if news {
		d.Creds.Rejected(cred, refusal{f})
	}
	if n > 1 || p.probe && !news {
		return refused
	}
	return unclear
}

// refusal is a Finding as an error.
type refusal struct{ Finding }

func (r refusal) Error() string { return r.Finding.String() }

// clockStep is a difference that is worth learning: Date counts in seconds, and an answer may have been on its way for some.
const clockStep = 5 * time.Second

// learn takes over the service's clock for signing, and reports whether that changes anything.
func (d *delivery) learn(r Reply) bool {
	if r.Time.IsZero() {
		return false
	}
	was := time.Duration(d.offset.Load())
	if step := r.Offset - was; step.Abs() < clockStep {
		return false
	}
	d.offset.Store(int64(r.Offset))
	what := "this host's clock is wrong: requests are signed with the service's time, log times are left alone; run an NTP client"
	if r.Offset.Abs() < clockStep {
		what = "this host's clock agrees with the service's again"
	}
	d.clocks.Report(what, "code", "SHP-P303", "offset", r.Offset.Round(time.Second).String(), "request_id", r.RequestID)
	return true
}

// serverNow is the time by the service's clock, as far as it is known.
func (p *Producer) serverNow() time.Time { return p.Now().Add(time.Duration(p.offset.Load())) }

// throttle waits until n more raw bytes may be sent.
func (p *Producer) throttle(ctx context.Context, n int64) error {
	if p.limiter == nil {
		return ctx.Err()
	}
	// One at a time: senders that took turns would all have to wait until nearly everything of all of them may go.
	select {
	case p.limited <- struct{}{}:
		defer func() { <-p.limited }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for burst := int64(p.limiter.Burst()); n > 0; n -= burst {
		if err := p.limiter.WaitN(ctx, int(min(n, burst))); err != nil {
			return err
		}
	}
	return nil
}
