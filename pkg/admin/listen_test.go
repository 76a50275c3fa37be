package admin

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// flaky is a listener that fails a few times.
type flaky struct {
	net.Listener
	left *atomic.Int32
}

func (f flaky) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.ENETDOWN}
	}
	return f.Listener.Accept()
}

func TestListenerOutlivesErrors(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o := options(func() Snapshot { return Snapshot{} }, NewBeats(time.Now))
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	left := new(atomic.Int32)
	left.Store(3)
	s := &Server{o: o, listeners: []net.Listener{flaky{l, left}}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String()+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if string(body) != "ok\n" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := log.String(); strings.Count(got, "SHP-D003") != 1 || !strings.Contains(got, "answers again") {
		t.Errorf("log:\n%s", got)
	}
}
