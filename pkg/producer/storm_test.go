package producer

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shipper/pkg/creds"
)

// A service that hangs makes the producer try with fewer requests at once.
func TestTimeoutsLowerTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{inFlight: 8, logs: 1, answer: func(r *request) answer {
			return answer{hang: time.Since(start) < 3*time.Minute}
		}})
		w.MaxBytes = 1
		w.write(numbered(30)...)
		go func() {
			time.Sleep(2 * time.Minute)
			if s := w.Stats(); s.InFlightLimit > 2 || s.LastError == nil || s.LastError.Code != "Timeout" {
				t.Errorf("%+v", s)
			}
		}()
		w.run()
		w.check(once(numbered(30)...), nil)
	})
}

// A key belongs to a shard: one that hangs holds the lanes whose keys it has, and their one request each.
func TestHangingShardHoldsItsLanes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := settings()
		c.ExactlyOnce = true
		start := time.Now()
		var mu sync.Mutex
		keys := map[string]int{}
		plan := func(r *request) answer {
			mu.Lock()
			key := r.URL.Query().Get("key")
			n, known := keys[key]
			if !known {
				n = len(keys)
				keys[key] = n
			}
			mu.Unlock()
			if n%4 == 0 && time.Since(start) < 5*time.Minute {
				return answer{hang: true}
			}
			time.Sleep(50 * time.Millisecond)
			return answer{}
		}
		w := newWorld(t, worldOptions{config: c, inFlight: 8, logs: 1, answer: (&memory{}).answer(plan)})
		w.write(numbered(400)...)
		go func() {
			time.Sleep(time.Minute)
			if n := len(w.service.snapshot()); n != 398 {
				t.Errorf("%d of 400 lines are stored after a minute", n)
			}
		}()
		w.run()
		w.check(once(numbered(400)...), nil)
	})
}

// At the edge of a quota throttling and success alternate for hours: a message a minute says so.
func TestFlappingIsQuiet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{inFlight: 1, logs: 1, answer: func(r *request) answer {
			if r.n%2 == 1 {
				return answer{status: 403, code: "ShardWriteQuotaExceed"}
			}
			return answer{}
		}})
		w.MaxBytes = 1
		w.write(numbered(1000)...)
		start := time.Now()
		w.run()
		w.check(once(numbered(1000)...), nil)
		minutes := int(time.Since(start).Minutes())
		if n := strings.Count(w.log.String(), "\n"); n > minutes+2 || minutes < 3 {
			t.Errorf("%d messages in %d minutes", n, minutes)
		}
	})
}

func TestRateLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := settings()
		c.Retry.RateLimit = 1 << 10
		w := newWorld(t, worldOptions{config: c, logs: 10})
		w.write(numbered(1000)...)
		start := time.Now()
		w.run()
		w.check(once(numbered(1000)...), nil)
		raw := float64(w.Stats().SentRaw)
		if took := time.Since(start).Seconds(); took < raw/1024-2 || took > raw/1024+2 {
			t.Errorf("%v bytes took %v s", raw, took)
		}
	})
}

// Requests that are larger than what may go out in a second go out one after the other, not all at once after a silence.
func TestRateLimitIsSteady(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := settings()
		c.Retry.RateLimit = 1 << 10
		w := newWorld(t, worldOptions{config: c, logs: 300, inFlight: 8})
		w.MaxBytes = 1
		w.write(numbered(300 * 8)...)
		last := time.Now()
		w.run()
		each := float64(w.Stats().SentRaw) / 8 / 1024
		for i, at := range w.service.seen {
			if gap := at.Sub(last).Seconds(); gap > each+1 || gap < each-1.5 {
				t.Errorf("request %d came %.1f s behind the one before it, want about %.1f", i+1, gap, each)
			}
			last = at
		}
	})
}

