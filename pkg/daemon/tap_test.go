package daemon

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/process"
	"shipper/pkg/tail"
)

// next is the next log that a tap shows.
func next(t *testing.T, tap admin.Tap) admin.TapLog {
	t.Helper()
	select {
	case l := <-tap.Logs():
		return l
	case <-time.After(20 * time.Second):
		t.Fatal("no log")
		return admin.TapLog{}
	}
}

func looksOn(t *testing.T, d *Daemon, r admin.TapRequest) admin.Tap {
	t.Helper()
	if r.Rate == 0 {
		r.Rate = admin.DefaultTapRate
	}
	tap, err := d.taps.listen(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tap.Close)
	return tap
}

// TestTap: who looks on sees lines as they are sent, with steps and without, before and after a reload, of what was asked for.
func TestTap(t *testing.T) {
	w := newWorld(t)
	s := w.settings(app + `[input.steps]
paths = ["DIR/steps.log"]
[[input.steps.step]]
redact = { regex = 'secret\d' }
[[input.steps.step]]
drop_if = { regex = "debug" }
`)
	l := w.start(t, s)
	all := looksOn(t, l.d, admin.TapRequest{})
	inspect := looksOn(t, l.d, admin.TapRequest{Input: "steps", Target: "central", File: "steps.log", Inspect: true})
	none := looksOn(t, l.d, admin.TapRequest{File: "elsewhere"})
	w.add(t, "app.log", "plain\n")
	if got := next(t, all); got.Input != "app" || got.Path != w.path("app.log") || got.Fields[0] != (admin.TapField{Key: "content", Value: "plain"}) {
		t.Errorf("%+v", got)
	}
	w.add(t, "steps.log", "debug\nsecret1\n")
	if got := next(t, all); fmt.Sprint(got.Fields) != "[{content *** 0}]" || got.Stages != nil {
		t.Errorf("%+v", got)
	}
	if got := next(t, inspect); !got.Dropped || len(got.Stages) != 3 || got.Stages[2].Name != "drop_if" {
		t.Errorf("dropped: %+v", got)
	}
	if got := next(t, inspect); got.Dropped || fmt.Sprint(got.Stages[0].Fields, got.Stages[1].Fields) != "[{content secret1 0}] [{content *** 0}]" {
		t.Errorf("inspected: %+v", got)
	}
	s.rest = strings.Replace(s.rest, "debug", "nothing", 1)
	l.reload(s)
	w.add(t, "steps.log", "debug\n")
	if got := next(t, all); got.Fields[0].Value != "debug" {
		t.Errorf("after a reload: %+v", got)
	}
	if c := all.Counts(); c.Seen != 3 || c.Shown != 3 {
		t.Errorf("counts %+v", c)
	}
	if c := none.Counts(); c.Seen != 0 {
		t.Errorf("of another file: %+v", c)
	}
}

// TestTapIsBounded: a burst shows as many logs as were asked for, and the rest is counted; a reader who does not read stops nobody.
func TestTapIsBounded(t *testing.T) {
	var all taps
	few, err := all.listen(admin.TapRequest{Rate: 3})
	if err != nil {
		t.Fatal(err)
	}
	idle, err := all.listen(admin.TapRequest{Rate: admin.MaxTapRate})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{taps: &all, route: tail.Route{Input: "app", Target: "central"}, path: func() string { return "/x" }}
	long := strings.Repeat("中", maxTapValue)
	lines := make([]tail.Line, 500)
	for i := range lines {
		lines[i] = tail.Line{Text: []byte(long), Size: len(long) + 1}
	}
	w.lines(tail.NewChunk(nil, 0, 0, 0, lines, time.Now()))
	if c := few.Counts(); c.Seen != 500 || c.Shown < 3 || c.Shown > 6 { // a slow machine earns some more meanwhile
		t.Errorf("3 a second: %+v", c)
	}
	if c := idle.Counts(); c.Seen != 500 || c.Shown != tapQueue {
		t.Errorf("nobody reads: %+v", c)
	}
	f := (<-few.Logs()).Fields[0]
	if len(f.Value) > maxTapValue || !strings.HasPrefix(long, f.Value) || f.Cut != len(long)-len(f.Value) || !strings.HasSuffix(f.Value, "中") {
		t.Errorf("a long value: %d bytes, cut %d", len(f.Value), f.Cut)
	}
	for range maxTaps - 2 {
		if _, err := all.listen(admin.TapRequest{Rate: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := all.listen(admin.TapRequest{Rate: 1}); err == nil {
		t.Error("one too many may look on")
	}
}

// TestNobodyLooksOn: what the lines' way costs then is nothing to speak of.
func TestNobodyLooksOn(t *testing.T) {
	var all taps
	tap, err := all.listen(admin.TapRequest{Rate: 1})
	if err != nil {
		t.Fatal(err)
	}
	tap.Close()
	tap.Close()
	w := &watched{taps: &all, path: func() string { t.Error("asked for the path"); return "" }}
	if n := testing.AllocsPerRun(100, func() {
		if w.Wants() {
			t.Error("somebody does")
		}
	}); n > 0 || all.open.Load() != nil {
		t.Errorf("%v allocations", n)
	}
}

// TestTapOfManyFields bounds what one log can cost.
func TestTapOfManyFields(t *testing.T) {
	var fields []process.KeyValue
	for i := range 2 * maxTapFields {
		fields = append(fields, process.KeyValue{Key: fmt.Sprint(i), Value: strings.Repeat("x", 4096)})
	}
	total := 0
	for _, f := range tapFields(fields) {
		total += len(f.Key) + len(f.Value)
	}
	if n := len(tapFields(fields)); n != maxTapFields || total > maxTapLog+n*8 {
		t.Errorf("%d fields, %d bytes", n, total)
	}
}
