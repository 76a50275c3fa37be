package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/internal/codec"
	"shipper/pkg/creds"
)

// pack is one LogGroup that the service of the model has stored.
type pack struct {
	prefix string
	seq    uint64
	life   int
	lines  []string
}

// modelService is Log Service as a RoundTripper that misbehaves when told to.
type modelService struct {
	mu     sync.Mutex
	kind   string // of the present fault, "" for none
	left   int    // so many requests more; < 0: until it is healed
	healed chan struct{}
	n      int
	stored []pack
	taken  func(lines []string, again bool) // told of what is stored; again: the answer is lost, so it may come again
}

func newModelService() *modelService { return &modelService{healed: make(chan struct{})} }

// fault makes the next n requests fail, all until heal if n < 0.
func (s *modelService) fault(kind string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind, s.left = kind, n
}

func (s *modelService) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind = ""
	close(s.healed)
	s.healed = make(chan struct{})
}

func (s *modelService) faulty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kind != ""
}

// line is the way of one life of the daemon to the service. It ends with the life: nothing is stored after cut.
type line struct {
	*modelService
	life int
	dead bool // guarded by modelService.mu
	gone chan struct{}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead {
		l.dead = true
		close(l.gone)
	}
}

var errCut = errors.New("connection reset by peer")

// RoundTrip implements http.RoundTripper.
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	packs, err := packsOf(req)
	if err != nil {
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	kind, err := l.present(req.Context())
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil, errCut
	}
	l.n++
	switch kind {
	case "5xx":
		return l.answer(500, "InternalServerError", "Internal server error."), nil
	case "throttle":
		return l.answer(403, "ShardWriteQuotaExceed", "Shard write quota is exceeded."), nil
	case "denied":
		return l.answer(401, "Unauthorized", "denied by sts or ram, action: log:PostLogStoreLogs"), nil
	case "cut-before":
		return nil, errCut
	}
	for _, p := range packs {
		p.life = l.life
		l.stored = append(l.stored, p)
		l.taken(p.lines, kind == "cut-after")
	}
	if kind == "cut-after" {
		return nil, errCut
	}
	return l.answer(200, "", ""), nil
}

// present takes the fault that this request meets. A pause is waited for.
func (l *line) present(ctx context.Context) (string, error) {
	for {
		l.mu.Lock()
		kind, healed := l.kind, l.healed
		if kind != "" && kind != "pause" && l.left > 0 {
			if l.left--; l.left == 0 {
				l.kind = ""
			}
		}
		l.mu.Unlock()
		if kind != "pause" {
			return kind, nil
		}
		select {
		case <-healed:
		case <-l.gone:
			return "", errCut
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (s *modelService) answer(status int, code, message string) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	h.Set("x-log-requestid", fmt.Sprintf("%024X", s.n))
	text := ""
	if code != "" {
		text = fmt.Sprintf(`{"errorCode":%q,"errorMessage":%q}`, code, message)
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(text))}
}

// packsOf reads the groups of a request that asks for no list of them: the model's target does not combine groups.
func packsOf(req *http.Request) ([]pack, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(req.Header.Get("x-log-bodyrawsize"))
	if err != nil {
		return nil, err
	}
	if req.Header.Get("x-log-mode") != "batch_group" {
		c, err := codec.Parse(req.Header.Get("x-log-compresstype"))
		if err != nil {
			return nil, err
		}
		p, err := packOf(c, body, size)
		return []pack{p}, err
	}
	var list sls.SlsLogPackageList
	if err := list.Unmarshal(body); err != nil {
		return nil, err
	}
	var out []pack
	for _, g := range list.Packages {
		p, err := packOf(codec.LZ4, g.Data, int(g.GetUncompressSize()))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func packOf(c codec.Codec, data []byte, size int) (pack, error) {
	raw, err := c.Decompress(nil, data, size)
	if err != nil {
		return pack{}, err
	}
	var g sls.LogGroup
	if err := g.Unmarshal(raw); err != nil {
		return pack{}, err
	}
	var p pack
	for _, l := range g.Logs {
		p.lines = append(p.lines, l.Contents[0].GetValue())
	}
	for _, tag := range g.LogTags {
		if tag.GetKey() != "__pack_id__" {
			continue
		}
		prefix, num, _ := strings.Cut(tag.GetValue(), "-")
		p.prefix = prefix
		p.seq, err = strconv.ParseUint(num, 16, 64)
	}
	return p, err
}

// keyring hands out credentials; turn makes newer ones, which ends a hold at once.
type keyring struct {
	mu      sync.Mutex
	current *creds.Credentials
	changed chan struct{}
}

func newKeyring() *keyring {
	k := &keyring{changed: make(chan struct{}), current: &creds.Credentials{}}
	k.turn()
	return k
}

func (k *keyring) turn() {
	k.mu.Lock()
	defer k.mu.Unlock()
	g := k.current.Generation + 1
	k.current = &creds.Credentials{ID: fmt.Sprintf("STS.key%010d", g), Secret: "examplesecret", Token: fmt.Sprintf("token-%d", g), Generation: g}
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *keyring) Current() (*creds.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current, nil
}

func (*keyring) Accepted(*creds.Credentials)        {}
func (*keyring) Rejected(*creds.Credentials, error) {}

func (k *keyring) Wait(ctx context.Context, after uint64) (*creds.Credentials, error) {
	for {
		k.mu.Lock()
		c, changed := k.current, k.changed
		k.mu.Unlock()
		if c.Generation > after {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}
