package creds

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Twenty senders use tokens of three seconds through two hundred renewals, each request taking a while: none may ever carry a
// token that ends under it, and an unproven token is with one sender only.
func TestTwoHundredRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(3 * time.Second)
		p := provider(t, f, nil)
		run(t, p)
		if _, err := p.Wait(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
		defer cancel()
		var mu sync.Mutex
		proven, using := map[uint64]bool{1: true}, map[uint64]int{}
		var sent atomic.Int64
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					c, err := p.Current()
					if err != nil {
						t.Errorf("no credential: %v", err)
						return
					}
					mu.Lock()
					using[c.Generation]++
					if !proven[c.Generation] && using[c.Generation] > 1 {
						t.Errorf("generation %d is unproven and with %d senders", c.Generation, using[c.Generation])
					}
					mu.Unlock()
					time.Sleep(time.Duration(20+(i*7+n*13)%180) * time.Millisecond)
					if c.Left(time.Now()) <= 0 {
						t.Errorf("generation %d ended in flight", c.Generation)
					}
					mu.Lock()
					proven[c.Generation] = true
					using[c.Generation]--
					mu.Unlock()
					p.Accepted(c)
					sent.Add(1)
				}
			})
		}
		wg.Wait()
		if s := p.Status(); s.Refreshes < 200 || s.Failures != 0 {
			t.Fatalf("%+v", s)
		}
		t.Logf("%d requests, %d renewals", sent.Load(), p.Status().Refreshes)
	})
}

func TestRenewalsStayApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, newFakeSTS(time.Hour), nil)
		run(t, p)
		p.Wait(t.Context(), 0)
		for range 50 {
			before := time.Now()
			next := p.Status().Next.Sub(before)
			if next < 32*time.Minute || next > 40*time.Minute {
				t.Fatalf("next renewal in %s, want 36m ± 10 %%", next)
			}
			time.Sleep(next + time.Second)
			c, _ := p.Current()
			p.Accepted(c)
		}
		if n := p.Status().STSCalls; n != 51 {
			t.Fatalf("%d calls", n)
		}
	})
}

func TestOutageOfSTS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, nil)
		run(t, p)
		first, _ := p.Wait(t.Context(), 0)
		down := errors.New("connection refused")
		f.mu.Lock()
		f.netErr = func() error { return down }
		f.mu.Unlock()
		time.Sleep(59 * time.Minute)
		if c, err := p.Current(); err != nil || c != first {
			t.Fatal("the old credential must be used while it lives", c, err)
		}
		failed := p.Status().Failures
		if failed < 20 || failed > 120 {
			t.Fatalf("%d attempts in 23 minutes, want one every 1..60 s", failed)
		}
		time.Sleep(2 * time.Minute)
		_, err := p.Current()
		if !errors.Is(err, ErrNone) || !errors.Is(err, down) {
			t.Fatal(err)
		}
		f.mu.Lock()
		f.netErr = nil
		f.mu.Unlock()
		c, err := p.Wait(t.Context(), first.Generation)
		if err != nil || c.Generation != 2 {
			t.Fatal(c, err)
		}
		if s := p.Status(); s.LastError != nil {
			t.Fatalf("%+v", s)
		}
	})
}

func TestThrottlingBacksOffLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		var at []time.Time
		f.set(func(url.Values) *http.Response {
			at = append(at, time.Now())
			return stsError(400, "Throttling.User", "Request was denied due to user flow control.")
		})
		run(t, provider(t, f, nil))
		time.Sleep(10 * time.Minute)
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(at) < 10 || len(at) > 60 {
			t.Fatalf("%d attempts in ten minutes", len(at))
		}
		for i := range at[1:] {
			if gap := at[i+1].Sub(at[i]); gap < 10*time.Second || gap > 61*time.Second {
				t.Fatalf("attempt %d after %s", i+2, gap)
			}
		}
	})
}

func TestRoleDeletedAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, nil)
		run(t, p)
		p.Wait(t.Context(), 0)
		f.set(func(url.Values) *http.Response {
			return stsError(404, "EntityNotExist.Role", "The specified Role not exists.")
		})
		time.Sleep(50 * time.Minute)
		if _, err := p.Current(); err != nil {
			t.Fatal(err)
		}
		e, ok := errors.AsType[*Error](p.Status().LastError)
		if !ok || e.Class != Denied || e.Whose != Owner || e.Account != "1111111111111111" || e.ID != "SHP-A104" {
			t.Fatalf("%+v", e)
		}
		f.set(nil)
		time.Sleep(time.Minute)
		if s := p.Status(); s.LastError != nil || s.Candidate != 2 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestHundredRejections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, nil)
		run(t, p)
		c, _ := p.Wait(t.Context(), 0)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				p.Rejected(c, errors.New("expired"))
				next, err := p.Wait(t.Context(), c.Generation)
				if err != nil || next.Generation != 2 {
					t.Error(next, err)
				}
			})
		}
		wg.Wait()
		p.Rejected(c, nil) // late, of an old generation
		time.Sleep(time.Minute)
		if n := f.count(); n != 2 {
			t.Fatalf("%d calls of STS, want 2", n)
		}
	})
}

func TestEveryCredentialRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, nil)
		run(t, p)
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			if c, err := p.Current(); err == nil {
				p.Rejected(c, nil)
			}
		}
		if n := f.count(); n < 5 || n > 20 {
			t.Fatalf("%d calls of STS in ten minutes", n)
		}
	})
}

func TestRejectedCandidateKeepsTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, newFakeSTS(time.Hour), nil)
		run(t, p)
		first, _ := p.Wait(t.Context(), 0)
		p.Accepted(first)
		time.Sleep(40 * time.Minute)
		second, _ := p.Current()
		p.Rejected(second, nil)
		synctest.Wait()
		if c, _ := p.Current(); c.Generation != 3 { // the forced renewal's, for its prober
			t.Fatal(c.Generation)
		}
		if c, _ := p.Current(); c != first {
			t.Fatal(c.Generation)
		}
	})
}

func TestCandidateWithoutTrafficTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := provider(t, newFakeSTS(time.Hour), nil)
		run(t, p)
		p.Wait(t.Context(), 0)
		time.Sleep(59*time.Minute + 29*time.Second)
		if s := p.Status(); s.Generation != 1 || s.Candidate != 2 {
			t.Fatalf("%+v", s)
		}
		time.Sleep(2 * time.Second)
		if s := p.Status(); s.Generation != 2 || s.Candidate != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, func(o *ProviderOptions) { o.Spread, o.Jitter = time.Minute, func() float64 { return 0.5 } })
		run(t, p)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if f.count() != 0 {
			t.Fatal("too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if f.count() != 1 {
			t.Fatal("too late")
		}
	})
}

func TestStopWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		f.set(func(url.Values) *http.Response { return stsError(500, "InternalError", "busy") })
		run(t, provider(t, f, nil))
		time.Sleep(10 * time.Second)
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		f.set(func(url.Values) *http.Response {
			return stsError(403, "NoPermission", "You are not authorized to do this action.")
		})
		p := provider(t, f, nil)
		run(t, p)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := p.Wait(ctx, 0)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != "NoPermission" || !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrNone) {
			t.Fatal(err)
		}
	})
}

