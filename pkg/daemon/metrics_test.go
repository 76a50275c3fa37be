package daemon

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/tail"
)

// scrape returns what Prometheus would get.
func scrape(t *testing.T, d *Daemon) string {
	t.Helper()
	s, err := admin.Listen(t.Context(), admin.Options{Look: d.Snapshot, Beats: d.beats, Log: d.log})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

func TestMetricsTellTheTruth(t *testing.T) {
	w := newWorld(t)
	w.write(t, "odd\xffname.log", "{\"a\":\"b\"}\nnot json\nlong long line\n")
	cfg := w.load(t, `
[input.app]
paths = ["DIR/*.log"]
max_line = "1KiB"
long_line = "skip"
[[input.app.step]]
parse = { as = "json" }
`)
	f, err := os.OpenFile(w.path("odd\xffname.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Repeat("x", 5000) + "\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	d := build(t, cfg, true)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := scrape(t, d)
	for _, want := range []string{
		`shipper_ready 1`,
		`shipper_read_lines_total{input="app"} 3`,
		`shipper_truncated_lines_total{input="app"} 1`,
		`shipper_parse_errors_total{input="app",step="1 parse json"} 2`,
		`shipper_acked_logs_total{input="app",target="central"} 3`,
		`shipper_acked_bytes_total{input="app",target="central"} 34`,
		`shipper_lost_bytes_total{input="app",reason="deleted"} 0`,
		`shipper_requests_total{result="ok",target="central"} 1`,
		`shipper_request_duration_seconds_count{target="central"} 1`,
		`shipper_credentials_refreshes_total{result="ok",target="central"} 1`,
		`shipper_credentials_lifetime_seconds{target="central"} 36`,
		`shipper_input_lag_bytes{input="app",target="central"} 0`,
		`odd\\xffname.log`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(page, "oldest_unsent") {
		t.Error("everything is delivered, and something waits")
	}
}

// TestEveryMetricIsMade: what the table promises is exported, once there is something to tell.
func TestEveryMetricIsMade(t *testing.T) {
	w := newWorld(t)
	w.write(t, "app.log", "one\n")
	cfg := w.load(t, "[input.app]\npaths = [\"DIR/*.log\"]\nformat = \"json\"\n")
	d := build(t, cfg, true)
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	for _, s := range d.Snapshot().Metrics {
		made[s.Name] = true
	}
	later := []string{ // nothing happened yet that they could tell
		"shipper_dead_letter_logs_total", "shipper_input_oldest_unsent_timestamp_seconds",
	}
	for _, m := range admin.Metrics {
		if made[m.Name] == slices.Contains(later, m.Name) {
			t.Errorf("%s: made is %v", m.Name, made[m.Name])
		}
		delete(made, m.Name)
	}
	if len(made) > 0 {
		t.Errorf("not in the table: %v", slices.Sorted(maps.Keys(made)))
	}
}

// TestCountersSurviveReload: another target and other steps go on counting where the ones before ended.
func TestCountersSurviveReload(t *testing.T) {
	w := newWorld(t)
	s := w.settings("[input.app]\npaths = [\"DIR/*.log\"]\nformat = \"json\"\n")
	s.target = "batch.max_delay = \"20ms\""
	l := w.start(t, s)
	w.add(t, "app.log", "one\n")
	l.arrives("web", "one")
	total := func(name string, labels ...string) float64 {
		for _, m := range l.d.Snapshot().Metrics {
			if m.Name == name && slices.Equal(m.Labels, labels) {
				return m.Value
			}
		}
		return -1
	}
	check := func(n float64) {
		t.Helper()
		for _, m := range [][]string{
			{"shipper_requests_total", "central", "ok"}, {"shipper_parse_errors_total", "app", "format"},
			{"shipper_acked_logs_total", "app", "central"}, {"shipper_read_lines_total", "app"},
		} {
			if got := total(m[0], m[1:]...); got != n {
				t.Errorf("%v is %v, want %v", m, got, n)
			}
		}
	}
	settled := func() { until(t, "all is settled", func() bool { return l.d.pending() == 0 }) }
	settled()
	check(1)
	want := []string{"one"}
	for i := range 3 {
		s.target = fmt.Sprintf("batch.max_delay = \"%dms\"", 30+i)
		s.rest = fmt.Sprintf("[input.app]\npaths = [\"DIR/*.log\"]\nformat = \"json\"\n[[input.app.step]]\nadd = { n = \"%d\" }\n", i)
		l.reload(s)
		check(float64(i + 1))
		w.add(t, "app.log", "more\n")
		want = append(want, "more")
		l.arrives("web", want...)
		settled()
		check(float64(i + 2))
	}
}

func TestWaiting(t *testing.T) {
	w := newWaiting()
	start := time.Unix(1e9, 0)
	const id = tail.StreamID(1)
	look := func(second int, offset, size int64) time.Duration {
		w.begin()
		defer w.end()
		now := start.Add(time.Duration(second) * time.Second)
		at := w.since(id, offset, size, now, now)
		if at.IsZero() {
			return -1
		}
		return now.Sub(at) / time.Second
	}
	for _, step := range []struct {
		second       int
		offset, size int64
		want         time.Duration
	}{
		{0, 0, 0, -1}, {10, 0, 5, 0}, {20, 0, 5, 10}, {30, 0, 9, 20}, // the first 5 bytes wait
		{40, 5, 9, 10}, {50, 7, 20, 20}, // they are gone: the next ones were there 20 s ago
		{60, 20, 20, -1}, {70, 20, 30, 0},
	} {
		if got := look(step.second, step.offset, step.size); got != step.want {
			t.Errorf("at %d: %d s, want %d", step.second, got, step.want)
		}
	}
	for i := range 1000 { // a file that grows and is never sent
		if got := look(70+i, 20, int64(30+i)); got != time.Duration(i) {
			t.Fatalf("after %d s: %d", i, got)
		}
	}
	if n := len(w.files[id].seen); n > mostSizes {
		t.Errorf("%d sizes are kept", n)
	}
	w.begin()
	w.end()
	if len(w.files) != 0 {
		t.Error("a file that is gone is remembered")
	}
}

// TestHangingIsTold: a part that is at the same thing for long makes the process unhealthy, and is named.
func TestHangingIsTold(t *testing.T) {
	w := newWorld(t)
	d := build(t, w.load(t, "[input.app]\npaths = [\"DIR/*.log\"]\n"), false)
	defer d.release()
	if late := d.beats.Late(); len(late) != 0 {
		t.Errorf("at the start: %v", late)
	}
	gen := d.now()
	stream := d.store.Stream(d.store.Begin(tail.Epoch{Route: tail.Route{Input: "app", Target: "central"}, Path: "x"}))
	sink := d.newSink(tail.Stream{ID: stream.ID(), Route: stream.Epoch().Route, Path: func() string { return "x" }})
	sink.Write(tail.NewChunk([]byte("a\n"), 0, 0, 2, []tail.Line{{Text: []byte("a"), Size: 2}}, time.Now()))
	until(t, "nobody seals", func() bool { return gen.targets["central"].batches.Overdue() > 0 })
	if names := d.hanging(time.Nanosecond); !slices.Contains(names, "batches of central") {
		t.Errorf("%v", names)
	}
	if names := d.hanging(time.Hour); len(names) != 0 {
		t.Errorf("%v", names)
	}
}
