package producer

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// The end of the context leaves requests in flight a grace, starts no new one, and leaves the rest unsettled.
func TestStop(t *testing.T) {
	for name, finish := range map[string]time.Duration{"in time": 3 * time.Second, "too late": time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{inFlight: 2, logs: 1, answer: func(r *request) answer {
					select {
					case <-time.After(finish):
						return answer{}
					case <-r.Context().Done():
						return answer{err: r.Context().Err()}
					}
				}})
				w.MaxBytes = 1
				w.write(numbered(10)...)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- w.Run(ctx) }()
				time.Sleep(time.Second)
				stop()
				stopped := time.Now()
				if err := <-done; err != nil {
					t.Error(err)
				}
				took := time.Since(stopped)
				acked := int64(0)
				if finish < grace {
					acked = 2 * int64(len("line 0000\n"))
				}
				if c := w.counts(); c.Acked != acked || c.Pending() != w.pos-acked {
					t.Errorf("%+v", c)
				}
				if want := min(finish-time.Second, grace); took < want || took > want+2*paceMax {
					t.Errorf("stopped after %v, want %v", took, want)
				}
				if n := w.service.requests(); n != 2 {
					t.Errorf("%d requests", n)
				}
				if s := w.Stats(); finish > grace && s.RepeatsPossible != 2 {
					t.Errorf("%d possible repeats", s.RepeatsPossible)
				}
				// What was put back is there for the next one.
				newWorldOn(w).run()
				if c := w.counts(); c.Acked != w.pos || c.Pending() != 0 {
					t.Errorf("after a second run: %+v", c)
				}
			})
		})
	}
}

// Stop ends every kind of wait at once.
func TestStopWhileWaiting(t *testing.T) {
	for name, a := range map[string]answer{
		"backoff":  {err: syscall.ECONNREFUSED, unsent: true},
		"throttle": {status: 403, code: "WriteQuotaExceed"},
		"hold":     {status: 401, code: "Unauthorized", message: denial},
		"renew":    {status: 401, code: "Unauthorized", message: "The security token you provided has expired."},
		"reject":   {status: 405, code: "InvalidMethod"},
		"clock":    {status: 400, code: "RequestTimeExpired"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{answer: func(*request) answer { return a }})
				w.dead.fail = 1 << 30
				w.write(numbered(40)...)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- w.Run(ctx) }()
				time.Sleep(90 * time.Second)
				stop()
				at := time.Now()
				if err := <-done; err != nil || time.Since(at) > 0 {
					t.Errorf("%v after %v", err, time.Since(at))
				}
				if c := w.counts(); c.Pending() != w.pos {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

// A stop at any moment settles nothing wrongly: what is acked was stored.
func TestStopAtAnyMoment(t *testing.T) {
	store := newStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		stopAt := time.Duration(rapid.IntRange(0, 60_000).Draw(rt, "ms")) * time.Millisecond
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			var w *world
			w = newWorld(t, worldOptions{store: store, answer: func(*request) answer {
				w.service.mu.Lock()
				k, d := random.IntN(len(storms)), random.IntN(5000)
				w.service.mu.Unlock()
				time.Sleep(time.Duration(d) * time.Millisecond)
				return storms[k]
			}})
			w.write(numbered(60)...)
			ctx, stop := context.WithTimeout(t.Context(), stopAt)
			defer stop()
			if err := w.Run(ctx); err != nil {
				rt.Error(err)
			}
			stored, dead := 0, len(w.dead.lines(t))
			for _, n := range w.service.snapshot() {
				stored += n
			}
			line := int64(len("line 0000\n"))
			c := w.counts()
			if c.Acked > int64(stored)*line || c.Dead > int64(dead)*line || c.Pending()+c.Acked+c.Dead != w.pos {
				rt.Errorf("ledger %+v, stored %d lines, %d dead", c, stored, dead)
			}
			newWorldOn(w).run()
			if c := w.counts(); c.Pending() != 0 {
				rt.Errorf("after a second run %+v", c)
			}
		})
	})
}
