package daemon

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipper/pkg/admin"
)

// TestStatusTellsTroubleAtOnce: a trouble, another one and the end of both stand in STATUS without waiting for the next renewal,
// and a trouble whose figures change is not told every second.
func TestStatusTellsTroubleAtOnce(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	var trouble atomic.Pointer[string]
	var asked atomic.Int64
	set := func(s string) { trouble.Store(&s) }
	set("")
	n := &notifier{
		beats:   admin.NewBeats(time.Now),
		trouble: func() string { asked.Add(1); return *trouble.Load() },
		look: func() admin.Status {
			s := admin.Status{Reasons: []string{}}
			if why := *trouble.Load(); why != "" {
				s.Reasons = append(s.Reasons, why)
			}
			return s
		},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { n.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	status := func() string {
		t.Helper()
		buf := make([]byte, 4096)
		for {
			if err := l.SetReadDeadline(time.Now().Add(statusEvery * 4 / 5)); err != nil {
				t.Fatal(err)
			}
			n, err := l.Read(buf)
			if err != nil {
				t.Fatalf("nothing within %v: %v", statusEvery*4/5, err)
			}
			if s, ok := strings.CutPrefix(string(buf[:n]), "STATUS="); ok {
				return s
			}
		}
	}
	for _, want := range []string{"0 files, 0 bytes behind", "target a: denied", "positions are kept in memory only", "0 files, 0 bytes behind", "target a: for 1m0s"} {
		if strings.Contains(want, "files") {
			set("")
		} else {
			set(want)
		}
		if got := status(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	set("target a: for 1m7s")
	for before := asked.Load(); asked.Load() < before+2; {
		time.Sleep(10 * time.Millisecond)
	}
	set("target b: other")
	if got := status(); got != "target b: other" {
		t.Errorf("%q: a trouble that goes on was told again", got)
	}
}
