package producer

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipper/pkg/creds"
)

const denial = "denied by sts or ram, action: log:PostLogStoreLogs, resource: acs:log:cn-hangzhou:1111111111111111:project/sec-logs/logstore/web"

// A missing permission holds the data, is asked about seldom and by one sender, never troubles STS, and says what to paste.
func TestHoldProbesAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := time.Now()
		w := newWorld(t, worldOptions{inFlight: 8, logs: 1, answer: func(r *request) answer {
			if time.Since(start) < 30*time.Minute {
				return answer{status: 401, code: "Unauthorized", message: denial}
			}
			return answer{}
		}})
		w.MaxBytes = 1
		lines := numbered(50)
		w.write(lines...)
		done := make(chan error)
		w.batcher.Close()
		go func() { done <- w.Run(t.Context()) }()
		time.Sleep(29 * time.Minute)
		s := w.Stats()
		if !s.Held || s.Up || s.InFlight > 1 || !strings.Contains(s.HeldReason, "1111111111111111") ||
			!strings.Contains(s.HeldReason, `{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:cn-hangzhou:1111111111111111:project/sec-logs/logstore/web"}`) {
			t.Errorf("%+v", s)
		}
		n := w.service.requests()
		if n < 29 || n > 8+29*60/20 {
			t.Errorf("%d requests in 29 minutes of a hold", n)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		w.check(once(lines...), nil)
		s = w.Stats()
		if s.Held || !s.Up || s.HeldReason != "" || s.CredentialsRejected != 0 || len(w.creds.rejected) != 0 || s.Requests[ResultDenied] == 0 {
			t.Errorf("%+v, rejected %v", s, w.creds.rejected)
		}
		log := w.log.String()
		if n := strings.Count(log, "delivery is held"); n == 0 || n > 32 {
			t.Errorf("%d messages:\n%s", n, log)
		}
		if !strings.Contains(log, "delivery goes on") || !strings.Contains(log, "account=1111111111111111") {
			t.Errorf("log:\n%s", log)
		}
	})
}

// A token that ends is renewed once, whoever meets it, and the batch is sent again.
func TestRenewOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{inFlight: 8, logs: 1, answer: func(r *request) answer {
			if r.Header.Get("x-acs-security-token") == "token-1" {
				return answer{status: 401, code: "Unauthorized", message: "The security token you provided has expired."}
			}
			return answer{}
		}})
		w.MaxBytes = 1
		w.creds.renew = func(k *keyring, c *creds.Credentials) {
			go func() {
				time.Sleep(300 * time.Millisecond)
				k.turn()
			}()
		}
		lines := numbered(30)
		w.write(lines...)
		start := time.Now()
		w.run()
		w.check(once(lines...), nil)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("took %v", took)
		}
		if len(w.creds.rejected) != 1 || w.Stats().CredentialsRejected > 8 || strings.Contains(w.log.String(), "held") {
			t.Errorf("rejected %v, %d requests\n%s", w.creds.rejected, w.Stats().CredentialsRejected, w.log)
		}
	})
}

// A new credential that is on trial and bad costs one request: the old one goes on.
func TestBadCandidate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, worldOptions{inFlight: 1, logs: 1, answer: func(r *request) answer {
			if r.Header.Get("x-acs-security-token") == "token-2" {
				return answer{status: 401, code: "SignatureNotMatch", message: "Signature x not matched"}
			}
			return answer{}
		}})
		w.MaxBytes = 1
		old := w.creds.current
		w.creds.turn()
		w.creds.renew = func(k *keyring, c *creds.Credentials) { k.current = old }
		lines := numbered(5)
		w.write(lines...)
		start := time.Now()
		w.run()
		w.check(once(lines...), nil)
		if w.Stats().CredentialsRejected != 1 || time.Since(start) > time.Second || w.troubles() != "" {
			t.Errorf("%v %+v\n%s", time.Since(start), w.Stats(), w.log)
		}
	})
}

// A fresh credential that fails the same way holds; so does one that nobody replaces. Each generation is reported once.
func TestBadCredentialsHold(t *testing.T) {
	for _, renews := range []bool{true, false} {
		t.Run(fmt.Sprint("renews=", renews), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				start := time.Now()
				w := newWorld(t, worldOptions{inFlight: 8, logs: 1, answer: func(r *request) answer {
					if time.Since(start) < 10*time.Minute {
						return answer{status: 401, code: "Unauthorized", message: "AccessKeyId is disabled: " + r.Header.Get("Authorization")}
					}
					return answer{}
				}})
				w.MaxBytes = 1
				if renews {
					w.creds.renew = func(k *keyring, c *creds.Credentials) {
						if c.Generation == 1 {
							k.turnLocked()
						}
					}
				}
				lines := numbered(30)
				w.write(lines...)
				done := make(chan error)
				w.batcher.Close()
				go func() { done <- w.Run(t.Context()) }()
				time.Sleep(time.Minute)
				if s := w.Stats(); !s.Held || s.Up || !strings.Contains(s.HeldReason, "disabled") {
					t.Errorf("%+v", s)
				}
				<-done
				w.check(once(lines...), nil)
				want := 1
				if renews {
					want = 2
				}
				if len(w.creds.rejected) != want {
					t.Errorf("reported generations %v", w.creds.rejected)
				}
				if n := w.Stats().CredentialsRejected; n > 60 {
					t.Errorf("%d requests in 10 minutes with a bad credential", n)
				}
			})
		})
	}
}

// Without credentials nothing is sent; when they come, sending begins at once.
func TestWaitsForCredentials(t *testing.T) {
	for _, late := range []time.Duration{time.Second, 5 * time.Minute} {
		t.Run(late.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, worldOptions{})
				w.creds.current.Generation = 0
				w.creds.err = errors.New("STS cannot be reached")
				w.write(numbered(20)...)
				start := time.Now()
				var held atomic.Bool
				go func() {
					time.Sleep(late - time.Millisecond)
					held.Store(w.Stats().Held)
					w.creds.turn()
				}()
				w.run()
				w.check(once(numbered(20)...), nil)
				if took := time.Since(start); took > late+time.Second {
					t.Errorf("took %v", took)
				}
				if held.Load() != (late > renewTime) {
					t.Errorf("held %v after %v without credentials", held.Load(), late)
				}
				if late < renewTime && w.troubles() != "" {
					t.Errorf("routine was logged:\n%s", w.log)
				}
			})
		})
	}
}
