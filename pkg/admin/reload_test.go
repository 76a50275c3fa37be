package admin

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestReloadOnTheSocketAlone: whoever can reach the port must not be able to make the daemon do anything.
func TestReloadOnTheSocketAlone(t *testing.T) {
	asked := 0
	o := options(func() Snapshot { return Snapshot{} }, NewBeats(time.Now))
	o.Reload = func(context.Context) ReloadResult { asked++; return ReloadResult{OK: asked == 1, Hash: "h"} }
	s, err := Listen(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	post := func(at net.Addr) int {
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, at)
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodPost, "/reload", nil))
		return rec.Code
	}
	if code := post(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9620}); code != http.StatusForbidden || asked != 0 {
		t.Errorf("on the port: %d, asked %d times", code, asked)
	}
	for _, want := range []int{http.StatusOK, http.StatusUnprocessableEntity} {
		if code := post(&net.UnixAddr{Name: "shipper.sock", Net: "unix"}); code != want {
			t.Errorf("on the socket: %d, want %d", code, want)
		}
	}
}
