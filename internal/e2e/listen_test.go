package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"shipper/pkg/emulator/emulatortest"
)

// gate is an address in front of the cloud that takes requests and answers none until open is closed.
func gate(t *testing.T, c *cloud, open <-chan struct{}) string {
	t.Helper()
	ended := make(chan struct{})
	addr := emulatortest.Serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
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
	}))
	t.Cleanup(func() { close(ended) })
	return addr
}

// listenIn is an address before the cloud where ear hears what credentials pass by.
func listenIn(t *testing.T, c *cloud, ear *eavesdropper) string {
	t.Helper()
	return emulatortest.Serve(t, &listener{cloud: c, ear: ear})
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
