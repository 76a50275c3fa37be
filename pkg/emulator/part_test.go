package emulator

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Which service and which project a request is for.
func TestTarget(t *testing.T) {
	for _, tt := range []struct {
		method, url, header string
		want                string // "sts" or the project
	}{
		{"POST", "http://proj.cn-hangzhou.log.aliyuncs.com/logstores", "", "proj"},
		{"POST", "http://proj.cn-hangzhou-intranet.log.aliyuncs.com:80/logstores", "", "proj"},
		{"GET", "http://cn-hangzhou.log.aliyuncs.com/", "", ""},
		{"GET", "http://proj.cn-hangzhou.sls.aliyuncs.com/", "", "proj"},
		{"GET", "http://PROJ.localhost:8080/", "", "proj"},
		{"GET", "http://localhost:8080/", "", ""},
		{"GET", "http://emulator:8080/", "", ""},
		{"GET", "http://127.0.0.1:8080/", "x-log-project: other", "other"},
		{"GET", "http://proj.127.0.0.1:8080/", "", "proj"},
		{"GET", "http://[::1]:8080/", "", ""},
		{"GET", "http://proj.localhost/", "x-log-project: other", "other"},
		{"POST", "http://proj.localhost/", "Content-Type: application/json", "proj"},
		{"GET", "http://sts.cn-hangzhou.aliyuncs.com/", "", "sts"},
		{"GET", "http://sts-vpc.cn-hangzhou.aliyuncs.com/", "", "sts"},
		{"GET", "http://localhost/?Action=AssumeRole", "", "sts"},
		{"POST", "http://localhost/", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8", "sts"},
		{"POST", "http://localhost/", "x-acs-action: AssumeRole", "sts"},
		{"POST", "http://proj.localhost/logstores/sts?Action=x", "", "proj"},
	} {
		r := httptest.NewRequest(tt.method, tt.url, nil)
		for k, v := range header(tt.header) {
			if k != "" {
				r.Header[k] = v
			}
		}
		got := targetOf(r)
		if s := map[bool]string{true: "sts", false: got.project}[got.sts]; s != tt.want {
			t.Errorf("%s %s %s: %q, want %q", tt.method, tt.url, tt.header, s, tt.want)
		}
	}
}

// Shards divide the whole space, and every key has exactly one owner.
func TestDivide(t *testing.T) {
	for n := 1; n <= 256; n *= 2 {
		shards := newShards(n, time.Now())
		for _, key := range []string{firstKey, lastKey, "7fffffffffffffffffffffffffffffff", "80000000000000000000000000000000", "0123456789abcdef0123456789abcdef"} {
			owners := 0
			for _, s := range shards {
				if s.owns(key) {
					owners++
				}
			}
			if owners != 1 {
				t.Errorf("%d shards: %s has %d owners", n, key, owners)
			}
		}
	}
	if got := divide(firstKey, lastKey, 2)[1]; got != "80000000000000000000000000000000" {
		t.Errorf("half is %s", got)
	}
}

// What a query means, and that it says when it does not know.
func TestQuery(t *testing.T) {
	fields := []Content{{"content", "GET /index.html"}, {"status", "200"}}
	for q, want := range map[string]bool{
		"": true, "*": true, "index": true, "* and GET": true, "status: 200": true, "status:200 and content:index": true,
		`"index"`: true, "POST": false, "status: 404": false, "content: *": true, "other: *": false,
	} {
		s, f := parseQuery(q)
		if f != nil || s.fits(fields) != want {
			t.Errorf("%q: %v %v", q, s, f)
		}
	}
	for _, q := range []string{"* | select count(1)", "a or b", "not a", "x > 3"} {
		if _, f := parseQuery(q); f == nil || f.Code != "ParameterInvalid" {
			t.Errorf("%q: %v", q, f)
		}
	}
}

// The older query form and the borders of pulling.
func TestReadByHand(t *testing.T) {
	l := start(t, Options{})
	must(t, l.writer(sls.AuthV1).PutLogs(DefaultProject, DefaultLogstore, sample(3, "a", "b", "c")))
	get := func(path string) reply {
		return l.send(ReaderKeyID, ReaderKeySecret, "", rawRequest{method: "GET", path: path})
	}
	now := time.Now().Unix()
	got := get(fmt.Sprintf("/logstores/web?type=log&from=%d&to=%d&query=*&line=2&offset=1&reverse=true", now-60, now+60))
	if got.status != 200 || got.header.Get("x-log-count") != "2" || got.header.Get("x-log-progress") != "Complete" || !strings.HasPrefix(got.body, `[{"__source__"`) {
		t.Errorf("log: %v %s", got, got.body)
	}
	begin := encodeCursor(l.projects[DefaultProject].logstores["web"].shards[0].base)
	filtered := get("/logstores/web/shards/0?type=log&count=10&query=b&cursor=" + begin)
	if h := filtered.header; h.Get("x-log-rawdatalines") != "3" || h.Get("x-log-resultlines") != "1" || h.Get("x-log-count") != "1" {
		t.Errorf("filtered: %v", h)
	}
	for path, want := range map[string]string{
		"/logstores/web?type=log&from=1":                                         "400 MissingParameter",
		"/logstores/web?type=histogram&from=9&to=1":                              "400 ParameterInvalid",
		"/logstores/web/shards/7?type=cursor&from=begin":                         "400 ShardNotExist",
		"/logstores/web/shards/0?type=cursor&from=never":                         "400 ParameterInvalid",
		"/logstores/web/shards/0?type=logs&cursor=!&count=1":                     "400 InvalidCursor",
		"/logstores/web/shards/0?type=logs&cursor=" + begin + "&count=1001":      "400 ParameterInvalid",
		"/logstores/web/shards/0?type=cursor_time&cursor=" + encodeCursor(1<<62): "400 InvalidCursor",
		"/logstores/web/index":                                                   "404 IndexConfigNotExist",
		"/logstores/none":                                                        "404 LogStoreNotExist",
	} {
		if got := get(path); fmt.Sprintf("%d %s", got.status, got.code) != want {
			t.Errorf("%s: %v, want %s", path, got, want)
		}
	}
	at := get("/logstores/web/shards/0?type=cursor&from=" + fmt.Sprint(now-5))
	if at.body != `{"cursor":"`+begin+`"}` {
		t.Errorf("cursor by time: %s, begin %s", at.body, begin)
	}
}

func FuzzCheckGroup(f *testing.F) {
	f.Add(wireGroup(time.Unix(1_700_000_000, 0), "content", "hello"))
	f.Add(appendTag(nil, "__path__", "/var/log/a"))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, bad := checkGroup(b, window{})
		if bad != nil {
			if bad.Status != 400 {
				t.Fatal(bad)
			}
			return
		}
		g := decodeGroup(b)
		if len(g.Logs) != n {
			t.Fatalf("%d logs counted, %d read", n, len(g.Logs))
		}
		for _, l := range g.Logs {
			if len(l.Contents) == 0 {
				t.Fatal("a log without content")
			}
		}
		if out, m := (search{}).filter(b); m != n || len(decodeGroup(out).Logs) != n {
			t.Fatalf("%d logs, %d after a filter that lets all through", n, m)
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add(appendBytes(nil, 1, appendBytes(nil, 1, "x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		groups, raw, bad := unpackList(b, window{})
		total := 0
		for _, g := range groups {
			total += len(g.wire)
		}
		if bad == nil && total != len(raw) {
			t.Fatalf("%d bytes in groups, %d in all", total, len(raw))
		}
	})
}

// Whatever arrives is answered, and with one of the forms that clients know.
func FuzzServe(f *testing.F) {
	f.Add("POST", "/logstores/web/shards/lb", "LOG a:b", []byte("x"))
	f.Add("GET", "/logstores/web/shards/0?type=logs&cursor=MQ==&count=1", "SLS4-HMAC-SHA256 Credential=a/20200101/r/sls/aliyun_v4_request,Signature=x", []byte{})
	f.Add("POST", "/?Action=AssumeRole", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=b", []byte("RoleArn=x"))
	f.Add("PUT", "/_emulator/world", "", []byte(`{"accounts":[]}`))
	e, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, target, auth string, body []byte) {
		r, err := http.NewRequest(method, "http://sec-logs.localhost"+target, bytes.NewReader(body))
		if err != nil {
			return
		}
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Authorization", auth)
		r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		r.Header.Set("x-log-date", time.Now().UTC().Format(v4Date))
		for _, h := range []string{"x-log-apiversion: 0.6.0", "x-log-bodyrawsize: 1", "x-log-signaturemethod: hmac-sha1", "x-log-content-sha256: x"} {
			k, v, _ := strings.Cut(h, ": ")
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
		}
	})
}
