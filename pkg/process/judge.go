package process

import (
	"slices"
	"strings"
	"time"

	"shipper/pkg/batch"
	"shipper/pkg/tail"
)

// Verdict is what a Test came to.
type Verdict struct {
	Events      []Trace      // what became of the lines: the logs that would be sent, and those that were dropped
	Differences []Difference // none: the test passed
	Read        time.Time    // when the lines were read: the time of a log that has none of its own
}

// Difference is one thing that is not as the Test says.
type Difference struct {
	Log   int     `json:"log"`             // which log, from 1
	Field string  `json:"field,omitempty"` // "" for the log itself or its time
	Kind  Kind    `json:"kind"`
	Want  *string `json:"want,omitempty"` // nil: nothing
	Got   *string `json:"got,omitempty"`  // nil: nothing
}

// Kind tells differences apart.
type Kind string

// The kinds there are.
const (
	NotSent    Kind = "not_sent"   // the log was expected
	Unexpected Kind = "unexpected" // the log was not
	OtherField Kind = "field"
	OtherTime  Kind = "time"
)

// Sent are the events that would be sent as logs.
func (v *Verdict) Sent() []Trace {
	return slices.DeleteFunc(slices.Clone(v.Events), func(t Trace) bool { return t.Dropped })
}

// Run plays t against the settings of an input. now is the time of reading if the test has none. Its error is that of c.Validate.
func (t Test) Run(c Config, now time.Time) (*Verdict, error) {
	p, err := New(c)
	if err != nil {
		return nil, err
	}
	if at, err := time.Parse(time.RFC3339Nano, t.At); err == nil {
		now = at
	}
	v := &Verdict{Events: p.play(t.file(), now), Read: now}
	v.Differences = t.compare(v.Sent())
	return v, nil
}

// play runs lines through a Pipe as the whole of a file and returns what became of them.
func (p *Program) play(lines []string, read time.Time) []Trace {
	var block []byte
	cut := make([]tail.Line, len(lines))
	for i, l := range lines {
		block = append(append(block, l...), '\n')
		cut[i] = tail.Line{Size: len(l) + 1}
		if l == "" {
			cut[i].Flags = tail.Skip | tail.Empty
		}
	}
	at := 0
	for i := range cut {
		cut[i].Text = block[at : at+cut[i].Size-1]
		at += cut[i].Size
	}
	var seen gallery
	pipe := p.Watched(nowhere{}, &seen)
	pipe.Write(tail.NewChunk(block, 0, 0, int64(len(block)), cut, read))
	pipe.Finish()
	return seen.events
}

// gallery is a Watcher that keeps everything.
type gallery struct{ events []Trace }

func (*gallery) Wants() bool   { return true }
func (g *gallery) Saw(t Trace) { g.events = append(g.events, t) }

// nowhere is an Out that sends nothing.
type nowhere struct{}

func (nowhere) Append(*batch.Log, *tail.Chunk) {}
func (nowhere) Skip(int, *tail.Chunk)          {}
func (nowhere) Ready() bool                    { return true }
func (nowhere) Jump(int64)                     {}
func (nowhere) Finish()                        {}

// compare tells how the logs that were sent differ from those that were expected, one by one in order.
func (t Test) compare(sent []Trace) (out []Difference) {
	for i, want := range t.Logs {
		if i >= len(sent) {
			out = append(out, Difference{Log: i + 1, Kind: NotSent})
			continue
		}
		out = append(out, want.compare(i+1, &sent[i])...)
	}
	for i := len(t.Logs); i < len(sent); i++ {
		out = append(out, Difference{Log: i + 1, Kind: Unexpected})
	}
	return out
}

func (l TestLog) compare(n int, got *Trace) (out []Difference) {
	has := map[string]string{}
	for _, f := range got.Fields() {
		has[f.Key] = f.Value
	}
	expected := l.Has
	if l.Fields != nil {
		expected = l.Fields
	}
	for key, want := range expected {
		if v, ok := has[key]; !ok {
			out = append(out, Difference{Log: n, Field: key, Kind: OtherField, Want: &want})
		} else if v != want {
			out = append(out, Difference{Log: n, Field: key, Kind: OtherField, Want: &want, Got: &v})
		}
	}
	for key, v := range has {
		_, listed := l.Fields[key]
		if l.Fields != nil && !listed || slices.Contains(l.Lacks, key) {
			out = append(out, Difference{Log: n, Field: key, Kind: OtherField, Got: &v})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return strings.Compare(a.Field, b.Field) })
	if want, err := time.Parse(time.RFC3339Nano, l.Time); err == nil && !want.Equal(got.Time) {
		shown := got.Time.In(want.Location()).Format(time.RFC3339Nano)
		out = append(out, Difference{Log: n, Kind: OtherTime, Want: &l.Time, Got: &shown})
	}
	return out
}
