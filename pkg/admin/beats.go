package admin

import (
	"slices"
	"sync"
	"time"
)

// BeatLimit is how long a loop may be silent before /healthz says so and the watchdog is no longer fed.
const BeatLimit = 30 * time.Second

// Beats knows when each loop of the daemon last turned. A loop that waits for the service turns too: only one that
// hangs falls silent.
type Beats struct {
	now func() time.Time

	mu   sync.Mutex // guards what follows
	last map[string]time.Time
	asks []func(limit time.Duration) []string
}

// NewBeats returns Beats that nobody has joined yet.
func NewBeats(now func() time.Time) *Beats {
	return &Beats{now: now, last: map[string]time.Time{}}
}

// Join adds a loop and returns the function that it calls each time round. The first beat is the joining.
func (b *Beats) Join(name string) (beat func()) {
	beat = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.last[name] = b.now()
	}
	beat()
	return beat
}

// Leave removes a loop that has ended in good order.
func (b *Beats) Leave(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.last, name)
}

// Ask adds a question for those loops that have nothing to do most of the time and so cannot beat: late returns the names of
// the ones that have been at the same thing for longer than limit.
func (b *Beats) Ask(late func(limit time.Duration) []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asks = append(b.asks, late)
}

// Late returns the names of the loops that have been silent for longer than BeatLimit, sorted.
func (b *Beats) Late() []string {
	b.mu.Lock()
	var late []string
	for name, at := range b.last {
		if b.now().Sub(at) > BeatLimit {
			late = append(late, name)
		}
	}
	asks := slices.Clone(b.asks)
	b.mu.Unlock()
	for _, ask := range asks {
		late = append(late, ask(BeatLimit)...)
	}
	slices.Sort(late)
	return late
}