// keyFiles writes a base key as operators do: two files.
func keyFiles(t *testing.T, id, secret string) (Config, func(id, secret string)) {
	dir := t.TempDir()
	write := func(id, secret string) {
		for name, text := range map[string]string{"id": id, "secret": secret} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(id, secret)
	return Config{Source: "static", AccessKeyID: FileSecret(filepath.Join(dir, "id")), AccessKeySecret: FileSecret(filepath.Join(dir, "secret"))}, write
}

func TestBaseKeyReplacedOnDisk(t *testing.T) {
	for _, role := range []string{roleA, ""} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeSTS(time.Hour)
			config, write := keyFiles(t, "LTAIbase0001", "base-secret-1")
			src, err := NewSource(config, Options{})
			if err != nil {
				t.Fatal(err)
			}
			p := provider(t, f, func(o *ProviderOptions) { o.Source, o.Role.RoleARN = src, role })
			run(t, p)
			first, _ := p.Wait(t.Context(), 0)
			p.Accepted(first)

			write("LTAIbase0002", "base-secret-wrong") // a key that does not work: the old one goes on
			time.Sleep(2*time.Minute + time.Second)    // not at the moment of a look: it could find one file of the next key without the other
			if s := p.Status(); s.Generation != 1 || s.Failures != 0 {
				t.Fatalf("%+v", s)
			}
			p.settle(t)
			before := f.count()

			f.mu.Lock()
			f.keys["LTAIbase0003"] = "base-secret-3"
			f.mu.Unlock()
			write("LTAIbase0003", "base-secret-3")
			time.Sleep(61 * time.Second)
			synctest.Wait()
			if f.count() != before+1 {
				t.Fatalf("%d calls for the new key", f.count()-before)
			}
			f.mu.Lock()
			last := f.calls[len(f.calls)-1]
			delete(f.keys, "LTAIbase0001")
			f.mu.Unlock()
			if last.Get("AccessKeyId") != "LTAIbase0003" {
				t.Fatal(last)
			}
			p.settle(t)
			c, err := p.Current()
			if err != nil || (role == "" && c.ID != "LTAIbase0003") || c.Generation == 1 {
				t.Fatal(c, err)
			}
		})
	}
}

// settle proves whatever waits to be proven.
func (p *Provider) settle(t *testing.T) {
	t.Helper()
	for range 3 {
		c, err := p.Current()
		if err != nil {
			t.Fatal(err)
		}
		p.Accepted(c)
	}
}

func TestHalfReplacedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		f.keys["LTAIbase0002"] = "base-secret-2"
		config, write := keyFiles(t, "LTAIbase0001", "base-secret-1")
		src, _ := NewSource(config, Options{})
		p := provider(t, f, func(o *ProviderOptions) { o.Source = src })
		run(t, p)
		p.Wait(t.Context(), 0)
		write("LTAIbase0002", "base-secret-1") // the secret follows later
		time.Sleep(90 * time.Second)
		if s := p.Status(); s.LastError != nil {
			t.Fatal(s.LastError)
		}
		write("LTAIbase0002", "base-secret-2")
		time.Sleep(90 * time.Second)
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		if last := f.calls[len(f.calls)-1]; last.Get("AccessKeyId") != "LTAIbase0002" {
			t.Fatal(last)
		}
	})
}

func TestKeyFileGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		config, _ := keyFiles(t, "LTAIbase0001", "base-secret-1")
		src, _ := NewSource(config, Options{})
		p := provider(t, f, func(o *ProviderOptions) { o.Source, o.Log = src, slog.New(slog.NewTextHandler(t.Output(), nil)) })
		run(t, p)
		p.Wait(t.Context(), 0)
		os.Remove(config.AccessKeySecret.where)
		time.Sleep(40 * time.Minute)
		if s := p.Status(); s.Candidate != 2 {
			t.Fatalf("the key in memory has to be used on: %+v", s)
		}
	})
}

func TestDurationFallsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		f.maximum = 3600
		p := provider(t, f, func(o *ProviderOptions) { o.Role.AssumeRole.Duration *= 2 })
		run(t, p)
		p.Wait(t.Context(), 0)
		time.Sleep(40 * time.Minute)
		if n := f.count(); n != 3 {
			t.Fatalf("%d calls, want 7200, 3600, 3600", n)
		}
	})
}

func TestWrongAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		f.account = "3333333333333333"
		p := provider(t, f, nil)
		run(t, p)
		time.Sleep(time.Minute)
		_, err := p.Current()
		e, ok := errors.AsType[*WrongAccountError](err)
		if !ok || e.Want != "1111111111111111" || e.Got != "3333333333333333" || e.RequestID != "R-OK" {
			t.Fatal(err)
		}
	})
}

func TestWrongAccountWithoutRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for account, ok := range map[string]bool{"2222222222222222": true, "3333333333333333": false} {
			p := provider(t, newFakeSTS(time.Hour), func(o *ProviderOptions) { o.Role.RoleARN, o.Role.ExpectAccount = "", account })
			run(t, p)
			time.Sleep(time.Second)
			c, err := p.Current()
			if (err == nil) != ok || (ok && c.Account != account) {
				t.Fatal(account, c, err)
			}
		}
	})
}

func TestStaticKeyNeedsNoSTS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, func(o *ProviderOptions) { o.Role.RoleARN = "" })
		run(t, p)
		c, _ := p.Wait(t.Context(), 0)
		time.Sleep(100 * time.Hour)
		p.Rejected(c, nil) // nothing better can be had
		time.Sleep(time.Hour)
		if now, err := p.Current(); err != nil || now != c || f.count() != 0 {
			t.Fatal(now, err, f.count())
		}
	})
}

// sessions is a base that expires, like an instance role: it counts how often it is asked.
type sessions struct {
	f    *fakeSTS
	life time.Duration
	n    int
}

func (s *sessions) Fetch(context.Context) (*Credentials, error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.n++
	id := "STS.base" + string(rune('a'+s.n))
	t := token{secret: id + "-secret", token: id + "-token", ends: time.Now().Add(s.life)}
	s.f.tokens[id] = t
	c := &Credentials{ID: id, Secret: t.secret, Token: t.token, Expires: t.ends, Source: "ecs_role web"}
	c.begin(time.Now(), time.Now())
	return c, nil
}

func TestTwoClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(20 * time.Minute)
		base := &sessions{f: f, life: time.Hour}
		p := provider(t, f, func(o *ProviderOptions) { o.Source = base })
		run(t, p)
		p.Wait(t.Context(), 0)
		for range 60 * 10 {
			time.Sleep(time.Minute)
			c, err := p.Current()
			if err != nil {
				t.Fatal(err)
			}
			p.Accepted(c)
		}
		s := p.Status()
		if s.Failures != 0 || s.Source != "ecs_role web" {
			t.Fatalf("%+v", s)
		}
		if base.n < 10 || base.n > 20 {
			t.Fatalf("the inner one was fetched %d times in ten hours, want once every 36..60 min", base.n)
		}
	})
}

func TestExpiringBaseWithoutRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSTS(time.Hour)
		p := provider(t, f, func(o *ProviderOptions) { o.Source, o.Role.RoleARN = &sessions{f: f, life: time.Hour}, "" })
		run(t, p)
		p.Wait(t.Context(), 0)
		for range 10 * 60 {
			time.Sleep(time.Minute)
			p.settle(t)
		}
		if s := p.Status(); s.Generation < 10 || s.Failures != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestWrongClock(t *testing.T) {
	for _, off := range []time.Duration{3 * time.Hour, -3 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeSTS(time.Hour)
			f.now = func() time.Time { return time.Now().Add(off) }
			p := provider(t, f, nil)
			run(t, p)
			c, err := p.Wait(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if left := c.Left(time.Now()); left < 59*time.Minute || left > 61*time.Minute {
				t.Fatal(left)
			}
			if s := p.Status(); (s.Skew-off).Abs() > time.Second || s.STSCalls != 2 {
				t.Fatalf("%+v", s)
			}
			time.Sleep(40 * time.Minute)
			if s := p.Status(); s.STSCalls != 3 || s.Failures != 0 {
				t.Fatalf("%+v", s)
			}
		})
	}
}
