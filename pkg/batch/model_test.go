package batch

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shipper/internal/units"
	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// river is one stream of the model.
type river struct {
	s     *checkpoint.Stream
	w     *Writer
	pos   int64
	lines []line // written and not yet seen in a batch
	next  int64  // where the next batch begins, skipped runs apart
	pack  uint64
	dead  int64
	acked int64
}

type line struct {
	text string
	size int
	skip bool
}

type model struct {
	b      *Batcher
	now    time.Time
	rivers map[tail.StreamID]*river
	all    []*river
	held   []*Batch // taken and not settled
}

func (m *model) river(t *rapid.T) *river { return rapid.SampledFrom(m.all).Draw(t, "stream") }

func (m *model) write(t *rapid.T) {
	r := m.river(t)
	var block []byte
	var ls []tail.Line
	from := r.pos
	for range rapid.IntRange(1, 12).Draw(t, "lines") {
		n := rapid.IntRange(0, 60).Draw(t, "len")
		text := fmt.Sprintf("%*d", n, r.pos)
		skip := rapid.IntRange(0, 5).Draw(t, "skip") == 0
		l := tail.Line{Text: []byte(text), Size: len(text) + 1}
		if skip {
			l.Text, l.Flags = nil, tail.Skip
		}
		ls = append(ls, l)
		block = append(append(block, text...), '\n')
		r.lines = append(r.lines, line{text, l.Size, skip})
		r.pos += int64(l.Size)
	}
	c := tail.NewChunk(block, from, from, r.pos, ls, m.now)
	if rapid.Bool().Draw(t, "plain") {
		r.w.Write(c)
		return
	}
	for _, l := range ls {
		if l.Flags&tail.Skip != 0 {
			r.w.Skip(l.Size, c)
		} else {
			r.w.Append(&Log{Fields: []Field{{[]byte(contentKey), l.Text}}, Size: l.Size}, c)
		}
	}
}

// see checks a batch against what was written. Batches of a stream are seen in the order of the file.
func (m *model) see(t *rapid.T, b *Batch) {
	r := m.rivers[b.Stream]
	if b.Logs == 0 || b.Logs != len(b.Sizes) || b.Logs > m.b.config.MaxLogs {
		t.Fatalf("%d logs, %d sizes", b.Logs, len(b.Sizes))
	}
	if len(b.Group()) > int(m.b.config.MaxBytes) && b.Logs > 1 {
		t.Fatalf("group of %d bytes", len(b.Group()))
	}
	for r.next < b.Range.From { // settled as skipped, without a batch
		if !r.lines[0].skip {
			t.Fatalf("line at %d is in no batch", r.next)
		}
		r.next += int64(r.lines[0].size)
		r.lines = r.lines[1:]
	}
	if r.next != b.Range.From || b.Pack != r.pack {
		t.Fatalf("batch %d begins at %d, want %d at %d", b.Pack, b.Range.From, r.pack, r.next)
	}
	r.pack++
	logs := sameBytes(t, b.Group()).Logs
	i := 0
	for r.next < b.Range.To {
		l := r.lines[0]
		r.lines = r.lines[1:]
		r.next += int64(l.size)
		if l.skip {
			continue
		}
		if logs[i].Contents[0].GetValue() != l.text || int(b.Sizes[i]) != l.size {
			t.Fatalf("log %d is %q of %d bytes, want %q of %d", i, logs[i].Contents[0].GetValue(), b.Sizes[i], l.text, l.size)
		}
		i++
	}
	if i != b.Logs || r.next != b.Range.To {
		t.Fatalf("%d logs of %d, ends at %d of %d", i, b.Logs, r.next, b.Range.To)
	}
	lo := rapid.IntRange(0, b.Logs).Draw(t, "from")
	hi := rapid.IntRange(lo, b.Logs).Draw(t, "to")
	part := sameBytes(t, b.Slice(lo, hi, func(int) []byte { return nil }))
	if len(part.Logs) != hi-lo || len(part.LogTags) != 2 {
		t.Fatalf("slice [%d,%d) has %d logs, %d tags", lo, hi, len(part.Logs), len(part.LogTags))
	}
	for i, l := range part.Logs {
		if l.String() != logs[lo+i].String() {
			t.Fatalf("slice: log %d differs", i)
		}
	}
}

