package emulator

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// BenchmarkPost is one accepted request of a megabyte in counting mode, without the network.
func BenchmarkPost(b *testing.B) {
	e, err := New(Options{Discard: true})
	if err != nil {
		b.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(e.SetUserPolicies(ReaderUser, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*","Resource":"*"}]}`))
	raw := bytes.Repeat(wireGroup(time.Now(), "content", strings.Repeat("127.0.0.1 GET /index.html ", 8)), 4000)
	h, wire := signed(b, raw)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "http://sec-logs.localhost"+lb, bytes.NewReader(wire))
		r.Header = h
		w := httptest.NewRecorder()
		if e.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
