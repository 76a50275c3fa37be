package batch

import "sync/atomic"

// bodiesPart is the part of the account that is kept for bodies.
const bodiesPart = 4

// bench is the room in which bodies are made: each needs enough for the worst that compression may do, as much as its batch takes. Without
// a bound all senders of all targets would have that at once. Who finds none waits, in turn.
type bench struct {
	most int64
	lent atomic.Int64
	turn chan struct{} // capacity 1: the one who waits for room; the others stand behind, so that nobody passes one who needs much
	less chan struct{} // capacity 1: lent has become less
}

func newBench(most int64) bench {
	return bench{most: most, turn: make(chan struct{}, 1), less: make(chan struct{}, 1)}
}

// enter waits for room for n bytes, or until nobody else has any.
func (b *bench) enter(n int64) {
	b.turn <- struct{}{}
	for lent := b.lent.Load(); lent > 0 && lent+n > b.most; lent = b.lent.Load() {
		<-b.less
	}
	b.lent.Add(n)
	<-b.turn
}

func (b *bench) leave(n int64) {
	b.lent.Add(-n)
	poke(b.less)
}
