package process

import "time"

// Trace is what a Program does to one line.
type Trace struct {
	Stages  []Stage
	Dropped bool
	Time    time.Time // the log's time; when the line was read if nothing says better
}

// Stage is the log after the format or a step.
type Stage struct {
	Name   string // "format cri", "parse json", "drop_if"
	Note   string // why it did nothing; "" if it did what it is for
	Fields []KeyValue
}

// KeyValue is a field for people.
type KeyValue struct{ Key, Value string }

// Inspect runs one line, or the joined lines of an event, through p as if it was read at read, and tells what each step did. It
// counts in no statistic. A container's line is looked at alone, even if it is only a part.
func (p *Program) Inspect(line []byte, read time.Time) Trace {
	s := p.pool.New().(*scratch) // its own, so that its tally goes nowhere
	var t Trace
	s.trace = func(name string, o outcome) {
		st := Stage{Name: name, Note: o.reason}
		for _, f := range s.fields {
			st.Fields = append(st.Fields, KeyValue{string(f.Key), string(f.Value)})
		}
		t.Stages = append(t.Stages, st)
	}
	f := p.frame(s, line)
	ev := &event{read: read, time: f.time, text: f.text, stamp: f.stamp, lane: f.lane, bad: f.bad}
	ev.own()
	t.Dropped = !p.run(s, ev)
	t.Time = read
	if s.time != 0 {
		t.Time = time.Unix(0, s.time).In(read.Location())
	}
	return t
}
