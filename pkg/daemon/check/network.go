package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"shipper/internal/response"
	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
)

// probeTime bounds the look at one endpoint.
const probeTime = 10 * time.Second

// peer is an endpoint and how it was found.
type peer struct {
	title string // "STS" or "Log Service"
	host  string
	url   string
	head  http.Header
	proof func(*http.Response, []byte) bool // whether the answer is one of the service

	took    time.Duration // until the connection stood
	secure  string        // "TLS 1.3"; "" without
	proxy   string        // host of the proxy on the way
	offset  time.Duration // the service's clock minus ours
	clocked bool          // offset is known
	trouble *trouble
}

// stsPeer asks STS a question that it refuses, in its own words.
func stsPeer(t config.Target) (*peer, error) {
	endpoint := cmp.Or(t.AssumeRole.STSEndpoint, creds.STSEndpoint(t.Region, t.Network))
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	endpoint = strings.TrimSuffix(endpoint, "/")
	_, host, _ := strings.Cut(endpoint, "://")
	return &peer{title: "STS", host: host, url: endpoint + "/?Action=GetCallerIdentity&Version=2015-04-01&Format=JSON",
		proof: func(_ *http.Response, body []byte) bool {
			var doc struct{ RequestID string }
			return json.Unmarshal(body, &doc) == nil && doc.RequestID != ""
		}}, nil
}

// logPeer asks Log Service for the Logstore without a signature.
func logPeer(t config.Target) (*peer, error) {
	e, err := t.Resolve()
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	p := &peer{title: "Log Service", host: e.Host, url: e.URL("/logstores/" + t.Logstore), head: http.Header{},
		proof: func(r *http.Response, _ []byte) bool { return r.Header.Get("x-log-requestid") != "" }}
	p.head.Set("x-log-apiversion", "0.6.0")
	p.head.Set("x-log-bodyrawsize", "0")
	if e.ByHeader {
		p.head.Set("x-log-project", t.Project)
	}
	return p, nil
}

// look sends the question and learns what there is to learn.
func (p *peer) look(ctx context.Context, client *http.Client) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn := &line{begin: time.Now()}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, conn.trace()), http.MethodGet, p.url, nil)
	if err != nil {
		p.broken(err)
		return
	}
	for k, v := range p.head {
		req.Header[k] = v
	}
	if via, err := http.ProxyFromEnvironment(req); err == nil && via != nil {
		p.proxy = via.Host
	}
	resp, err := client.Do(req)
	if err != nil {
		p.broken(err)
		return
	}
	defer resp.Body.Close()
	answered := time.Now()
	p.took, p.secure = conn.stood()
	body, err := response.Read(resp, 64<<10)
	switch {
	case err != nil:
		p.broken(err)
		return
	case !p.proof(resp, body):
		p.stranger(resp)
		return
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		// The header has whole seconds: half of one is the best guess of what was cut off.
		half := answered.Sub(conn.begin) / 2
		p.offset, p.clocked = date.Add(500*time.Millisecond).Sub(conn.begin.Add(half)), true
	}
}

// line notes how a connection came about. The transport may call back after the request has ended: a second address that it
// dialled in parallel.
type line struct {
	begin time.Time

	mu     sync.Mutex // guards what follows
	took   time.Duration
	secure string
}

func (l *line) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err == nil && l.took == 0 {
				l.took = time.Since(l.begin)
			}
		},
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err == nil {
				l.secure = tls.VersionName(s.Version)
			}
		},
	}
}

func (l *line) stood() (time.Duration, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.took, l.secure
}

// networkCodes turns the codes that the daemon logs for a failed request into those of check.
var networkCodes = map[string]string{
	"SHP-P212": "SHP-N101", "SHP-P213": "SHP-N102", "SHP-P214": "SHP-N103", "SHP-P211": "SHP-N104", "SHP-P215": "SHP-N105", "SHP-P216": "SHP-N106",
}

