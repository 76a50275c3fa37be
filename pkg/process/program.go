package process

import (
	"regexp"
	"sync"
	"time"

	"github.com/valyala/fastjson"

	"shipper/pkg/batch"
)

// Program is the running form of a Config: one an input, shared by the Pipes of its streams, safe for concurrent use.
type Program struct {
	format  string
	multi   *multiline // nil: every line is an event
	limit   int        // bytes of an event
	timeout time.Duration
	actions []*action
	seams   []*redact // those that look at the text of an event, also where it had to be cut
	pool    sync.Pool // of *scratch
	stats   counters
}

// multiline is the running form of a Multiline.
type multiline struct {
	start, cont, end *regexp.Regexp // nil where not set
	maxLines         int
}

// New makes the Program of an input. Its error is that of c.Validate.
func New(c Config) (*Program, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m := DefaultMultiline() // its limits also hold for the pieces of a container's line
	p := &Program{format: c.Format}
	if p.format == "" {
		p.format = Plain
	}
	if c.Multiline != nil {
		m = c.Multiline.filled()
		p.multi = &multiline{start: orNil(m.Start), cont: orNil(m.Continue), end: orNil(m.End), maxLines: m.MaxLines}
	}
	p.limit, p.timeout = int(m.MaxBytes), m.Timeout.D()
	for _, s := range c.Steps {
		a, err := s.build()
		if err != nil {
			return nil, err
		}
		p.actions = append(p.actions, a)
		if r, ok := a.verb.(*redact); ok && (r.key == "" || r.key == ContentKey) {
			p.seams = append(p.seams, r)
		}
	}
	p.stats.steps = make([]stepCounters, len(p.actions))
	p.pool.New = func() any {
		return &scratch{
			parsers: make([]fastjson.Parser, len(p.actions)+1),
			tally:   tally{steps: make([]StepStats, len(p.actions))},
		}
	}
	return p, nil
}

// orNil compiles what Validate has seen to compile.
func orNil(pattern string) *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	return regexp.MustCompile(pattern)
}

// Plain reports whether lines go through as they are, so that the stream's batch.Writer can take them without a Pipe.
func (p *Program) Plain() bool { return p.format == Plain && p.multi == nil && len(p.actions) == 0 }

// contained reports whether each line of the file holds one of a container.
func (p *Program) contained() bool { return p.format == CRI || p.format == Docker }

func (p *Program) borrow() *scratch { return p.pool.Get().(*scratch) }

func (p *Program) giveBack(s *scratch) {
	p.stats.add(&s.tally)
	clear(s.fields[:cap(s.fields)]) // views of somebody else's block
	s.log, s.trace = batch.Log{}, nil
	p.pool.Put(s)
}

var ( // field names as bytes, never written to
	contentKey = []byte(ContentKey)
	sourceKey  = []byte(SourceKey)
	timeKey    = []byte(TimeKey)
	lanes      = [2][]byte{[]byte("stdout"), []byte("stderr")}
)

// run makes s.fields and s.time of an event and reports whether the log is to be sent.
func (p *Program) run(s *scratch, ev *event) bool {
	s.reset()
	s.read, s.time, s.step = ev.read, ev.time, 0
	p.fields(s, ev)
	for i, a := range p.actions {
		if a.whole && ev.piece {
			continue
		}
		s.step = i + 1
		o := a.verb.apply(s)
		switch o.result {
		case failed:
			s.tally.steps[i].Failed++
		case missing:
			s.tally.steps[i].Missing++
		case dropped:
			s.tally.steps[i].Dropped++
		}
		if s.trace != nil {
			s.trace(a.name, o)
		}
		if o.result == dropped {
			return false
		}
	}
	return len(s.fields) > 0
}

// fields makes the fields that the format gives.
func (p *Program) fields(s *scratch, ev *event) {
	o := outcome{}
	switch {
	case ev.bad:
		o = outcome{failed, "not a line of this format"}
		s.add(contentKey, ev.text)
	case p.format == JSON && !ev.piece:
		reason := jsonObject{}.extract(s, ev.text)
		if reason == "" && len(s.fields) == 0 {
			reason = nothing
		}
		if reason != "" {
			o = outcome{failed, reason}
			s.fields = append(s.fields[:0], batch.Field{Key: contentKey, Value: ev.text})
		}
	default:
		s.add(contentKey, ev.text)
		if p.contained() {
			if len(ev.stamp) > 0 { // the rest of a split line has none
				s.add(timeKey, ev.stamp)
			}
			s.add(sourceKey, lanes[ev.lane])
		}
	}
	if o.result == failed {
		s.tally.unframed++
	}
	if s.trace != nil {
		s.trace("format "+p.format, o)
	}
}
