package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"shipper/internal/codec"
)

// sink answers every request with yes. It reads bodies to their end and looks into them only if inspect is set.
type sink struct {
	addr    string
	inspect func(group []byte)

	requests, wire, raw atomic.Int64
	first, last         atomic.Int64 // Unix nanoseconds of answers
	bad                 atomic.Int64 // bodies that could not be read
	srv                 *http.Server
	served              sync.WaitGroup

	mu    sync.Mutex
	marks []mark
}

// mark is when how many raw bytes had come.
type mark struct {
	at  time.Time
	raw int64
}

// most returns when all but a hundredth had come. The end is left out because a producer may sleep before it gives up its last batch:
// that of the SDK does so for up to its linger of 2 s, as long as a whole run.
func (s *sink) most() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.marks {
		if m.raw >= s.raw.Load()/100*99 {
			return m.at
		}
	}
	return time.Time{}
}

func newSink(inspect func([]byte)) (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{addr: l.Addr().String(), inspect: inspect}
	s.srv = &http.Server{Handler: s}
	s.served.Go(func() {
		if err := s.srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("sink:", err)
		}
	})
	return s, nil
}

func (s *sink) close() {
	_ = s.srv.Shutdown(context.Background())
	s.served.Wait()
}

// reset forgets what came.
func (s *sink) reset() {
	for _, n := range []*atomic.Int64{&s.requests, &s.wire, &s.raw, &s.first, &s.last, &s.bad} {
		n.Store(0)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marks = nil
}

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	grouped := r.Header.Get("x-log-mode") == "batch_group"
	size, _ := strconv.ParseInt(r.Header.Get("x-log-bodyrawsize"), 10, 64)
	var n int64
	var err error
	if s.inspect != nil || grouped {
		var body []byte
		body, err = io.ReadAll(r.Body)
		n = int64(len(body))
		if grouped { // the header tells the size of the list; what is in it is compressed
			size = rawOf(body)
		}
		if s.inspect != nil && err == nil && s.open(r, body) != nil {
			s.bad.Add(1)
		}
	} else {
		buf := buffers.Get().(*[256 << 10]byte)
		n, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r.Body}, buf[:])
		buffers.Put(buf)
	}
	if err != nil {
		return
	}
	now := time.Now()
	s.first.CompareAndSwap(0, now.UnixNano())
	s.last.Store(now.UnixNano())
	s.wire.Add(n)
	s.mu.Lock()
	s.marks = append(s.marks, mark{now, s.raw.Add(size)})
	s.mu.Unlock()
	s.requests.Add(1)
	w.Header().Set("x-log-requestid", "6679A2D4C1B2A3F4E5D6C7B8")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}

// rawOf adds up the sizes of the groups in a list of packages.
func rawOf(list []byte) (size int64) {
	_ = fields(list, func(_ int, pkg []byte, _ uint64) {
		_ = fields(pkg, func(n int, _ []byte, v uint64) {
			if n == 2 {
				size += int64(v)
			}
		})
	})
	return size
}

// open hands every LogGroup of a request to inspect.
func (s *sink) open(r *http.Request, body []byte) error {
	if r.Header.Get("x-log-mode") == "batch_group" {
		var failed error
		err := fields(body, func(_ int, pkg []byte, _ uint64) {
			var data []byte
			var kind, size uint64
			failed = errors.Join(failed, fields(pkg, func(n int, b []byte, v uint64) {
				switch n {
				case 1:
					data = b
				case 2:
					size = v
				case 3:
					kind = v
				}
			}))
			group, err := codec.Codec(kind).Decompress(nil, data, int(size))
			if failed = errors.Join(failed, err); err == nil {
				s.inspect(group)
			}
		})
		return errors.Join(err, failed)
	}
	kind, err := codec.Parse(r.Header.Get("x-log-compresstype"))
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(r.Header.Get("x-log-bodyrawsize"))
	if err != nil {
		return err
	}
	group, err := kind.Decompress(nil, bytes.Clone(body), size)
	if err != nil {
		return err
	}
	s.inspect(group)
	return nil
}
