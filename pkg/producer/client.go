package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/internal/codec"
	"shipper/internal/response"
	"shipper/pkg/creds"
)

// Client writes to one Logstore, one request at a time and without a second try. It is safe for concurrent use.
type Client struct {
	endpoint Endpoint
	project  string
	logstore string
	path     string // of requests that any shard may take
	routed   string // of requests with a key, up to its value
	codec    codec.Codec
	v4       bool
	http     *http.Client
	agent    string
	memory   Memory // of bodies
}

// A request may take requestTime and, on a slow line, one second more for each perSecond bytes of its body.
const (
	requestTime = 45 * time.Second
	perSecond   = 64 << 10
)

// maxAnswer bounds what is read of an answer, in bytes. The service answers with nothing or a short error document.
const maxAnswer = 64 << 10

// NewClient returns a client for the Logstore of c. hc is the HTTP client to use, nil for one of its own.
func NewClient(c Config, hc *http.Client) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("target settings: %w", err)
	}
	endpoint, err := c.Resolve()
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	compression, err := codec.Parse(c.Compression)
	if err != nil {
		return nil, err
	}
	own := http.Client{Transport: NewTransport(1)}
	if hc != nil {
		own = *hc
	}
	// A redirection would carry the body, and with it the signature, somewhere else. The service never sends one.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &Client{
		endpoint: endpoint,
		project:  c.Project,
		logstore: c.Logstore,
		path:     "/logstores/" + url.PathEscape(c.Logstore) + "/shards/lb",
		routed:   "/logstores/" + url.PathEscape(c.Logstore) + "/shards/route?key=",
		codec:    compression,
		v4:       c.Signature == "v4",
		http:     &own,
		agent:    "shipper",
		memory:   heap{},
	}, nil
}

// Endpoint is where the requests go.
func (c *Client) Endpoint() Endpoint { return c.endpoint }

// place names the Logstore, by whatever network it is reached.
func (c *Client) place() string {
	return cmp.Or(c.endpoint.Region, c.endpoint.Host) + "/" + c.project + c.path
}

// Encode makes the body of one request out of serialised LogGroups.
func (c *Client) Encode(groups ...[]byte) (*Body, error) {
	return NewBody(c.codec, c.memory, groups...)
}

// Post sends b once, signed with cred as of now (by the service's clock). An error means that no answer came; every answer,
// whatever its status, is a Reply. Classify turns both into a verdict. The Reply's Sent and Took are set in either case.
func (c *Client) Post(ctx context.Context, cred *creds.Credentials, b *Body, now time.Time) (Reply, error) {
	return c.post(ctx, cred, b, now, c.path)
}

// PostNumbered is Post under a number of a hash key (32 hex digits): the service takes it only if it is above the last one that it
// took for this key, else it answers InvalidSequenceId (help: scheduled-sql-exactly-once; loongcollector SLSClientManager.cpp).
func (c *Client) PostNumbered(ctx context.Context, cred *creds.Credentials, b *Body, now time.Time, key string, seq uint64) (Reply, error) {
	return c.post(ctx, cred, b, now, c.numbered(key, seq))
}

func (c *Client) numbered(key string, seq uint64) string {
	return c.routed + key + "&seqid=" + strconv.FormatUint(seq, 10)
}

func (c *Client) post(ctx context.Context, cred *creds.Credentials, b *Body, now time.Time, path string) (Reply, error) {
	var reply Reply
	ctx, cancel := context.WithTimeout(ctx, requestTime+time.Duration(b.Len()/perSecond)*time.Second)
	defer cancel()
	// httptrace calls back from the transport's goroutine, maybe after the request has ended.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(w httptrace.WroteRequestInfo) { sent.Store(w.Err == nil) },
	})
	req, err := c.request(ctx, cred, b, now, path)
	if err != nil {
		return reply, fmt.Errorf("post to %s: %w", c.endpoint.Host, err)
	}
	begin := time.Now()
	resp, err := c.http.Do(req)
	reply.Took, reply.Sent = time.Since(begin), sent.Load()
	if err != nil {
		return reply, fmt.Errorf("post to %s: %w", c.endpoint.Host, hideURL(err))
	}
	defer resp.Body.Close()
	body, err := response.Read(resp, maxAnswer)
	reply.Took, reply.Sent = time.Since(begin), true
	reply.read(resp, body)
	if err != nil && !(reply.Status == http.StatusOK && reply.RequestID != "") {
		// The status is known but not why. Only a yes needs no body.
		return reply, fmt.Errorf("read answer of %s: %w", c.endpoint.Host, err)
	}
	if !reply.Time.IsZero() {
		reply.Offset = reply.Time.Sub(begin.Add(reply.Took / 2))
	}
	reply.Message = mask(reply.Message, cred)
	return reply, nil
}

