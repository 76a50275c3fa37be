package producer

import (
	"strings"
	"sync/atomic"
	"testing"

	"shipper/pkg/batch"
)

// lent counts what is taken of a budget for copies.
type lent struct {
	*batch.Budget
	now, times atomic.Int64
}

func (l *lent) Bytes(n int) []byte {
	p := l.Budget.Bytes(n)
	l.now.Add(int64(cap(p)))
	l.times.Add(1)
	return p
}

func (l *lent) Recycle(p []byte) {
	l.now.Add(-int64(cap(p)))
	l.Budget.Recycle(p)
}

// What is copied to take a batch apart is in the account while it lasts, in memory that is used again.
func TestCopiesAreInTheAccount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var w *world
		var budget *lent
		w = newWorld(t, worldOptions{logs: 16, inFlight: 1, answer: func(r *request) answer {
			if took := budget.now.Load(); r.raw < 600 && took < int64(r.raw) {
				t.Errorf("a copy of %d bytes takes %d of the account", r.raw, took)
			}
			if r.has("bad") {
				return answer{status: 400, code: "PostBodyInvalid", message: "cannot be parsed"}
			}
			return answer{}
		}})
		budget = &lent{Budget: w.budget}
		w.Budget = budget
		lines := numbered(16)
		for i := range lines {
			lines[i] += strings.Repeat(" x", 50)
		}
		lines[5] = "bad"
		w.write(lines...)
		w.run()
		if len(w.dead.letters) != 1 || budget.times.Load() < 8 || budget.now.Load() != 0 || w.budget.Used() != 0 {
			t.Errorf("%d letters, %d copies, %d bytes of them are left, %d in all", len(w.dead.letters), budget.times.Load(), budget.now.Load(), w.budget.Used())
		}
	})
}