// broken is a peer that gave no answer.
func (p *peer) broken(err error) {
	f := producer.Classify(producer.Reply{}, err)
	t := trouble{code: cmp.Or(networkCodes[f.ID], "SHP-N109"), whose: Host, kind: unreachable,
		cause: sentence(p.title + ": " + f.Cause)}
	t.detail = p.name() + ": " + lastWords(err)
	where := "region, network and endpoint of the target"
	if p.title == "STS" {
		where = "region and assume_role.sts_endpoint of the target"
	}
	t.fix = append(t.fix, "check "+where+", and DNS, firewall and proxy (HTTPS_PROXY) of this host")
	if f.Fix != "" && f.ID != "SHP-P212" && f.ID != "SHP-P213" {
		t.fix = append(t.fix, f.Fix)
	}
	p.trouble = &t
}

// stranger is an answer that the service did not give.
func (p *peer) stranger(resp *http.Response) {
	t := trouble{code: "SHP-N107", whose: Host, kind: unreachable,
		detail: fmt.Sprintf("%s answers %s (%s)", p.name(), resp.Status, cmp.Or(resp.Header.Get("Content-Type"), "no content type")),
		cause:  "What answers there is not " + p.title + ": a proxy, a captive portal, or another server.",
		fix:    []string{"check region, network and endpoint of the target, and the proxy of this host"}}
	if p.title == "STS" {
		t.code, t.fix = "SHP-N108", []string{"check region and assume_role.sts_endpoint of the target, and the proxy of this host"}
	}
	p.trouble = &t
}

func (p *peer) name() string {
	if p.proxy != "" {
		return p.host + " through proxy " + p.proxy
	}
	return p.host
}

// lastWords is the innermost part of a network error, which names the system's reason.
func lastWords(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, `": `); i >= 0 { // Get "https://…": reason
		text = text[i+3:]
	}
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return text
}

func sentence(s string) string { return strings.TrimSuffix(s, ".") + "." }

// report is the step of a peer.
func (p *peer) report(s *Step) {
	if p.trouble != nil {
		s.fail(*p.trouble)
		return
	}
	detail := fmt.Sprintf("%s: %s %d ms", p.title, p.name(), max(1, p.took.Milliseconds()))
	switch {
	case p.secure != "":
		detail += ", " + p.secure
	case p.proxy == "" && !loopback(p.host):
		s.ok(detail)
		s.warn(trouble{code: "SHP-N110", detail: detail + ", without TLS", whose: Configuration,
			cause: "Lines and tokens travel unencrypted to another machine.", fix: []string{"write the endpoint with https://"}})
		return
	}
	s.ok(detail)
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Differences of clocks. STS and Log Service refuse a request that is 15 minutes off (STS and Log Service: error codes);
// shipper corrects its signatures, but logs carry this host's time.
const (
	clockLimit = 15 * time.Minute
	clockWarn  = time.Minute
)

// clock compares ours with the first service that told its own.
func (c *checker) clock(s *Step, peers []*peer) {
	for _, p := range peers {
		if !p.clocked {
			continue
		}
		off := p.offset.Abs()
		word := "behind"
		if p.offset < 0 {
			word = "ahead of"
		}
		detail := fmt.Sprintf("%s %s %s (limit 15 min)", off.Round(time.Second), word, p.title)
		if off < 1500*time.Millisecond { // a date has whole seconds
			detail = "less than 2 s from " + p.title + " (limit 15 min)"
		}
		s.ok(detail)
		t := trouble{detail: detail, whose: Host, cause: "Requests are signed with the service's time, but logs carry the time of this host.",
			fix: []string{"set the clock, and let it be kept: systemctl enable --now chronyd (or systemd-timesyncd)"}}
		switch {
		case off > clockLimit:
			t.code = "SHP-N120"
			s.fail(t)
		case off > clockWarn:
			t.code = "SHP-N121"
			s.warn(t)
		}
		return
	}
	s.Status, s.Detail = NotReached, "no service told its time"
}
