package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// gate is an address in front of the cloud that takes requests and answers none until open is closed.
func gate(t *testing.T, c *cloud, open <-chan struct{}) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // only then the server notices that the client has gone
		if err != nil {
			return
		}
		select {
		case <-open:
			r.Body = io.NopCloser(bytes.NewReader(body))
			c.ServeHTTP(rw, r)
		case <-r.Context().Done():
		case <-ended:
		}
	})}
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { close(ended); srv.Close(); served.Wait() })
	return l.Addr().String()
}

// listenIn is an address before the cloud where ear hears what credentials pass by.
func listenIn(t *testing.T, c *cloud, ear *eavesdropper) string {
	t.Helper()
	w := &listener{cloud: c, ear: ear}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: w}
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() { srv.Close(); served.Wait() })
	return l.Addr().String()
}

type listener struct {
	cloud *cloud
	ear   *eavesdropper
}

func (l *listener) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	l.ear.hear(r.Header.Get("x-acs-security-token"), "token in a header")
	copied := &bodyWriter{ResponseWriter: rw}
	handler := http.Handler(l.cloud.Emulator)
	if l.cloud.front != nil {
		handler = l.cloud.front
	}
	handler.ServeHTTP(copied, r)
	var answer struct {
		Credentials struct{ AccessKeySecret, SecurityToken string }
	}
	if json.Unmarshal(copied.body.Bytes(), &answer) == nil {
		l.ear.hear(answer.Credentials.AccessKeySecret, "secret of a session")
		l.ear.hear(answer.Credentials.SecurityToken, "token of a session")
	}
}

// bodyWriter keeps a copy of an answer.
type bodyWriter struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (b *bodyWriter) Write(p []byte) (int, error) {
	b.body.Write(p)
	return b.ResponseWriter.Write(p)
}
