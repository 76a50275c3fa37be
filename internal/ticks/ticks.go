// Package ticks lets the loops that look after something now and then do so at the same moments: a process that has nothing to do
// then wakes once a second, not once for each loop. Waking up is most of what such a look costs.
package ticks

import "time"

// Ticker is like a time.Ticker whose ticks fall on multiples of its interval on the clock of the day, so that those of all
// Tickers fall together. Next asks for each of them.
type Ticker struct {
	C     <-chan time.Time
	timer *time.Timer
	every time.Duration
}

// New returns a Ticker whose first tick comes within every, or little later.
func New(every time.Duration) *Ticker {
	timer := time.NewTimer(until(time.Now(), every))
	return &Ticker{C: timer.C, timer: timer, every: every}
}

// Next asks for the next tick. It is called after each that came: ticks that fall into the time between are left out.
func (t *Ticker) Next() { t.timer.Reset(until(time.Now(), t.every)) }

// Reset changes the interval and asks for the next tick.
func (t *Ticker) Reset(every time.Duration) {
	t.every = every
	t.Next()
}

// Stop ends the ticks.
func (t *Ticker) Stop() { t.timer.Stop() }

// until is how long it is from now to the next multiple of every. One that is so near that the clock may only have been set a
// little, or the timer have come a little early, is left out.
func until(now time.Time, every time.Duration) time.Duration {
	wait := every - time.Duration(now.UnixNano()%int64(every))
	if wait < every/8 {
		wait += every
	}
	return wait
}