func (m *model) take(t *rapid.T) {
	queued := m.b.Stats().Queued
	if queued == 0 {
		return
	}
	limit := Limit{Bytes: rapid.Int64Range(0, 3000).Draw(t, "bytes"), Groups: rapid.IntRange(0, 5).Draw(t, "groups")}
	got, err := m.b.Take(t.Context(), nil, limit)
	if err != nil || len(got) == 0 || len(got) > max(1, limit.Groups) {
		t.Fatalf("%d batches, %v", len(got), err)
	}
	var bytes int64
	for _, b := range got {
		bytes += int64(len(b.Group()))
	}
	if len(got) > 1 && bytes > limit.Bytes {
		t.Fatalf("%d bytes, limit %d", bytes, limit.Bytes)
	}
	if rapid.IntRange(0, 3).Draw(t, "return") == 0 {
		m.b.Return(got...)
		if m.b.Stats().Queued != queued {
			t.Fatal("batches got lost on the way back")
		}
		return
	}
	for _, b := range got {
		m.see(t, b)
		m.held = append(m.held, b)
	}
}

func (m *model) settle(t *rapid.T) {
	if len(m.held) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.held)-1).Draw(t, "held")
	b := m.held[i]
	r := m.rivers[b.Stream]
	if k := rapid.IntRange(0, b.Logs).Draw(t, "dead"); k == 0 {
		b.Ack()
		r.acked += b.Bytes(0, b.Logs)
	} else {
		o := checkpoint.Outcome{Dead: b.Bytes(0, k), Acked: b.Bytes(k, b.Logs)}
		r.dead += o.Dead
		r.acked += o.Acked
		b.Settle(o)
	}
	b.Free()
	b.Free()
	m.held = slices.Delete(m.held, i, i+1)
}

// TestModel lets several streams write, batches grow old, and senders take, return and settle at random, and compares every
// line with what was written and every byte with the ledger.
func TestModel(t *testing.T) {
	store, err := checkpoint.Open(t.TempDir(), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{now: time.Unix(1_700_000_000, 0), rivers: map[tail.StreamID]*river{}}
		budget := NewBudget(1 << 20)
		config := Config{MaxBytes: units.Bytes(rapid.Int64Range(600, 3000).Draw(rt, "max")), MaxLogs: rapid.IntRange(1, 20).Draw(rt, "logs"), MaxDelay: units.Duration(time.Second), InFlight: 1}
		m.b = New(Options{Config: config, Target: "to", Budget: budget, Share: 1 << 14, Now: func() time.Time { return m.now }})
		for range 3 {
			s := store.Stream(store.Begin(tail.Epoch{}))
			r := &river{s: s, w: m.b.Writer(s, path("/f"))}
			m.rivers[s.ID()] = r
			m.all = append(m.all, r)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.write, "write2": m.write, "take": m.take, "settle": m.settle,
			"ready": func(t *rapid.T) { m.river(t).w.Ready() },
			"age": func(t *rapid.T) {
				m.now = m.now.Add(700 * time.Millisecond)
				m.b.sealOld()
			},
			"finish": func(t *rapid.T) { m.river(t).w.Finish() },
			"seal": func(t *rapid.T) {
				m.b.Seal()
				if m.b.Stats().Open != 0 {
					t.Fatal("open after Seal")
				}
			},
			"": func(t *rapid.T) {
				for _, r := range m.all {
					c := r.s.Epoch().Counts
					if c.Read != r.pos || c.Acked != r.acked || c.Dead != r.dead {
						t.Fatalf("counts %+v, want read %d acked %d dead %d", c, r.pos, r.acked, r.dead)
					}
				}
			},
		})
		m.b.Close()
		for {
			got, err := m.b.Take(context.Background(), nil, Limit{})
			if err == io.EOF {
				break
			}
			m.see(rt, got[0])
			m.held = append(m.held, got...)
		}
		for len(m.held) > 0 {
			m.settle(rt)
		}
		for _, r := range m.all {
			for _, l := range r.lines {
				if !l.skip {
					rt.Fatalf("line %q never came", l.text)
				}
			}
			if e := r.s.Epoch(); e.Offset != r.pos || e.Counts.Pending() != 0 || r.w.Ready() {
				rt.Fatalf("at the end %+v, written %d", e, r.pos)
			}
			store.End(r.s.ID())
		}
		if budget.Used() != 0 || m.b.used.Load() != 0 {
			rt.Fatalf("%d bytes are still in use, %d by the target", budget.Used(), m.b.used.Load())
		}
	})
}
