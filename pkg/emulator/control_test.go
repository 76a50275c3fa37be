package emulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// control sends a request to the control API.
func (l *lab) ctl(method, path, body string) reply {
	l.t.Helper()
	return l.do(method, "http://localhost/_emulator/"+path, http.Header{}, []byte(body))
}

// Whatever the Go methods can do, the control API can.
func TestControl(t *testing.T) {
	l := start(t, Options{})
	c := l.assume(nil)
	writes := func() int {
		return l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, rawRequest{path: lb, raw: wireGroup(time.Now(), "content", "x"), comp: "lz4"}).status
	}
	ok := func(method, path, body string) {
		t.Helper()
		if got := l.ctl(method, path, body); got.status != 204 && got.status != 200 {
			t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
		}
	}
	role := "accounts/" + OwnerUID + "/roles/shipper-writer"
	ok("PUT", role+"/policies", string(denyWrites))
	if s := writes(); s != 401 {
		t.Errorf("denied: %d", s)
	}
	ok("PUT", role+"/policies", "["+writePolicy+"]")
	if s := writes(); s != 200 {
		t.Errorf("allowed: %d", s)
	}
	ok("PUT", role+"/trust", string(anyone))
	ok("PUT", "accounts/"+SenderUID+"/users/shipper/policies", string(everything))
	ok("PUT", "accounts/"+OwnerUID+"/roles/second", `{"trust":`+trustPolicy+`,"policies":[`+writePolicy+`]}`)
	ok("PUT", "projects/second-project", `{"owner":"`+SenderUID+`","region":"cn-beijing"}`)
	ok("PUT", "projects/second-project/logstores/app", `{"shards":1}`)
	ok("POST", "faults", `{"op":"post","kind":"server_busy","count":1}`)
	if got := l.ctl("GET", "faults", ""); !strings.Contains(got.body, `"kind":"server_busy","count":1`) {
		t.Errorf("faults %s", got.body)
	}
	if s := writes(); s != 503 {
		t.Errorf("fault: %d", s)
	}
	ok("POST", "faults", `{"kind":"slow","delay":"1ms"}`)
	ok("DELETE", "faults", "")
	if got := l.ctl("GET", "logs/sec-logs/web", ""); strings.Count(got.body, "\n") != 1 || !strings.Contains(got.body, `"fields":{"content":"x"}`) {
		t.Errorf("logs %s", got.body)
	}
	for _, path := range []string{"logs", "logs/sec-logs"} {
		if got := l.ctl("GET", path, ""); !strings.HasPrefix(got.body, `{"project":"sec-logs","logstore":"web","time":`) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if got := l.ctl("GET", "logs/nothing", ""); got.status != 200 || got.body != "" {
		t.Errorf("nothing: %s", got.body)
	}
	if got := l.ctl("GET", "logs/sec-logs/web?by=group", ""); !strings.Contains(got.body, `"logs":[{"time":`) {
		t.Errorf("groups %s", got.body)
	}
	ok("DELETE", "logs/sec-logs/web", "")
	if got := l.ctl("GET", "logs/sec-logs/web", ""); got.body != "" {
		t.Errorf("logs %s", got.body)
	}
	var s Stats
	must(t, json.Unmarshal([]byte(l.ctl("GET", "stats", "").body), &s))
	if s.Logs != 1 || s.Denied != 1 || s.Requests["post"]["ok"] != 1 {
		t.Errorf("stats %+v", s)
	}
	ok("PUT", "token_life", `"2s"`)
	if got := l.ctl("POST", "tokens/expire", ""); got.body != `{"expired":1}` {
		t.Errorf("expired %s", got.body)
	}
	ok("DELETE", "accounts/"+OwnerUID+"/roles/second", "")
	var w World
	world := l.ctl("GET", "world", "").body
	must(t, json.Unmarshal([]byte(world), &w))
	must(t, w.Validate())
	if len(w.Projects) != 2 || w.Projects[1].Logstores[0].Name != "app" || len(w.Accounts[0].Roles) != 1 || w.Accounts[0].Roles[0].Trust != anyone {
		t.Errorf("world %s", world)
	}
	ok("PUT", "world", world)
	ok("DELETE", "projects/second-project/logstores/app", "")
	ok("DELETE", "projects/second-project", "")
	ok("PUT", "accounts/3333333333333333", `{"keys":[{"id":"LTAIc","secret":"s"}]}`)
	if got := l.ctl("GET", "ca", ""); !strings.HasPrefix(got.body, "-----BEGIN CERTIFICATE") {
		t.Errorf("ca %s", got.body)
	}
	for _, bad := range []struct{ method, path, body, text string }{
		{"POST", "faults", `{"kind":"fire"}`, `"fire" is no fault`},
		{"POST", "faults", `{"knd":"slow"}`, "unknown"},
		{"PUT", role + "/policies", `{"Version":"1"}`, "policy document"},
		{"PUT", "accounts/1/roles/x/policies", `[]`, "there is no role"},
		{"PUT", "projects/p", `{"owner":"9"}`, "project.name"},
		{"PUT", "world", `{"projects":[{"name":"logs-of-nobody","owner":"9","region":"cn-hangzhou"}]}`, `there is no account "9"`},
	} {
		if got := l.ctl(bad.method, bad.path, bad.body); got.status != 400 || !strings.Contains(got.body, bad.text) {
			t.Errorf("%s %s: %d %s, want %q", bad.method, bad.path, got.status, got.body, bad.text)
		}
	}
}

