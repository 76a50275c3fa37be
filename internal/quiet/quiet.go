package quiet

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Every is how often a trouble that lasts is mentioned again.
const Every = time.Minute

// Trouble throttles the messages of one thing that can be wrong. It is safe for concurrent use.
type Trouble struct {
	log   *slog.Logger
	level slog.Level
	now   func() time.Time

	mu       sync.Mutex
	since    time.Time // when it began; zero while all is well
	last     time.Time // of the last message
	times    int       // reports since it began
	unspoken int       // reports since the last message
}

// New returns a Trouble that reports to log at level. A nil log discards, a nil now is time.Now.
func New(log *slog.Logger, level slog.Level, now func() time.Time) *Trouble {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if now == nil {
		now = time.Now
	}
	return &Trouble{log: log, level: level, now: now}
}

// Report says that it is wrong now. The message is logged when the trouble begins, and then at most once in Every, with the
// number of reports that were kept back.
func (t *Trouble) Report(msg string, args ...any) {
	t.mu.Lock()
	now := t.now()
	first := t.since.IsZero()
	if first {
		t.since = now
	}
	t.times++
	if !first && now.Sub(t.last) < Every {
		t.unspoken++
		t.mu.Unlock()
		return
	}
	kept, lasts := t.unspoken, now.Sub(t.since)
	t.last, t.unspoken = now, 0
	t.mu.Unlock()

	if !first {
		args = append(args[:len(args):len(args)], "repeated", kept, "lasts", lasts.Round(time.Second))
	}
	t.log.Log(context.Background(), t.level, msg, args...)
}

// Over says that all is well. It logs msg at level info if there was a trouble, and reports whether there was.
func (t *Trouble) Over(msg string, args ...any) bool {
	t.mu.Lock()
	if t.since.IsZero() {
		t.mu.Unlock()
		return false
	}
	times, lasted := t.times, t.now().Sub(t.since)
	t.since, t.last, t.times, t.unspoken = time.Time{}, time.Time{}, 0, 0
	t.mu.Unlock()

	args = append(args[:len(args):len(args)], "repeated", times, "lasted", lasted.Round(time.Millisecond))
	t.log.Info(msg, args...)
	return true
}

// Since returns when the trouble began, or the zero time while all is well.
func (t *Trouble) Since() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.since
}
