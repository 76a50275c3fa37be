package backoff

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSeries(t *testing.T) {
	b := New(200*time.Millisecond, 30*time.Second, rand.NewPCG(1, 2))
	for round := range 2 {
		for n, ceil := 0, 400*time.Millisecond; n < 40; n, ceil = n+1, min(2*ceil, 30*time.Second) {
			if d := b.Next(); d < 200*time.Millisecond || d > ceil {
				t.Fatalf("round %d, delay %d = %v, want within [200ms, %v]", round, n, d, ceil)
			}
		}
		b.Reset()
	}
}

// Full jitter: delays spread over the whole range, they do not bunch at its upper end.
func TestSpread(t *testing.T) {
	b := New(time.Second, 16*time.Second, rand.NewPCG(3, 4))
	for range 10 {
		b.Next()
	}
	var low, high int
	for range 1000 {
		if d := b.Next(); d < 6*time.Second {
			low++
		} else if d > 11*time.Second {
			high++
		}
	}
	if low < 250 || high < 250 {
		t.Errorf("of 1000 delays %d in the lower and %d in the upper third", low, high)
	}
}

func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := time.Duration(rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "min"))
		hi := time.Duration(rapid.Int64Range(int64(lo), math.MaxInt64).Draw(t, "max"))
		b := New(lo, hi, rand.NewPCG(5, 6))
		for range 80 {
			if d := b.Next(); d < lo || d > hi {
				t.Fatalf("%v outside [%v, %v]", d, lo, hi)
			}
		}
	})
}