// request builds and signs one attempt.
func (c *Client) request(ctx context.Context, cred *creds.Credentials, b *Body, now time.Time, path string) (*http.Request, error) {
	r := b.open()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.URL(path), r)
	if err != nil {
		b.Free() // what r held
		return nil, err
	}
	req.ContentLength = int64(b.Len())
	req.GetBody = func() (io.ReadCloser, error) { return b.open(), nil }
	headers := c.headers(cred, b)
	pprof.Do(ctx, pprof.Labels("stage", "sign"), func(context.Context) { err = c.sign(http.MethodPost, path, headers, cred, b.data, now) })
	if err != nil {
		b.Free()
		return nil, fmt.Errorf("sign: %w", err)
	}
	set(req, headers)
	return req, nil
}

// headers are those that the signature covers, and the ones that it does not look at. Sources: help "common request headers",
// aliyun-log-go-sdk request.go, loongcollector SLSConstant.cpp (x-log-mode, x-log-project).
func (c *Client) headers(cred *creds.Credentials, b *Body) map[string]string {
	h := c.common(cred, b.rawSize)
	h[sls.HTTPHeaderContentType] = "application/x-protobuf"
	if b.groups > 1 {
		h["x-log-mode"] = "batch_group" // each package says for itself how it is compressed
	} else if b.codec != codec.None {
		h["x-log-compresstype"] = b.codec.String()
	}
	return h
}

// common are the headers of every request.
func (c *Client) common(cred *creds.Credentials, rawSize int) map[string]string {
	h := map[string]string{
		sls.HTTPHeaderHost:        c.endpoint.Host,
		sls.HTTPHeaderUserAgent:   c.agent,
		sls.HTTPHeaderAPIVersion:  "0.6.0",
		sls.HTTPHeaderBodyRawSize: strconv.Itoa(rawSize),
	}
	if c.endpoint.ByHeader {
		h["x-log-project"] = c.project
	}
	if cred.Token != "" {
		h[sls.HTTPHeaderAcsSecurityToken] = cred.Token
	}
	return h
}

// set writes signed headers into a request. net/http writes Host and Content-Length itself.
func set(req *http.Request, headers map[string]string) {
	for k, v := range headers {
		switch k {
		case sls.HTTPHeaderHost, sls.HTTPHeaderContentLength:
		default:
			req.Header.Set(k, v)
		}
	}
}

// sign adds the date and the signature.
func (c *Client) sign(method, uri string, h map[string]string, cred *creds.Credentials, body []byte, now time.Time) error {
	if c.v4 {
		h[sls.HTTPHeaderLogDate] = now.UTC().Format(sls.ISO8601)
		return sls.NewSignerV4(cred.ID, cred.Secret, c.endpoint.Region).Sign(method, uri, h, body)
	}
	h[sls.HTTPHeaderDate] = now.UTC().Format(http.TimeFormat)
	return sls.NewSignerV1(cred.ID, cred.Secret).Sign(method, uri, h, body)
}

// hideURL drops the *url.Error around err: it repeats method and address, which the caller has said already.
func hideURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// mask keeps what the service echoes of a credential out of logs and status.
func mask(s string, cred *creds.Credentials) string {
	for _, secret := range []string{cred.Secret, cred.Token} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	if cred.ID != "" {
		s = strings.ReplaceAll(s, cred.ID, creds.Short(cred.ID))
	}
	return s
}
