package creds

import (
	"context"
	"errors"
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
