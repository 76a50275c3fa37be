package daemon

import (
	"sync"

	"shipper/pkg/creds"
	"shipper/pkg/process"
	"shipper/pkg/producer"
)

// history keeps counters from going back when a reload replaces what counts them.
type history struct {
	mu       sync.Mutex
	senders  map[string]*lineage[*producer.Producer, producer.Stats] // by target
	sources  map[string]*lineage[*identity, creds.Status]            // by target
	programs map[string]*lineage[*process.Program, steps64]          // by input
}

// counts are the figures of a generation, with those of its predecessors.
type counts struct {
	senders map[string]producer.Stats
	sources map[string]creds.Status
	steps   map[string]steps64 // by input and step: logs that did not fit
}

// steps64 counts by step.
type steps64 map[string]uint64

func newHistory() *history {
	return &history{
		senders: map[string]*lineage[*producer.Producer, producer.Stats]{}, sources: map[string]*lineage[*identity, creds.Status]{},
		programs: map[string]*lineage[*process.Program, steps64]{},
	}
}

// look returns the generation in use and its figures. Generations are met in order, because they are looked up under the lock.
func (h *history) look(now func() *generation) (*generation, counts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	gen := now()
	c := counts{map[string]producer.Stats{}, map[string]creds.Status{}, map[string]steps64{}}
	for name, t := range gen.targets {
		c.senders[name] = follow(h.senders, name, t.producer, (*producer.Producer).Stats, producer.Stats.Add)
		c.sources[name] = follow(h.sources, name, t.identity, func(i *identity) creds.Status { return i.Status() }, addStatus)
	}
	for name, p := range gen.programs {
		c.steps[name] = follow(h.programs, name, p, unfit, steps64.add)
	}
	return gen, c
}

func addStatus(s, before creds.Status) creds.Status {
	s.Refreshes += before.Refreshes
	s.Failures += before.Failures
	return s
}

// add returns the sum.
func (s steps64) add(before steps64) steps64 {
	out := steps64{}
	for _, m := range []steps64{s, before} {
		for name, n := range m {
			out[name] += n
		}
	}
	return out
}

// unfit counts what a program could not make sense of.
func unfit(p *process.Program) steps64 {
	out := steps64{}
	if p.Plain() {
		return out
	}
	st := p.Stats()
	out["format"] = st.Unframed
	for i, s := range st.Steps {
		out[stepName(i, s.Name)] = s.Failed
	}
	return out
}

// lineage is a succession of parts that count the same thing. The last but one may still count what was under way when it was
// replaced; the ones before it have ended.
type lineage[P comparable, S any] struct {
	present, former P
	past            S
	known, two      bool
}

// follow makes p the present one of its name, if it is not, and returns what all of its lineage have counted.
func follow[P comparable, S any](lines map[string]*lineage[P, S], name string, p P, stats func(P) S, add func(S, S) S) S {
	l := lines[name]
	if l == nil {
		l = &lineage[P, S]{}
		lines[name] = l
	}
	if !l.known || l.present != p {
		if l.two {
			l.past = add(stats(l.former), l.past)
		}
		if l.two = l.known; l.two {
			l.former = l.present
		}
		l.present, l.known = p, true
	}
	sum := add(stats(p), l.past)
	if l.two {
		sum = add(sum, stats(l.former))
	}
	return sum
}
