package ticks

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTogether: tickers that begin at different times tick at the same ones, and the interval of one may divide that of another.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(137 * time.Millisecond)
		a := New(time.Second)
		defer a.Stop()
		time.Sleep(411 * time.Millisecond)
		b := New(5 * time.Second)
		defer b.Stop()
		for range 3 {
			var last time.Time
			for range 5 {
				last = <-a.C
				time.Sleep(20 * time.Millisecond) // what the loop does
				a.Next()
			}
			if at := <-b.C; !at.Equal(last) {
				t.Errorf("one at %v, the other at %v", last, at)
			}
			b.Next()
		}
		a.Reset(100 * time.Millisecond)
		begun := time.Now()
		<-a.C
		if took := time.Since(begun); took > 112*time.Millisecond {
			t.Errorf("a tick of a tenth of a second after %v", took)
		}
	})
}

// TestMissed: what a loop was too busy for does not come in a heap afterwards, and a tick that came early is not followed by another.
func TestMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tick := New(time.Second)
		defer tick.Stop()
		first := <-tick.C
		time.Sleep(3300 * time.Millisecond)
		tick.Next()
		if second := <-tick.C; second.Sub(first) != 4*time.Second {
			t.Errorf("after %v", second.Sub(first))
		}
	})
	early := time.Unix(1000, 0).Add(-time.Millisecond)
	if wait := until(early, time.Second); wait != time.Second+time.Millisecond {
		t.Errorf("a millisecond early: the next after %v", wait)
	}
}
