package process

import "time"

// Trace is what a Program does to one line, or to the joined lines of an event.
type Trace struct {
	Stages  []Stage
	Dropped bool
	Time    time.Time // the log's time; when the line was read if nothing says better
}

// Stage is the log after the format or a step.
type Stage struct {
	Name   string     `json:"name"`           // "format cri", "parse json", "drop_if"
	Note   string     `json:"note,omitempty"` // why it did nothing; "" if it did what it is for
	Fields []KeyValue `json:"fields"`
}

// KeyValue is a field for people.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Fields are those of the log as it is sent, or was when it was dropped.
func (t *Trace) Fields() []KeyValue {
	if len(t.Stages) == 0 {
		return nil
	}
	return t.Stages[len(t.Stages)-1].Fields
}

// Watcher looks on while a Pipe works. The Pipe calls it under its lock: it must not wait.
type Watcher interface {
	// Wants is asked before the steps of each event; after false nothing is noted, and the event costs no more than the question.
	Wants() bool
	// Saw is told what became of an event that was wanted. It may keep t.
	Saw(t Trace)
}

// Watched is Pipe with somebody who may look on.
func (p *Program) Watched(out Out, w Watcher) *Pipe { return &Pipe{prog: p, out: out, watch: w} }

// run is Program.run, with a Trace for who looks on.
func (p *Pipe) run(s *scratch, ev *event) bool {
	if p.watch == nil || !p.watch.Wants() {
		return p.prog.run(s, ev)
	}
	t := p.prog.traced(s, ev)
	p.watch.Saw(t)
	return !t.Dropped
}

// traced is run with a note of what each step did.
func (p *Program) traced(s *scratch, ev *event) Trace {
	var t Trace
	s.trace = func(name string, o outcome) {
		st := Stage{Name: name, Note: o.reason, Fields: make([]KeyValue, 0, len(s.fields))}
		for _, f := range s.fields {
			st.Fields = append(st.Fields, KeyValue{string(f.Key), string(f.Value)})
		}
		t.Stages = append(t.Stages, st)
	}
	t.Dropped = !p.run(s, ev)
	s.trace = nil
	t.Time = ev.read
	if s.time != 0 {
		t.Time = time.Unix(0, s.time).In(ev.read.Location())
	}
	return t
}

// Inspect runs one line, or the joined lines of an event, through p as if it was read at read, and tells what each step did. It
// counts in no statistic. A container's line is looked at alone, even if it is only a part.
func (p *Program) Inspect(line []byte, read time.Time) Trace {
	s := p.pool.New().(*scratch) // its own, so that its tally goes nowhere
	f := p.frame(s, line)
	ev := &event{read: read, time: f.time, text: f.text, stamp: f.stamp, lane: f.lane, bad: f.bad}
	ev.own()
	return p.traced(s, ev)
}
