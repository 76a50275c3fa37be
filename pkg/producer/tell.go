package producer

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"shipper/internal/quiet"
	"shipper/pkg/creds"
)

// account counts one request that ended by itself.
func (d *delivery) account(l *load, body *Body, r Reply, err error, f Finding) {
	d.meter.count(f.Result)
	d.meter.durations.observe(r.Took)
	if f.Verdict == OK {
		d.meter.sentRaw.Add(l.raw())
		d.meter.sentCompressed.Add(int64(body.Len()))
		if d.meter.lastAck.Swap(d.Now().UnixNano()) == 0 { // after a start or a reload somebody waits for this
			d.Log.Info("the first request is acknowledged: delivery works", "request_id", f.RequestID)
		}
		d.meter.downSince.Store(0)
		return
	}
	d.meter.fail(f, d.Now())
	d.repeat(r, err, f, l)
}

// repeat counts logs that may be stored although nobody said so. They are sent again.
func (d *delivery) repeat(r Reply, err error, f Finding, l *load) {
	cut := err != nil && r.Sent
	gateway := err == nil && f.RequestID == "" && (f.Status == http.StatusOK || f.Status >= 500)
	if l.seq == 0 && (cut || gateway) {
		d.meter.repeats.Add(int64(l.logs()))
	}
}

// tell writes about the beginning, the course and the end of troubles, not about single requests.
func (d *delivery) tell(f Finding, s signal, tries int, cred *creds.Credentials) {
	switch {
	case s == passed:
		d.bumpy.accepted(d.Now())
		d.held.Over("delivery goes on")
		d.meter.release()
	case s == refused:
		d.heldBy(f, cred)
	case f.Verdict == Throttle, f.Verdict == Retry && tries > 1: // one failure in a while is normal life
		d.bumpy.report(d.Now(), "requests fail and are repeated, the lines wait in their files: "+f.Cause, known("code", f.ID, "verdict", f.Verdict.String(),
			"reason", reason(f), "request_id", f.RequestID, "attempt", tries)...)
	}
}

// bumps speaks about failures that pass by themselves. Near a quota they alternate with successes for hours, which must not
// make two messages a second: it is over after a minute without a failure, or at once if nothing went through before.
type bumps struct {
	trouble *quiet.Trouble

	mu    sync.Mutex
	last  time.Time // failure
	mixed bool      // some requests went through since it began
}

// solid is how long nothing at all has to go through for the first success to be the end of it.
const solid = 10 * time.Second

func (b *bumps) report(now time.Time, msg string, args ...any) {
	b.mu.Lock()
	b.last = now
	b.mu.Unlock()
	b.trouble.Report(msg, args...)
}

func (b *bumps) accepted(now time.Time) {
	since := b.trouble.Since()
	if since.IsZero() {
		return
	}
	b.mu.Lock()
	over := !b.mixed && now.Sub(since) >= solid || now.Sub(b.last) >= quiet.Every
	b.mixed = !over
	b.mu.Unlock()
	if over {
		b.trouble.Over("requests are accepted again")
	}
}

// reason is the service's own words.
func reason(f Finding) string {
	if f.Status == 0 {
		return f.Message
	}
	return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message)
}

// known leaves out the attributes of a message that nothing is known for.
func known(args ...any) []any {
	out := args[:0]
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] != "" {
			out = append(out, args[i], args[i+1])
		}
	}
	return out
}
