package producer

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Not in a bubble: cached zstd encoders hold channels, which must not leave one.
func TestDelivers(t *testing.T) {
	for _, compression := range []string{"lz4", "zstd", "none"} {
		for _, signature := range []string{"v1", "v4"} {
			t.Run(compression+" "+signature, func(t *testing.T) {
				c := settings()
				c.Compression, c.Signature = compression, signature
				w := newWorld(t, worldOptions{config: c})
				lines := numbered(100)
				w.write(lines...)
				w.run()
				w.check(once(lines...), nil)
				s := w.Stats()
				if s.AckedLogs != 100 || s.AckedBytes != w.pos || s.Requests[ResultOK] != int64(w.service.n) || !s.Up ||
					s.LastAck.IsZero() || s.LastError != nil || s.Durations.Count != uint64(w.service.n) || s.SentRaw == 0 || s.SentCompressed == 0 {
					t.Errorf("%+v", s)
				}
				if log := w.log.String(); strings.Count(log, "delivery works") != 1 || w.troubles() != "" {
					t.Errorf("want one message, that delivery works:\n%s", log)
				}
				if len(w.creds.rejected) != 0 || w.creds.accepted[1] == 0 {
					t.Errorf("rejected %v accepted %v", w.creds.rejected, w.creds.accepted)
				}
			})
		}
	}
}

// A thousand slow files must not make a thousand requests.
func TestSmallBatchesTravelTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		want := map[string]int{}
		for i := range 1000 {
			w.newStream(fmt.Sprintf("/var/log/%d.log", i))
			w.write(fmt.Sprint("only line of ", i))
			want[fmt.Sprint("only line of ", i)]++
			if i%10 == 9 {
				time.Sleep(time.Millisecond)
			}
		}
		synctest.Wait()
		w.batcher.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		stop()
		w.check(want, nil)
		if n := w.service.requests(); n > 10 {
			t.Errorf("%d requests for 1000 small batches within 100 ms", n)
		}
	})
}

// Whatever passes by itself is repeated for ever, at growing distance, and costs nothing.
func TestRetriesForEver(t *testing.T) {
	for name, fault := range map[string]answer{
		"refused":        {err: syscall.ECONNREFUSED, unsent: true},
		"503":            {status: 503, code: "ServerBusy", message: "busy"},
		"500 no JSON":    {status: 500, page: "oops"},
		"gateway":        {status: 502, page: "<html>Bad Gateway</html>", noID: true},
		"captive portal": {status: 200, page: "<html>Log in</html>", noID: true},
		"redirection":    {status: 302, header: http.Header{"Location": {"http://portal/"}}, noID: true},
		"firewall":       {status: 403, page: "blocked", noID: true},
		"proxy":          {status: 407, noID: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				const bad = 40
				w := newWorld(t, worldOptions{inFlight: 1, answer: func(r *request) answer {
					if r.n <= bad {
						return fault
					}
					return answer{}
				}})
				w.write("a", "b")
				w.run()
				w.check(once("a", "b"), nil)
				var longest time.Duration
				for i, at := range w.service.seen[1:] {
					gap := at.Sub(w.service.seen[i])
					if longest = max(longest, gap); gap < 200*time.Millisecond || gap > 30*time.Second {
						t.Errorf("gap %d is %v", i, gap)
					}
				}
				if longest < 5*time.Second || len(w.service.seen) != bad+1 {
					t.Errorf("longest wait %v of %d requests", longest, len(w.service.seen))
				}
				s := w.Stats()
				if s.LastError == nil || s.LastError.Verdict != Retry || s.Held || len(w.creds.rejected) > 0 {
					t.Errorf("%+v", s)
				}
				if n := strings.Count(w.log.String(), "requests fail"); n == 0 || n > 30 {
					t.Errorf("%d messages:\n%s", n, w.log)
				}
				if !strings.Contains(w.log.String(), "accepted again") {
					t.Errorf("no message that it is over:\n%s", w.log)
				}
			})
		})
	}
}

