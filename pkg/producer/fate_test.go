package producer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"shipper/pkg/creds"
)

// A body that is too large is halved until it fits; every log arrives once, and a log that never fits is buried alone.
func TestSplit(t *testing.T) {
	for _, status := range []int{413, 400} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{logs: 16, answer: func(r *request) answer {
					if r.raw > 500 || r.has("huge") {
						return answer{status: status, code: "PostBodyTooLarge", message: fmt.Sprintf("Body size %d must little than 500", r.raw)}
					}
					return answer{}
				}})
				lines := numbered(50)
				lines[17] = "huge " + strings.Repeat("x", 100)
				w.write(lines...)
				w.run()
				w.check(once(slices.Delete(slices.Clone(lines), 17, 18)...), []string{lines[17]})
				letter := w.dead.letters[0]
				if letter.From != int64(17*len("line 0000\n")) || letter.To-letter.From != int64(len(lines[17])+1) || letter.Logs != 1 ||
					letter.Path != "/var/log/a.log" || letter.Code != "PostBodyTooLarge" || letter.RequestID == "" || letter.Project != "sec-logs" {
					t.Errorf("%+v", letter)
				}
			})
		})
	}
}

// What a proxy calls too large is halved too, but no log is given up on a proxy's word.
func TestSplitByStranger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{answer: func(r *request) answer {
			if time.Since(start) < time.Hour && (len(r.lines) > 2 || r.has("0003")) {
				return answer{status: 413, page: "<html>Request Entity Too Large</html>", noID: true}
			}
			return answer{}
		}})
		w.write(numbered(8)...)
		w.run()
		w.check(once(numbered(8)...), nil)
	})
}

// fault answers as the service does to logs it cannot take, until they are mended.
func fault(code, message string, bad func(*request) bool) func(*request) answer {
	return func(r *request) answer {
		if bad(r) {
			return answer{status: 400, code: code, message: message}
		}
		return answer{}
	}
}

// A log whose time is out of range is given the present time by one repair; its neighbours keep theirs.
func TestMendTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var stored []time.Time
		w := newWorld(t, worldOptions{logs: 100, answer: fault("PostBodyInvalid", "The post data time is out of range", func(r *request) bool {
			var times []time.Time
			for _, l := range r.logs {
				at := time.Unix(int64(l.GetTime()), int64(l.GetTimeNs()))
				if d := time.Since(at); d > 7*24*time.Hour || d < -15*time.Minute {
					return true
				}
				times = append(times, at)
			}
			stored = append(stored, times...)
			return false
		})})
		w.write(numbered(40)...)
		time.Sleep(8 * 24 * time.Hour) // the network was down
		w.writer.Write(chunkAt(w, time.Now().Add(-time.Hour), "fresh"))
		w.batcher.Seal()
		w.run()
		w.check(once(append(numbered(40), "fresh")...), nil)
		if n := w.service.requests(); n > 3 || w.Stats().Mended != 40 {
			t.Errorf("%d requests, %d mended", n, w.Stats().Mended)
		}
		for i, at := range stored {
			want := time.Now()
			if i == 40 {
				want = want.Add(-time.Hour)
			}
			if at.Sub(want).Abs() > time.Second {
				t.Errorf("log %d got %v, want %v", i, at, want)
			}
		}
	})
}

// Logs that the service does not like for reasons that we cannot see are found by bisecting, and their neighbours delivered once.
func TestBisect(t *testing.T) {
	codes := map[string]string{"InvalidTimestamp": "Invalid timestamps are in logs.", "InvalidEncoding": "Non-UTF8 characters are in logs.",
		"InvalidKey": "Invalid keys are in logs.", "PostBodyInvalid": "The post data time is out of range"}
	for code, message := range codes {
		t.Run(code, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{logs: 64, answer: fault(code, message, func(r *request) bool { return r.has("poison") })})
				lines := numbered(200)
				lines[0], lines[70], lines[199] = "poison 0", "poison 1", "poison 2"
				w.write(lines...)
				w.run()
				good := slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "poison") })
				w.check(once(good...), []string{"poison 0", "poison 1", "poison 2"})
				if n := w.service.requests(); n > 3*2*8+10 {
					t.Errorf("%d requests to find 3 logs of 200", n)
				}
				if s := w.Stats(); s.DeadLogs != 3 || s.Dead[code] != 3 || s.Held {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// What the service calls wrong is believed after three tries; the batches beside it are not touched.
func TestReject(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tries := 0
		w := newWorld(t, worldOptions{answer: fault("PostBodyInvalid", "Protobuffer content cannot be parsed.", func(r *request) bool {
			if r.has("bad") {
				tries++
			}
			return r.has("bad")
		})})
		w.write("bad 1", "bad 2")
		w.write(numbered(20)...)
		w.run()
		w.check(once(numbered(20)...), []string{"bad 1", "bad 2"})
		if tries > 4 || tries < 3 || len(w.dead.letters) != 1 {
			t.Errorf("%d tries, %d letters", tries, len(w.dead.letters))
		}
		if !strings.Contains(w.log.String(), "SHP-P801") {
			t.Errorf("no alarm:\n%s", w.log)
		}
	})
}

// When everything is refused it is not the data: the target is held after a few letters, and delivers what is left when the
// cause is gone.
func TestRejectOfEverythingHolds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{inFlight: 2, logs: 1, answer: fault("InvalidMethod", "Invalid request method : POST", func(*request) bool {
			return time.Since(start) < 5*time.Minute
		})})
		w.MaxBytes = 1
		w.write(numbered(100)...)
		w.run()
		if c := w.counts(); c.Pending() != 0 || c.Acked+c.Dead != w.pos {
			t.Errorf("%+v", c)
		}
		if n := len(w.dead.letters); n < maxStreak || n > maxStreak+8 {
			t.Errorf("%d letters in 5 minutes of a broken request", n)
		}
		if !strings.Contains(w.log.String(), "delivery is held") || !strings.Contains(w.log.String(), "delivery goes on") {
			t.Errorf("log:\n%s", w.log)
		}
	})
}

// Lines are not settled as dead before they are safe.
func TestDeadLetterDiskFull(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{answer: fault("InvalidKey", "", func(r *request) bool { return r.has("poison") })})
		w.dead.fail = 5
		w.write("poison")
		start := time.Now()
		w.run()
		w.check(nil, []string{"poison"})
		if time.Since(start) < 5*time.Second {
			t.Error("the disk was asked without pause")
		}
	})
}

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
