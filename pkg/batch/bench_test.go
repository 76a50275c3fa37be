package batch

import (
	"sync"
	"testing"
	"testing/synctest"
)

// However many senders compress, the room that they do it in is an eighth of the account, and one that needs more than that has it alone.
func TestBenchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, each = 1 << 20, 40 << 10
		b := NewBudget(limit)
		first := [...][]byte{b.Scratch(each), b.Scratch(each), b.Scratch(each)}
		if b.Used() != 3*each || b.Used() > limit/8 {
			t.Fatalf("%d bytes are lent", b.Used())
		}
		var order []int
		var others sync.WaitGroup
		for i, n := range []int{limit / 2, each, each} {
			others.Go(func() {
				p := b.Scratch(n)
				order = append(order, i)
				if used := b.Used(); used > max(limit/8, int64(cap(p))) {
					t.Errorf("%d bytes are lent", used)
				}
				b.Discard(p)
			})
			synctest.Wait()
		}
		for _, p := range first {
			if synctest.Wait(); len(order) > 0 {
				t.Error("the bench was overfull")
			}
			b.Discard(p)
		}
		others.Wait()
		if len(order) != 3 || order[0] != 0 || b.Used() != 0 {
			t.Errorf("the order was %v, %d bytes are lent", order, b.Used())
		}
	})
}

// Readers fill what the bench leaves, and several at once no more than one alone.
func TestReadersLeaveTheBench(t *testing.T) {
	const limit = 16 << 20
	budget := NewBudget(limit)
	b := New(Options{Config: Default(), Budget: budget})
	got := make([]int64, 8)
	var readers sync.WaitGroup
	for i := range got {
		readers.Go(func() {
			for b.reserve(100 << 10) {
				got[i] += 100 << 10
			}
		})
	}
	readers.Wait()
	sum := int64(0)
	for _, n := range got {
		sum += n
	}
	if sum != budget.Used() || sum > budget.Lines() || sum < budget.Lines()-(100<<10) || b.used.Load() != sum {
		t.Errorf("%d bytes were taken of %d", sum, limit)
	}
}