// storms are answers of a service in deep trouble.
var storms = []answer{
	{}, {}, {}, {},
	{err: syscall.ECONNRESET, unsent: true},
	{status: 503, code: "ServerBusy"},
	{status: 502, page: "<html>", noID: true},
	{status: 200, page: "<html>", noID: true},
	{status: 403, code: "WriteQuotaExceed"},
	{status: 403, code: "ShardWriteQuotaExceed"},
	{status: 401, code: "Unauthorized", message: "The security token you provided has expired."},
	{status: 401, code: "Unauthorized", message: denial},
	{status: 401, code: "SignatureNotMatch"},
	{status: 404, code: "LogStoreNotExist"},
	{status: 400, code: "RequestTimeExpired"},
	{status: 413, code: "PostBodyTooLarge"},
	{status: 400, code: "InvalidEncoding"},
	{status: 400, code: "InvalidKey"},
	{status: 400, code: "PostBodyInvalid", message: "time is out of range"},
	{status: 400, code: "PostBodyInvalid", message: "cannot be parsed"},
	{status: 405, code: "InvalidMethod"},
}

// Whatever the service answers, in whatever order, every log ends exactly once as stored or dead, and the ledger agrees.
func TestEveryLogEndsOnce(t *testing.T) {
	store := newStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		inFlight := rapid.IntRange(1, 6).Draw(rt, "in flight")
		perBatch := rapid.IntRange(1, 20).Draw(rt, "logs a batch")
		n := rapid.IntRange(1, 120).Draw(rt, "lines")
		minutes := rapid.IntRange(0, 20).Draw(rt, "minutes")
		kinds := rapid.SliceOfN(rapid.IntRange(0, len(storms)-1), 1, 6).Draw(rt, "kinds")
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			random := rand.New(rand.NewPCG(seed, 1))
			var w *world
			w = newWorld(t, worldOptions{store: store, inFlight: inFlight, logs: perBatch, answer: func(*request) answer {
				w.service.mu.Lock() // guards random
				defer w.service.mu.Unlock()
				if time.Since(start) > time.Duration(minutes)*time.Minute {
					return answer{}
				}
				if random.IntN(20) == 0 {
					return answer{}
				}
				return storms[kinds[random.IntN(len(kinds))]]
			}})
			w.creds.renew = func(k *keyring, c *creds.Credentials) {
				if random.IntN(3) > 0 { // called with k.mu held only
					k.turnLocked()
				}
			}
			lines := numbered(n)
			w.write(lines...)
			w.run()
			ends := w.service.snapshot()
			for _, l := range w.dead.lines(t) {
				ends[l]++
			}
			if len(ends) != n {
				rt.Errorf("%d of %d lines ended", len(ends), n)
			}
			for l, times := range ends {
				if times != 1 {
					rt.Errorf("%q ended %d times", l, times)
				}
			}
			c := w.counts()
			if c.Pending() != 0 || c.Acked+c.Dead != w.pos || w.budget.Used() != 0 {
				rt.Errorf("ledger %+v of %d bytes, %d bytes of memory", c, w.pos, w.budget.Used())
			}
			if s := w.Stats(); s.AckedLogs+s.DeadLogs != int64(n) || s.AckedBytes != c.Acked {
				rt.Errorf("%+v", s)
			}
		})
	})
}

// newWorldOn is a second producer on the batches that w left.
func newWorldOn(w *world) *world {
	w.answerAll()
	next := *w
	var err error
	o := w.Options
	o.HTTP = &http.Client{Transport: w.service}
	if next.Producer, err = New(o); err != nil {
		w.t.Fatal(err)
	}
	return &next
}

// answerAll makes the service healthy.
func (w *world) answerAll() { w.service.answer = nil }

// The messages about a denial are what an administrator needs; nothing secret is in any of them.
func TestNoSecretInMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var w *world
		w = newWorld(t, worldOptions{answer: func(r *request) answer {
			if r.n < 5 {
				c := w.creds.current
				return answer{status: 401, code: "Unauthorized", message: "AccessKeyId not found: " + c.ID + " " + c.Secret + " " + c.Token}
			}
			return answer{}
		}})
		w.write("a secret line")
		w.run()
		s := w.Stats()
		text := w.log.String() + fmt.Sprintf("%+v %+v", s, s.LastError)
		for _, secret := range []string{"examplesecret", "token-1", "STS.key0000000001", "a secret line"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
		if !strings.Contains(text, "STS.…01") {
			t.Errorf("which key it is about is not said: %s", text)
		}
	})
}
