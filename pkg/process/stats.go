package process

import "sync/atomic"

// tally counts what happened during a call; it is added to the Program's counters at its end.
type tally struct {
	unframed, joined, cut, dropped, redacted uint64
	steps                                    []StepStats
}

// counters are the Program's.
type counters struct {
	unframed, joined, cut, dropped, redacted atomic.Uint64
	steps                                    []stepCounters
}

type stepCounters struct{ failed, missing, dropped atomic.Uint64 }

// Stats counts what a Program did since it was made.
type Stats struct {
	Unframed uint64      // logs that were not in the input's format and went on as content
	Joined   uint64      // lines that were added to the event of an earlier line
	Cut      uint64      // events that were sent before their end: too long, too late, or the stream ended
	Dropped  uint64      // logs that were left out
	Redacted uint64      // fields in which something was replaced
	Steps    []StepStats // one for each step, in order
}

// StepStats counts what one step did.
type StepStats struct {
	Name    string // "parse json", "time"
	Failed  uint64 // texts that did not fit: the log went on as it was
	Missing uint64 // logs without the field
	Dropped uint64 // logs that it left out
}

// Stats returns the present counts.
func (p *Program) Stats() Stats {
	c := &p.stats
	st := Stats{Unframed: c.unframed.Load(), Joined: c.joined.Load(), Cut: c.cut.Load(), Dropped: c.dropped.Load(), Redacted: c.redacted.Load()}
	for i := range c.steps {
		s := &c.steps[i]
		st.Steps = append(st.Steps, StepStats{Name: p.actions[i].name, Failed: s.failed.Load(), Missing: s.missing.Load(), Dropped: s.dropped.Load()})
	}
	return st
}

// add moves t into c.
func (c *counters) add(t *tally) {
	move(&c.unframed, &t.unframed)
	move(&c.joined, &t.joined)
	move(&c.cut, &t.cut)
	move(&c.dropped, &t.dropped)
	move(&c.redacted, &t.redacted)
	for i := range t.steps {
		move(&c.steps[i].failed, &t.steps[i].Failed)
		move(&c.steps[i].missing, &t.steps[i].Missing)
		move(&c.steps[i].dropped, &t.steps[i].Dropped)
	}
}

func move(to *atomic.Uint64, n *uint64) {
	if *n > 0 {
		to.Add(*n)
		*n = 0
	}
}
