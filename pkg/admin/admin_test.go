package admin

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func options(look func() Snapshot, beats *Beats) Options {
	return Options{Look: look, Beats: beats, Log: slog.New(slog.DiscardHandler)}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return rec.Code, rec.Body.String()
}

func TestReadyTellsWhy(t *testing.T) {
	snap := Snapshot{Status: Status{Schema: Schema, Reasons: []string{"target central: denied"}}}
	s, err := Listen(t.Context(), options(func() Snapshot { return snap }, NewBeats(time.Now)))
	if err != nil {
		t.Fatal(err)
	}
	if code, body := get(t, s.Handler(), "/readyz"); code != 503 || !strings.Contains(body, "target central: denied") {
		t.Errorf("not ready: %d %s", code, body)
	}
	snap.Ready, snap.Reasons = true, nil
	if code, _ := get(t, s.Handler(), "/readyz"); code != 200 {
		t.Errorf("ready: %d", code)
	}
	_, body := get(t, s.Handler(), "/status")
	var back Status
	if err := json.Unmarshal([]byte(body), &back); err != nil || !back.Ready || back.Schema != Schema {
		t.Errorf("status %s: %v", body, err)
	}
}

func TestHealthNamesTheSilentLoop(t *testing.T) {
	now := time.Unix(0, 0)
	beats := NewBeats(func() time.Time { return now })
	s, err := Listen(t.Context(), options(func() Snapshot { return Snapshot{} }, beats))
	if err != nil {
		t.Fatal(err)
	}
	beat := beats.Join("readers")
	beats.Join("senders")
	now = now.Add(BeatLimit + time.Second)
	beat()
	if code, body := get(t, s.Handler(), "/healthz"); code != 503 || !strings.Contains(body, "senders") || strings.Contains(body, "readers") {
		t.Errorf("one silent loop: %d %s", code, body)
	}
	beats.Leave("senders")
	if code, _ := get(t, s.Handler(), "/healthz"); code != 200 {
		t.Errorf("after it left: %d", code)
	}
}

func TestMetricsAreInTheTable(t *testing.T) {
	look := func() Snapshot {
		return Snapshot{Metrics: []Sample{
			{Name: "shipper_ready", Value: 1},
			{Name: "shipper_requests_total", Labels: []string{"central", "ok"}, Value: 7},
		}}
	}
	s, err := Listen(t.Context(), options(look, NewBeats(time.Now)))
	if err != nil {
		t.Fatal(err)
	}
	code, body := get(t, s.Handler(), "/metrics")
	if code != 200 || !strings.Contains(body, `shipper_requests_total{result="ok",target="central"} 7`) {
		t.Errorf("%d\n%s", code, body)
	}
	bad, err := Listen(t.Context(), options(func() Snapshot { return Snapshot{Metrics: []Sample{{Name: "shipper_nonsense", Value: 1}}} }, NewBeats(time.Now)))
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := get(t, bad.Handler(), "/metrics"); code != 500 {
		t.Errorf("a metric that is in no table was served: %d", code)
	}
}

func TestSocketAndPort(t *testing.T) {
	o := options(func() Snapshot { return Snapshot{Status: Status{Schema: Schema}} }, NewBeats(time.Now))
	o.Socket = filepath.Join(t.TempDir(), "run", "shipper.sock")
	o.Listen = "127.0.0.1:0"
	s, err := Listen(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	taken := o
	taken.Listen, taken.Socket = s.listeners[0].Addr().String(), ""
	if _, err := Listen(t.Context(), taken); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a port in use: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", o.Socket)
	}}}
	resp, err := client.Get("http://shipper/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), `"schema": 1`) {
		t.Errorf("%s %v", body, err)
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestProfilesOnlyWhenAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		o := options(func() Snapshot { return Snapshot{} }, NewBeats(time.Now))
		o.Pprof = on
		s, err := Listen(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if code, _ := get(t, s.Handler(), "/debug/pprof/heap"); (code == 200) != on {
			t.Errorf("pprof = %v: %d", on, code)
		}
		if code, _ := get(t, s.Handler(), "/debug/pprof/cmdline"); code != 404 {
			t.Errorf("the command line, which may hold a secret: %d", code)
		}
	}
}

// TestStrangeLabels: what comes from outside costs no scrape.
func TestStrangeLabels(t *testing.T) {
	lag := func(path string) Sample {
		return Sample{Name: "shipper_file_lag_bytes", Labels: []string{"app", "central", path}, Value: 1}
	}
	look := func() Snapshot {
		return Snapshot{Metrics: []Sample{
			lag("/a\xff"), lag(`/a\xff`), lag("/b\n\"c"), lag("/" + strings.Repeat("x", 10000)),
			{Name: "shipper_request_duration_seconds", Labels: []string{"central"},
				Histogram: &Buckets{Bounds: []float64{.1, 1}, Counts: []uint64{2, 3}, Count: 4, Sum: 9}},
		}}
	}
	s, err := Listen(t.Context(), options(look, NewBeats(time.Now)))
	if err != nil {
		t.Fatal(err)
	}
	code, body := get(t, s.Handler(), "/metrics")
	for _, want := range []string{`path="/a\\xff"`, `path="/b\n\"c"`, `seconds_bucket{target="central",le="1"} 3`, `seconds_count{target="central"} 4`} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("%d, no %s in\n%s", code, want, body)
		}
	}
}

func TestAskedLoops(t *testing.T) {
	b := NewBeats(time.Now)
	b.Ask(func(limit time.Duration) []string {
		if limit != BeatLimit {
			t.Errorf("asked with %s", limit)
		}
		return []string{"senders of central"}
	})
	if late := b.Late(); len(late) != 1 || late[0] != "senders of central" {
		t.Error(late)
	}
}
