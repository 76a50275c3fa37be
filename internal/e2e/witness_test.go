package e2e

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"shipper/internal/codec"
	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// witness stands before the emulator and sees every request: it can refuse some, and it looks at what was accepted.
type witness struct {
	refuse   func(project string, lines [][]byte) (status int, code, message string) // status 0 = let it pass
	accepted func(project string, lines [][]byte)                                    // called for one request at a time
	mu       sync.Mutex
}

// watch makes a cloud with a witness before it.
func (w *witness) watch(t *testing.T, o emulator.Options) *cloud {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	em, err := emulator.New(o)
	must(t, err)
	front := w.before(em)
	return &cloud{Emulator: em, addr: emulatortest.Serve(t, front), front: front}
}

func (w *witness) before(em http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/shards/lb") {
			em.ServeHTTP(rw, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		project := r.Header.Get("x-log-project")
		if project == "" {
			project, _, _ = strings.Cut(r.Host, ".")
		}
		lines := linesOf(r.Header, body)
		if w.refuse != nil {
			w.mu.Lock()
			status, code, message := w.refuse(project, lines)
			w.mu.Unlock()
			if status != 0 {
				rw.Header().Set("x-log-requestid", "0000000000000000000000FF")
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(status)
				fmt.Fprintf(rw, `{"errorCode":%q,"errorMessage":%q}`, code, message)
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen := &statusWriter{ResponseWriter: rw}
		em.ServeHTTP(seen, r)
		if w.accepted != nil && seen.status <= http.StatusOK {
			w.mu.Lock()
			w.accepted(project, lines)
			w.mu.Unlock()
		}
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(code int) {
	s.status = code
	s.ResponseWriter.WriteHeader(code)
}

// linesOf are the values of the key content in a request.
func linesOf(h http.Header, body []byte) (lines [][]byte) {
	size, _ := strconv.Atoi(h.Get("x-log-bodyrawsize"))
	if h.Get("x-log-mode") == "batch_group" {
		fields(body, func(num protowire.Number, _ uint64, pack []byte) {
			var data []byte
			raw, kind := 0, codec.LZ4
			fields(pack, func(num protowire.Number, n uint64, b []byte) {
				switch num {
				case 1:
					data = b
				case 2:
					raw = int(n)
				case 3:
					kind = codec.Codec(n)
				}
			})
			if group, err := kind.Decompress(nil, data, raw); err == nil {
				lines = append(lines, contents(group)...)
			}
		})
		return lines
	}
	kind, err := codec.Parse(h.Get("x-log-compresstype"))
	if err != nil {
		return nil
	}
	group, err := kind.Decompress(nil, body, size)
	if err != nil {
		return nil
	}
	return contents(group)
}

func contents(group []byte) (lines [][]byte) {
	fields(group, func(num protowire.Number, _ uint64, log []byte) {
		if num != 1 {
			return
		}
		fields(log, func(num protowire.Number, _ uint64, pair []byte) {
			if num != 2 {
				return
			}
			var key, value []byte
			fields(pair, func(num protowire.Number, _ uint64, b []byte) {
				if num == 1 {
					key = b
				} else {
					value = b
				}
			})
			if string(key) == "content" {
				lines = append(lines, value)
			}
		})
	})
	return lines
}

func fields(b []byte, visit func(num protowire.Number, n uint64, data []byte)) {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		var v uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return
		}
		visit(num, v, data)
		b = b[n:]
	}
}
