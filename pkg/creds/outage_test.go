package creds

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

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
