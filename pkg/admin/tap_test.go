package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// fakeTap is a Tap that the test feeds.
type fakeTap struct {
	logs   chan TapLog
	closed chan struct{}
}

func (f *fakeTap) Logs() <-chan TapLog { return f.logs }
func (f *fakeTap) Counts() TapCounts   { return TapCounts{Seen: 7, Shown: 1} }
func (f *fakeTap) Close()              { close(f.closed) }

// TestTapOnTheSocketAlone streams logs to who may read the socket, until the client or the server ends.
func TestTapOnTheSocketAlone(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	asked := make(chan TapRequest, 1)
	tap := &fakeTap{logs: make(chan TapLog, 1), closed: make(chan struct{})}
	s, err := Listen(t.Context(), Options{
		Listen: "127.0.0.1:0", Socket: socket, Beats: NewBeats(time.Now), Log: slog.New(slog.DiscardHandler),
		Look: func() Snapshot { return Snapshot{} },
		Tap:  func(r TapRequest) (Tap, error) { asked <- r; return tap, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	resp, err := http.Get("http://" + s.listeners[0].Addr().String() + "/tap")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("on the port: %s", resp.Status)
	}
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer tr.CloseIdleConnections()
	resp, err = (&http.Client{Transport: tr}).Get("http://x/tap?input=app&rate=100000&inspect=true&file=a%20b")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, want := <-asked, (TapRequest{Input: "app", File: "a b", Rate: MaxTapRate, Inspect: true}); got != want {
		t.Errorf("asked for %+v", got)
	}
	tap.logs <- TapLog{Input: "app", Fields: []TapField{{Key: "content", Value: "x"}}}
	counts := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var e TapEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Counts != nil {
			counts++
			continue
		}
		if e.Log == nil || e.Log.Input != "app" || e.Log.Fields[0].Value != "x" {
			t.Errorf("%s", lines.Bytes())
		}
		break
	}
	if counts == 0 {
		t.Error("no counts at the beginning")
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("somebody looked on at the end: %v", err)
	}
	<-tap.closed
}
