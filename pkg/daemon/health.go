package daemon

import "time"

// callLimit is how long getting a credential may take in all, source and STS together, before it is called hanging.
const callLimit = time.Minute

// hanging names the parts that have been at the same thing for longer than limit. They are asked, because most of the time they
// have nothing to do and so cannot beat. Waiting for the service is no hanging: every request has a time limit.
func (d *Daemon) hanging(limit time.Duration) (names []string) {
	if d.tailer.Turning() > limit {
		names = append(names, "readers")
	}
	gen := d.now()
	for _, name := range sortedKeys(gen.targets) {
		t := gen.targets[name]
		if t.batches.Overdue() > limit {
			names = append(names, "batches of "+name)
		}
		if t.producer.Busy() > limit {
			names = append(names, "senders of "+name)
		}
		if next := t.identity.Status().Next; !next.IsZero() && time.Since(next) > limit+callLimit {
			names = append(names, "credentials of "+name)
		}
	}
	return names
}
