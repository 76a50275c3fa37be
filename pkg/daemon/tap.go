package daemon

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"shipper/pkg/admin"
	"shipper/pkg/batch"
	"shipper/pkg/process"
	"shipper/pkg/tail"
)

// What somebody who looks on may cost.
const (
	maxTaps      = 8         // at once
	tapQueue     = 64        // logs that wait for a slow reader; more are left out
	maxTapValue  = 16 << 10  // bytes of a value
	maxTapFields = 256       // fields of a log
	maxTapLog    = 128 << 10 // bytes of all values of a log, roughly
)

// taps are those who look on. While there are none, the lines' way costs one atomic load for each chunk, or event.
type taps struct {
	open atomic.Pointer[[]*tap] // nil: nobody; replaced as a whole
	mu   sync.Mutex             // guards changes of open
}

// listen lets somebody look on until Close.
func (t *taps) listen(r admin.TapRequest) (admin.Tap, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.list()
	if len(list) >= maxTaps {
		return nil, admin.ErrTaps
	}
	one := &tap{all: t, want: r, logs: make(chan admin.TapLog, tapQueue), tokens: float64(r.Rate), filled: time.Now()}
	more := append(slices.Clone(list), one)
	t.open.Store(&more)
	return one, nil
}

func (t *taps) list() []*tap {
	if l := t.open.Load(); l != nil {
		return *l
	}
	return nil
}

func (t *taps) leave(one *tap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(t.list()), func(o *tap) bool { return o == one })
	if len(rest) == 0 {
		t.open.Store(nil)
		return
	}
	t.open.Store(&rest)
}

// tap is one of them. It implements admin.Tap.
type tap struct {
	all  *taps
	want admin.TapRequest
	logs chan admin.TapLog

	seen, shown atomic.Int64

	mu     sync.Mutex // guards what follows
	tokens float64    // logs that may be shown now
	filled time.Time  // when tokens was right
}

// Logs implements admin.Tap.
func (t *tap) Logs() <-chan admin.TapLog { return t.logs }

// Counts implements admin.Tap.
func (t *tap) Counts() admin.TapCounts {
	return admin.TapCounts{Seen: t.seen.Load(), Shown: t.shown.Load()}
}

// Close implements admin.Tap.
func (t *tap) Close() { t.all.leave(t) }

func (t *tap) wants(r tail.Route, path string) bool {
	return (t.want.Input == "" || t.want.Input == r.Input) && (t.want.Target == "" || t.want.Target == r.Target) &&
		strings.Contains(path, t.want.File)
}

// take reports whether a log may be shown now: as many a second as were asked for, and as many at once.
func (t *tap) take(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	rate := float64(t.want.Rate)
	t.tokens = min(rate, t.tokens+max(0, now.Sub(t.filled).Seconds())*rate)
	t.filled = now
	if t.tokens < 1 || len(t.logs) == cap(t.logs) {
		return false
	}
	t.tokens--
	return true
}

// giveBack undoes take for something that is not shown.
func (t *tap) giveBack() {
	t.seen.Add(-1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens++
}

// show hands a log over, unless the reader is too slow.
func (t *tap) show(l admin.TapLog) {
	t.shown.Add(1)
	select {
	case t.logs <- l:
	default:
		t.shown.Add(-1)
	}
}

// watched is one stream as those see it who look on. It is a process.Watcher.
type watched struct {
	taps  *taps
	route tail.Route
	path  func() string
	asked []*tap // who wants the event whose steps are about to run; guarded by the Pipe's lock
}

// listeners are those who want something of this stream.
func (w *watched) listeners() []*tap {
	list := w.taps.list()
	if len(list) == 0 {
		return nil
	}
	path := w.path()
	return slices.DeleteFunc(slices.Clone(list), func(t *tap) bool { return !t.wants(w.route, path) })
}

// Wants implements process.Watcher.
func (w *watched) Wants() bool {
	if w.taps.open.Load() == nil {
		return false
	}
	w.asked = w.asked[:0]
	now := time.Now()
	for _, t := range w.listeners() {
		if t.seen.Add(1); t.take(now) {
			w.asked = append(w.asked, t)
		}
	}
	return len(w.asked) > 0
}

// Saw implements process.Watcher.
func (w *watched) Saw(tr process.Trace) {
	for _, t := range w.asked {
		if tr.Dropped && !t.want.Inspect {
			t.giveBack() // it is no log after all
			continue
		}
		l := w.log(tr.Time, tr.Fields())
		l.Dropped = tr.Dropped
		if t.want.Inspect {
			for _, st := range tr.Stages {
				l.Stages = append(l.Stages, admin.TapStage{Name: st.Name, Note: st.Note, Fields: tapFields(st.Fields)})
			}
		}
		t.show(l)
	}
}

func (w *watched) log(at time.Time, fields []process.KeyValue) admin.TapLog {
	return admin.TapLog{Input: w.route.Input, Target: w.route.Target, Path: w.path(), Time: at, Fields: tapFields(fields)}
}

// tapFields copies fields, the beginning of them if they are long.
func tapFields(fields []process.KeyValue) []admin.TapField {
	out := make([]admin.TapField, 0, min(len(fields), maxTapFields))
	room := maxTapLog
	for _, f := range fields {
		if len(out) == maxTapFields {
			break
		}
		value := cutText(f.Value, min(maxTapValue, max(room, 0)))
		room -= len(f.Key) + len(value)
		out = append(out, admin.TapField{Key: cutText(f.Key, maxTapValue), Value: value, Cut: len(f.Value) - len(value)})
	}
	return out
}

// cutText is the beginning of s, no longer than n bytes, that does not end within a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// watchedWriter is the way of lines without steps, which go into batches as they are.
type watchedWriter struct {
	*batch.Writer
	watched *watched
}

// Write implements tail.Sink.
func (s *watchedWriter) Write(c *tail.Chunk) {
	if s.watched.taps.open.Load() != nil {
		s.watched.lines(c)
	}
	s.Writer.Write(c)
}

// lines shows what it may of a chunk's lines.
func (w *watched) lines(c *tail.Chunk) {
	listeners := w.listeners()
	now := time.Now()
	for i := range c.Lines {
		if c.Lines[i].Flags&tail.Skip != 0 {
			continue
		}
		for _, t := range listeners {
			if t.seen.Add(1); !t.take(now) {
				continue
			}
			l := w.log(c.Read, []process.KeyValue{{Key: process.ContentKey, Value: string(c.Lines[i].Text)}})
			if t.want.Inspect {
				l.Stages = []admin.TapStage{{Name: "format " + process.Plain, Fields: l.Fields}}
			}
			t.show(l)
		}
	}
}
