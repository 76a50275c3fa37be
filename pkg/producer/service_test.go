package producer

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/internal/codec"
)

// request is what the service sees.
type request struct {
	*http.Request
	n      int // number of the request, from 1
	groups []*sls.LogGroup
	logs   []*sls.Log
	lines  []string
	raw    int
}

// answer is what it does.
type answer struct {
	status  int // 0: 200
	code    string
	message string
	noID    bool
	header  http.Header
	page    string // body that is no error document
	store   bool   // keep the logs although the answer is no yes
	err     error  // no answer: the connection broke
	unsent  bool   // ... before the request was out
	hang    bool   // no answer until the request is given up
}

// only gives one request that answer, and all others yes.
func only(n int, a answer) func(*request) answer {
	return func(r *request) answer {
		if r.n == n {
			return a
		}
		return answer{}
	}
}

// service is Log Service as a RoundTripper.
type service struct {
	answer func(*request) answer

	mu     sync.Mutex
	n      int
	stored map[string]int
	seen   []time.Time
	active int
	most   int
}

func (s *service) snapshot() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.stored)
}

func (s *service) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r := &request{Request: req}
	if err := r.decode(body); err != nil {
		return nil, fmt.Errorf("the test service cannot read the request: %w", err)
	}
	s.mu.Lock()
	s.n++
	r.n = s.n
	s.active++
	s.most = max(s.most, s.active)
	s.seen = append(s.seen, time.Now())
	s.mu.Unlock()
	a := answer{}
	if s.answer != nil {
		a = s.answer(r)
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && !a.unsent {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	if a.hang {
		<-req.Context().Done()
		a.err = req.Context().Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if a.store || a.err == nil && !a.noID && (a.status == 0 || a.status == 200) {
		for _, l := range r.lines {
			s.stored[l]++
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.response(r.n), nil
}

func (a answer) response(n int) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	if !a.noID {
		h.Set("x-log-requestid", fmt.Sprintf("%024X", n))
	}
	for k, v := range a.header {
		h[k] = v
	}
	text := a.page
	if a.code != "" {
		text = fmt.Sprintf(`{"errorCode":%q,"errorMessage":%q}`, a.code, a.message)
	}
	status := a.status
	if status == 0 {
		status = 200
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
}

// decode reads the body as the service does: by its headers.
func (r *request) decode(body []byte) error {
	size, err := strconv.Atoi(r.Header.Get("x-log-bodyrawsize"))
	if err != nil {
		return err
	}
	r.raw = size
	if r.Header.Get("x-log-mode") != "batch_group" {
		c, err := codec.Parse(r.Header.Get("x-log-compresstype"))
		if err != nil {
			return err
		}
		return r.add(c, body, size)
	}
	if size != len(body) {
		return fmt.Errorf("raw size %d of a list of %d bytes", size, len(body))
	}
	var list sls.SlsLogPackageList
	if err := list.Unmarshal(body); err != nil {
		return err
	}
	for _, p := range list.Packages {
		c, err := packed(p)
		if err != nil {
			return err
		}
		if err := r.add(c, p.Data, int(p.GetUncompressSize())); err != nil {
			return err
		}
	}
	return nil
}

// packed is the compress_type of a package. The SDK's copy of the message lacks the field; it writes out again what it does not know.
func packed(p *sls.SlsLogPackage) (codec.Codec, error) {
	whole, err := p.Marshal()
	for f := (field{}); err == nil && len(whole) > 0; {
		if f, whole, err = next(whole); err == nil && f.num == packageCompress {
			return codec.Codec(f.number()), nil
		}
	}
	return 0, errors.Join(err, errors.New("a package does not say how it is compressed"))
}

func (r *request) add(c codec.Codec, data []byte, size int) error {
	raw, err := c.Decompress(nil, data, size)
	if err != nil {
		return err
	}
	g := &sls.LogGroup{}
	if err := g.Unmarshal(raw); err != nil {
		return err
	}
	r.groups = append(r.groups, g)
	for _, l := range g.Logs {
		r.logs = append(r.logs, l)
		r.lines = append(r.lines, l.Contents[0].GetValue())
	}
	return nil
}

// has reports whether one of the request's lines holds a text.
func (r *request) has(text string) bool {
	return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, text) })
}
