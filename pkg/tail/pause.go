package tail

import "time"

// pause measures the time in which at least one stream of an input waits because its target takes nothing.
type pause struct {
	streams int
	since   time.Time
	total   time.Duration
}

func (p *pause) begin() {
	if p.streams++; p.streams == 1 {
		p.since = time.Now()
	}
}

func (p *pause) end() {
	if p.streams--; p.streams == 0 {
		p.total += time.Since(p.since)
	}
}

// paused is the time until now.
func (r *ring) paused(in *input) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.pause.streams > 0 {
		return in.pause.total + time.Since(in.pause.since)
	}
	return in.pause.total
}
