package producer

import (
	"fmt"
	"net/http"
)

// account counts one request that ended by itself.
func (d *delivery) account(l *load, body *Body, r Reply, err error, f Finding) {
	d.meter.count(f.Result)
	d.meter.durations.observe(r.Took)
	if f.Verdict == OK {
		d.meter.sentRaw.Add(l.raw())
		d.meter.sentCompressed.Add(int64(body.Len()))
		d.meter.lastAck.Store(d.Now().UnixNano())
		d.meter.down.Store(false)
		return
	}
	d.meter.fail(f, d.Now())
	d.repeat(r, err, f, l)
}

// repeat counts logs that may be stored although nobody said so. They are sent again.
func (d *delivery) repeat(r Reply, err error, f Finding, l *load) {
	cut := err != nil && r.Sent
	gateway := err == nil && f.RequestID == "" && (f.Status == http.StatusOK || f.Status >= 500)
	if cut || gateway {
		d.meter.repeats.Add(int64(l.logs()))
	}
}

// tell writes about the beginning, the course and the end of troubles, not about single requests.
func (d *delivery) tell(f Finding, s signal, tries int) {
	switch {
	case s == passed:
		d.bumpy.Over("requests are accepted again")
		d.held.Over("delivery goes on")
		d.meter.release()
	case s == refused:
		d.heldBy(f)
	case f.Verdict == Throttle, f.Verdict == Retry && tries > 1: // one failure in a while is normal life
		d.bumpy.Report("requests fail and are repeated: "+f.Cause, "code", f.ID, "verdict", f.Verdict.String(),
			"reason", reason(f), "request_id", f.RequestID, "attempt", tries)
	}
}

// heldBy says why delivery waits, and for whom.
func (d *delivery) heldBy(f Finding) {
	why := f.Cause
	if f.Whose != Nobody {
		why += "; to be mended by " + string(f.Whose)
	}
	if f.Denial.Account != "" {
		why += " (" + f.Denial.Account + ")"
	}
	if f.Fix != "" {
		why += ": " + f.Fix
	}
	d.meter.hold(why, d.Now())
	d.held.Report("delivery is held, the lines wait in their files: "+why, "code", f.ID, "verdict", f.Verdict.String(),
		"account", f.Denial.Account, "reason", reason(f), "request_id", f.RequestID)
}

// reason is the service's own words.
func reason(f Finding) string {
	if f.Status == 0 {
		return f.Message
	}
	return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message)
}
