package producer

import (
	"sync"
	"time"
)

// busy knows the stretches of a sender's way that depend on this host alone: no network, no waiting for somebody's permission.
// One that takes long hangs.
type busy struct {
	mu   sync.Mutex
	last uint64
	open map[uint64]time.Time
}

// begin is called at the beginning of a stretch, and end at its end.
func (b *busy) begin() (end func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = map[uint64]time.Time{}
	}
	b.last++
	n := b.last
	b.open[n] = time.Now()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.open, n)
	}
}

// Busy is how long the longest of those stretches has lasted that senders are in now: compressing, settling, writing a dead
// letter. More than some seconds says that a sender hangs. An outage of the service has no part in it.
func (p *Producer) Busy() time.Duration {
	b := &p.busy
	b.mu.Lock()
	defer b.mu.Unlock()
	var longest time.Duration
	for _, at := range b.open {
		longest = max(longest, time.Since(at))
	}
	return longest
}
