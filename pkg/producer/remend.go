package producer

import "time"

// Mend returns group with every log repaired that f complains about, by the service's clock now. ok is false when f is no
// complaint of that kind or nothing could be repaired. The dlq command uses it: a letter that waited for a week has times that
// the service takes no more.
func Mend(group []byte, f Finding, now time.Time) (mended []byte, ok bool) {
	if f.Verdict != Sanitise {
		return group, false
	}
	m := mender{what: f.mend, now: now}
	out := m.group(group)
	return out, m.logs > 0 || m.other
}