// A request that was cut after it was sent may have been stored: it is sent again, and counted.
func TestCutAfterStoring(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{answer: only(1, answer{err: syscall.ECONNRESET, store: true})})
		w.write("a", "b", "c")
		w.run()
		w.check(map[string]int{"a": 2, "b": 2, "c": 2}, nil)
		if s := w.Stats(); s.RepeatsPossible != 3 || s.AckedLogs != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestThrottleSlowsDown(t *testing.T) {
	for _, code := range []string{"WriteQuotaExceed", "ShardWriteQuotaExceed"} {
		t.Run(code, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				start := time.Now()
				w := newWorld(t, worldOptions{inFlight: 8, logs: 1, answer: func(r *request) answer {
					if time.Since(start) < time.Minute {
						return answer{status: 403, code: code, message: "quota exceed"}
					}
					return answer{}
				}})
				lines := numbered(40)
				w.write(lines...)
				w.MaxBytes = 1
				w.run()
				w.check(once(lines...), nil)
				s := w.Stats()
				if n := s.Requests[ResultThrottled]; n == 0 || n > 60 {
					t.Errorf("%d throttled requests in a minute", n)
				}
				if s.InFlightLimit < 2 {
					t.Errorf("limit is %d after 40 successes", s.InFlightLimit)
				}
				if s.Held || s.DeadLogs > 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// The service's clock is learnt for signing; log times stay.
func TestClock(t *testing.T) {
	const ahead = 3 * time.Hour
	for _, header := range []string{"x-log-time", "Date"} {
		t.Run(header, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{answer: func(r *request) answer {
					now := time.Now().Add(ahead)
					h := http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
					if header == "x-log-time" {
						h = http.Header{"X-Log-Time": {fmt.Sprint(now.Unix())}, "Date": {"nonsense"}}
					}
					for _, l := range r.logs {
						if d := time.Since(time.Unix(int64(l.GetTime()), 0)); d.Abs() > time.Minute {
							t.Errorf("the time of a log was moved by %v", d)
						}
					}
					signed, err := http.ParseTime(r.Header.Get("Date"))
					if err != nil || now.Sub(signed).Abs() > 15*time.Minute {
						return answer{status: 400, code: "RequestTimeExpired", message: "expired", header: h}
					}
					return answer{header: h}
				}})
				start := time.Now()
				w.write(numbered(20)...)
				w.run()
				w.check(once(numbered(20)...), nil)
				s := w.Stats()
				if (s.ClockOffset-ahead).Abs() > 2*time.Second || time.Since(start) > time.Second || s.CredentialsRejected != 0 {
					t.Errorf("offset %v after %v", s.ClockOffset, time.Since(start))
				}
				if strings.Count(w.log.String(), "clock is wrong") != 1 {
					t.Errorf("log:\n%s", w.log)
				}
			})
		})
	}
}

// Once the host's clock is set right, the difference is unlearned, and nobody is told that the clock is wrong.
func TestClockIsSetRight(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{inFlight: 1, answer: func(r *request) answer {
			now, wrong := time.Now(), time.Since(start) < 10*time.Minute
			if wrong {
				now = now.Add(3 * time.Hour)
			}
			signed, err := http.ParseTime(r.Header.Get("Date"))
			switch {
			case err != nil || now.Sub(signed).Abs() > 15*time.Minute:
				return answer{status: 400, code: "RequestTimeExpired", message: "expired", header: http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}}
			case wrong:
				return answer{status: 500, code: "InternalServerError", message: "later"}
			}
			return answer{}
		}})
		w.write("a")
		w.run()
		w.check(once("a"), nil)
		if s := w.Stats(); s.ClockOffset.Abs() > 2*time.Second {
			t.Errorf("offset %v", s.ClockOffset)
		}
		if text := w.log.String(); strings.Count(text, "clock is wrong") != 1 || strings.Count(text, "clock agrees with the service's again") != 1 {
			t.Errorf("log:\n%s", text)
		}
	})
}

// A service whose complaint about the clock cannot be helped is not asked without pause.
func TestClockThatDoesNotHelp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{inFlight: 1, answer: func(r *request) answer {
			if r.n < 20 {
				return answer{status: 400, code: "RequestTimeExpired", message: "expired"}
			}
			return answer{}
		}})
		w.write("a")
		start := time.Now()
		w.run()
		w.check(once("a"), nil)
		if time.Since(start) < 10*time.Second {
			t.Errorf("20 requests within %v", time.Since(start))
		}
	})
}

// Neither is one that names another time with each complaint, as a pool of servers does whose clocks differ; nor does each make a message.
func TestClocksThatDiffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{inFlight: 1, answer: func(r *request) answer {
			if r.n < 20 {
				date := time.Now().Add(time.Duration(r.n%2) * time.Hour).UTC().Format(http.TimeFormat)
				return answer{status: 400, code: "RequestTimeExpired", message: "expired", header: http.Header{"Date": {date}}}
			}
			return answer{}
		}})
		w.write("a")
		start := time.Now()
		w.run()
		w.check(once("a"), nil)
		if took := time.Since(start); took < 10*time.Second {
			t.Errorf("20 requests within %v", took)
		}
		if n := strings.Count(w.log.String(), "clock is wrong"); n < 1 || n > 10 {
			t.Errorf("%d messages:\n%s", n, w.log)
		}
	})
}
