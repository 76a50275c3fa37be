package producer

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/internal/response"
	"shipper/pkg/creds"
)

// Bounds of a Call. An answer with logs has some MiB (help: PullLogs); the rest are short documents.
const (
	callTime = 20 * time.Second
	maxCall  = 64 << 20
)

// Answer is what a Call got.
type Answer struct {
	Reply  Reply
	Header http.Header
	Body   []byte
}

// Call sends one request that writes no log, signed with cred as of now (by the service's clock): a question about the Logstore,
// or one of pkg/producer/readback. uri begins with a slash and may have a query; body is JSON, nil for none; logs asks for an
// answer with logs. An error means that no answer came; Classify turns both into a verdict.
func (c *Client) Call(ctx context.Context, cred *creds.Credentials, method, uri string, body []byte, logs bool, now time.Time) (Answer, error) {
	var a Answer
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint.URL(uri), bytes.NewReader(body))
	if err != nil {
		return a, fmt.Errorf("ask %s: %w", c.endpoint.Host, err)
	}
	h := c.common(cred, 0)
	if body != nil {
		h[sls.HTTPHeaderContentType] = "application/json"
	}
	if logs {
		h["Accept"], h["Accept-Encoding"] = "application/x-protobuf", "lz4"
	}
	if err := c.sign(method, uri, h, cred, body, now); err != nil {
		return a, fmt.Errorf("sign: %w", err)
	}
	set(req, h)
	begin := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return a, fmt.Errorf("ask %s: %w", c.endpoint.Host, hideURL(err))
	}
	defer resp.Body.Close()
	a.Body, err = response.Read(resp, maxCall)
	a.Header, a.Reply.Took, a.Reply.Sent = resp.Header, time.Since(begin), true
	if err != nil {
		return a, fmt.Errorf("read answer of %s: %w", c.endpoint.Host, err)
	}
	a.Reply.read(resp, a.Body[:min(len(a.Body), maxAnswer)])
	if !a.Reply.Time.IsZero() {
		a.Reply.Offset = a.Reply.Time.Sub(begin.Add(a.Reply.Took / 2))
	}
	a.Reply.Message = mask(a.Reply.Message, cred)
	return a, nil
}