// The control API answers this machine only, and no web page.
func TestControlGuard(t *testing.T) {
	e, err := New(Options{})
	must(t, err)
	for _, tt := range []struct {
		remote, host, origin string
		want                 int
	}{
		{"127.0.0.1:5", "localhost:80", "", 200},
		{"[::1]:5", "[::1]:80", "http://[::1]:80", 200},
		{"192.0.2.1:5", "localhost", "", 403},
		{"127.0.0.1:5", "attacker.example", "", 403},
		{"127.0.0.1:5", "localhost", "http://attacker.example", 403},
	} {
		r := httptest.NewRequest("GET", "http://"+tt.host+"/_emulator/stats", nil)
		r.RemoteAddr = tt.remote
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%+v: %d", tt, w.Code)
		}
	}
}

// A program that knows of nothing is sent here by HTTP_PROXY.
func TestProxy(t *testing.T) {
	l := start(t, Options{})
	proxy := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: l.addr})}
	t.Cleanup(proxy.CloseIdleConnections)
	l.client = &http.Client{Transport: proxy}
	for _, v := range []sls.AuthVersionType{sls.AuthV1, sls.AuthV4} {
		must(t, l.writer(v).PutLogs(DefaultProject, DefaultLogstore, sample(1)))
	}
}

// Run serves http or https until its context ends, and leaves nothing behind.
func TestRun(t *testing.T) {
	e, err := New(Options{})
	must(t, err)
	ca, err := e.CA()
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	for _, scheme := range []string{"http", "https"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		addr := ln.Addr().String()
		if scheme == "https" {
			ln = tls.NewListener(ln, e.TLSConfig())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx, ln) }()
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}}
		for _, host := range []string{"sec-logs.cn-hangzhou.log.aliyuncs.com", "sts.aliyuncs.com", "127.0.0.1"} {
			answer, err := (&http.Client{Transport: tr}).Get(scheme + "://" + host + "/?Action=x")
			must(t, err)
			b, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != 400 {
				t.Errorf("%s://%s: %d %s", scheme, host, answer.StatusCode, b)
			}
		}
		tr.CloseIdleConnections()
		cancel()
		must(t, <-done)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ln.Close()
	if err := e.Run(t.Context(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed listener: %v", err)
	}
}

// A refusal is logged with its reason, and never with a secret.
func TestLog(t *testing.T) {
	var out bytes.Buffer
	l := start(t, Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
	c := l.assume(func(r *assumeRoleRequest) { r.Policy = string(denyWrites) })
	if err := l.sls(sls.AuthV1, c.AccessKeyId, c.AccessKeySecret, c.SecurityToken).PutLogs(DefaultProject, DefaultLogstore, sample(1)); err == nil {
		t.Fatal("written")
	}
	got := out.String()
	for _, want := range []string{"level=WARN", "code=SHP-E001", "verdict=Unauthorized", "session policy", "role=" + WriterRole, "request_id="} {
		if !strings.Contains(got, want) {
			t.Errorf("log %s lacks %s", got, want)
		}
	}
	if strings.Contains(got, c.AccessKeySecret) || strings.Contains(got, c.SecurityToken) {
		t.Errorf("log %s tells a secret", got)
	}
}
