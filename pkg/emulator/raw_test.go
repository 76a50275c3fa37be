package emulator

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/gogo/protobuf/proto"

	"shipper/internal/codec"
)

// rawRequest is a Log Service request made by hand, so that every part of it can be wrong.
type rawRequest struct {
	method, host, path string
	raw                []byte // before compression
	comp               string
	header             map[string]string // set before signing; "" removes
	after              map[string]string // set after signing
	body               []byte            // replaces the compressed body after signing
}

// reply is what came back.
type reply struct {
	status        int
	code, message string
	header        http.Header
	body          string
}

func (r reply) String() string { return fmt.Sprintf("%d %s %q", r.status, r.code, r.message) }

// send signs a request with the keys of c and sends it.
func (l *lab) send(id, secret, token string, q rawRequest) reply {
	l.t.Helper()
	if q.method == "" {
		q.method = "POST"
	}
	if q.host == "" {
		q.host = DefaultProject + ".cn-hangzhou.log.aliyuncs.com"
	}
	kind, err := codec.Parse(q.comp)
	must(l.t, err)
	wire, err := kind.AppendCompressed(nil, q.raw)
	must(l.t, err)
	u, err := url.Parse("http://" + q.host + q.path)
	must(l.t, err)
	h := http.Header{}
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("x-log-apiversion", "0.6.0")
	h.Set("x-log-signaturemethod", "hmac-sha1")
	h.Set("x-log-bodyrawsize", strconv.Itoa(len(q.raw)))
	if len(wire) > 0 {
		sum := md5.Sum(wire)
		h.Set("Content-MD5", strings.ToUpper(hex.EncodeToString(sum[:])))
		h.Set("Content-Type", "application/x-protobuf")
	}
	if q.comp != "" {
		h.Set("x-log-compresstype", q.comp)
	}
	if token != "" {
		h.Set("x-acs-security-token", token)
	}
	set(h, q.header)
	h.Set("Authorization", "LOG "+id+":"+signV1(secret, q.method, u.EscapedPath(), u.Query(), h))
	set(h, q.after)
	if q.body != nil {
		wire = q.body
	}
	return l.do(q.method, u.String(), h, wire)
}

func set(h http.Header, values map[string]string) {
	for k, v := range values {
		if h.Set(k, v); v == "" {
			h.Del(k)
		}
	}
}

// signed is the header and body of a write by the reader.
func signed(t testing.TB, raw []byte) (http.Header, []byte) {
	wire, err := codec.LZ4.AppendCompressed(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum(wire)
	h := header("x-log-apiversion: 0.6.0", "x-log-signaturemethod: hmac-sha1", "x-log-bodyrawsize: "+strconv.Itoa(len(raw)),
		"x-log-compresstype: lz4", "Content-Type: application/x-protobuf", "Date: "+time.Now().UTC().Format(http.TimeFormat),
		"Content-MD5: "+strings.ToUpper(hex.EncodeToString(sum[:])))
	h.Set("Authorization", "LOG "+ReaderKeyID+":"+signV1(ReaderKeySecret, "POST", lb, nil, h))
	return h, wire
}

// do sends one request.
func (l *lab) do(method, url string, h http.Header, body []byte) reply {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, url, bytes.NewReader(body))
	must(l.t, err)
	req.Header = h
	answer, err := l.client.Do(req)
	if err != nil {
		return reply{message: err.Error()}
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	must(l.t, err)
	out := reply{status: answer.StatusCode, header: answer.Header, body: string(b)}
	var e struct{ ErrorCode, ErrorMessage, Code, Message string }
	if json.Unmarshal(b, &e) == nil {
		out.code, out.message = e.ErrorCode+e.Code, e.ErrorMessage+e.Message
	}
	return out
}

// wireGroup is a LogGroup with one log at t.
func wireGroup(at time.Time, key, val string) []byte {
	b, err := proto.Marshal(&sls.LogGroup{Logs: []*sls.Log{{Time: ptr(uint32(at.Unix())), Contents: []*sls.LogContent{{Key: &key, Value: &val}}}}})
	if err != nil {
		panic(err)
	}
	return b
}

const lb = "/logstores/web/shards/lb"

// The checks of a write, in the service's words.
func TestCheckWrite(t *testing.T) {
	l := start(t, Options{})
	c := l.assume(nil)
	now := time.Now()
	good := wireGroup(now, "content", "hello")
	big := wireGroup(now, "content", strings.Repeat("a", maxBody))
	tests := []struct {
		name string
		q    rawRequest
		code string // "200" for success, else status and code
		text string
	}{
		{"lz4", rawRequest{path: lb, raw: good, comp: "lz4"}, "200 ", ""},
		{"zstd", rawRequest{path: lb, raw: good, comp: "zstd"}, "200 ", ""},
		{"deflate", rawRequest{path: lb, raw: good, comp: "deflate"}, "200 ", ""},
		{"none", rawRequest{path: lb, raw: good}, "200 ", ""},
		{"legacy path", rawRequest{path: "/logstores/web", raw: good, comp: "lz4"}, "200 ", ""},
		{"metric store path", rawRequest{path: "/prometheus/sec-logs/web/api/v1/write", raw: good, comp: "lz4"}, "200 ", ""},
		{"x-log-date in place of Date", rawRequest{path: lb, raw: good, header: map[string]string{"Date": "", "x-log-date": now.UTC().Format(http.TimeFormat)}}, "200 ", ""},
		{"project in a header", rawRequest{path: lb, raw: good, host: "127.0.0.1:80", header: map[string]string{"x-log-project": DefaultProject}}, "200 ", ""},
		{"localhost", rawRequest{path: lb, raw: good, host: "sec-logs.localhost"}, "200 ", ""},
		{"no project", rawRequest{path: lb, raw: good, host: "localhost"}, "404 ProjectNotExist", ""},

		{"api version", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-apiversion": ""}}, "400 MissingParameter", "x-log-apiversion"},
		{"old api version", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-apiversion": "0.4.0"}}, "400 ParameterInvalid", "x-log-apiversion pair is invalid"},
		{"raw size", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-bodyrawsize": ""}}, "400 MissingParameter", "Missing http extend header key : x-log-bodyrawsize"},
		{"raw size no number", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-bodyrawsize": "ten"}}, "400 ParameterInvalid", "x-log-bodyrawsize"},
		{"signature method", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-signaturemethod": ""}}, "400 MissingParameter", "x-log-signaturemethod"},
		{"authorization", rawRequest{path: lb, raw: good, after: map[string]string{"Authorization": ""}}, "400 MissingParameter", "Missing http extend header key : authorization"},
		{"odd authorization", rawRequest{path: lb, raw: good, after: map[string]string{"Authorization": "Bearer x"}}, "400 ParameterInvalid", "Http extend authorization"},
		{"date", rawRequest{path: lb, raw: good, header: map[string]string{"Date": ""}}, "400 MissingParameter", "x-log-date"},
		{"odd date", rawRequest{path: lb, raw: good, header: map[string]string{"Date": "yesterday"}}, "400 InvalidRequestTime", "RFC822"},
		{"old date", rawRequest{path: lb, raw: good, header: map[string]string{"Date": now.Add(-16 * time.Minute).UTC().Format(http.TimeFormat)}}, "400 RequestTimeExpired", "has been expired while server time is"},
		{"header added by a proxy", rawRequest{path: lb, raw: good, after: map[string]string{"x-log-extra": "1"}}, "401 SignatureNotMatch", ""},
		{"other body", rawRequest{path: lb, raw: good, body: wireGroup(now, "content", "HELLO")}, "400 PostBodyInvalid", "Content-MD5"},
		{"no MD5", rawRequest{path: lb, raw: good, header: map[string]string{"Content-MD5": ""}}, "400 MissingParameter", "content-md5"},

		{"no type", rawRequest{path: lb, raw: good, header: map[string]string{"Content-Type": ""}}, "400 MissingContentType", ""},
		{"other type", rawRequest{path: lb, raw: good, header: map[string]string{"Content-Type": "text/plain"}}, "400 InvalidContentType", "text/plain"},
		{"endpoint of another region", rawRequest{path: lb, raw: good, host: "sec-logs.cn-beijing.log.aliyuncs.com"}, "404 ProjectNotExist", "sec-logs"},
		{"intranet endpoint", rawRequest{path: lb, raw: good, host: "sec-logs.cn-hangzhou-intranet.log.aliyuncs.com:80"}, "200 ", ""},

		{"10 MiB and more", rawRequest{path: lb, raw: big, comp: "lz4"}, "413 PostBodyTooLarge", fmt.Sprintf("Body size %d must little than 10485760", len(big))},
		{"uncompressed", rawRequest{path: lb, raw: append(big, make([]byte, maxBody/2)...)}, "413 PostBodyTooLarge", ""},
		{"odd compression", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-compresstype": "snappy"}}, "400 ParameterInvalid", "x-log-compresstype"},
		{"broken lz4", rawRequest{path: lb, raw: good, header: map[string]string{"x-log-compresstype": "lz4"}}, "400 PostBodyUncompressError", "Failed to decompress logs."},
		{"wrong raw size", rawRequest{path: lb, raw: good, comp: "lz4", header: map[string]string{"x-log-bodyrawsize": "7"}}, "400 PostBodyUncompressError", ""},
		{"no message", rawRequest{path: lb, raw: []byte("hello"), comp: "lz4"}, "400 PostBodyInvalid", "Protobuffer content cannot be parsed."},
		{"log without time", rawRequest{path: lb, raw: appendBytes(nil, 1, appendBytes(nil, 2, []byte("\x0a\x01k\x12\x01v"))), comp: "lz4"}, "400 PostBodyInvalid", "cannot be parsed"},
		{"log without content", rawRequest{path: lb, raw: appendBytes(nil, 1, []byte{8, 200, 1}), comp: "lz4"}, "400 PostBodyInvalid", "cannot be parsed"},
		{"bytes that are no text", rawRequest{path: lb, raw: bytes.ReplaceAll(good, []byte("hello"), []byte("he\xffll")), comp: "lz4"}, "400 InvalidEncoding", "Non-UTF8 characters are in logs."},
		{"empty key", rawRequest{path: lb, raw: wireGroup(now, "", "v"), comp: "lz4"}, "400 InvalidKey", "Invalid keys are in logs."},
		{"long key", rawRequest{path: lb, raw: wireGroup(now, strings.Repeat("k", 129), "v"), comp: "lz4"}, "400 InvalidKey", ""},
		{"time zero", rawRequest{path: lb, raw: wireGroup(time.Unix(0, 0), "k", "v"), comp: "lz4"}, "400 InvalidTimestamp", "Invalid timestamps are in logs."},
		{"log from last week", rawRequest{path: lb, raw: wireGroup(now.Add(-8*24*time.Hour), "k", "v"), comp: "lz4"}, "400 PostBodyInvalid", "The post data time is out of range"},
		{"log from tomorrow", rawRequest{path: lb, raw: wireGroup(now.Add(16*time.Minute), "k", "v"), comp: "lz4"}, "400 PostBodyInvalid", "The post data time is out of range"},
		{"one bad log in a good group", rawRequest{path: lb, raw: append(bytes.Clone(good), wireGroup(now, "", "v")...), comp: "lz4"}, "400 InvalidKey", ""},

		{"hash key", rawRequest{path: "/logstores/web/shards/route?key=FFFFFFFFFFFFFFFFffffffffffffffff", raw: good}, "200 ", ""},
		{"no hash key", rawRequest{path: "/logstores/web/shards/route", raw: good}, "400 MissingParameter", "Missing query key : key"},
		{"odd hash key", rawRequest{path: "/logstores/web/shards/route?key=12", raw: good}, "400 ParameterInvalid", "key 12"},
		{"unknown path", rawRequest{path: "/logstores/web/shard/lb", raw: good}, "405 InvalidMethod", "/logstores/web/shard/lb"},
	}
	want := 0
	for _, tt := range tests {
		got := l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, tt.q)
		if s := fmt.Sprintf("%d %s", got.status, got.code); s != tt.code || !strings.Contains(got.message, tt.text) {
			t.Errorf("%s: %v, want %s %q", tt.name, got, tt.code, tt.text)
		}
		if id := got.header.Get("x-log-requestid"); len(id) != 24 || got.header.Get("Date") == "" || got.header.Get("x-log-time") == "" {
			t.Errorf("%s: header %v", tt.name, got.header)
		}
		if tt.code == "200 " {
			want++
			if got.body != "" {
				t.Errorf("%s: body %q", tt.name, got.body)
			}
		}
	}
	if n := len(l.ReadAll(DefaultProject, DefaultLogstore)); n != want {
		t.Errorf("%d groups stored, want %d", n, want)
	}
}

// A hash key remembers its last sequence id: what is not above it is a repetition and is not stored.
func TestSequence(t *testing.T) {
	l := start(t, Options{})
	c := l.assume(nil)
	key := strings.Repeat("8", 32)
	for _, step := range []struct {
		key, seq string
		code     string
	}{
		{key, "5", ""}, {key, "5", "InvalidSequenceId"}, {key, "4", "InvalidSequenceId"}, {key, "9", ""}, {key, "9", "InvalidSequenceId"},
		{strings.Repeat("9", 32), "1", ""}, {key, "-1", "ParameterInvalid"}, {key, "18446744073709551615", ""},
	} {
		got := l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken,
			rawRequest{path: "/logstores/web/shards/route?key=" + step.key + "&seqid=" + step.seq, raw: wireGroup(time.Now(), "content", step.seq), comp: "lz4"})
		if got.code != step.code || got.status != 200 && got.status != 400 {
			t.Errorf("seqid %s: %v, want %q", step.seq, got, step.code)
		}
	}
	if n := len(l.ReadAll(DefaultProject, DefaultLogstore)); n != 4 {
		t.Errorf("%d groups stored", n)
	}
}

// Many small groups travel in one request; one that is bad spoils them all.
func TestBatchGroup(t *testing.T) {
	l := start(t, Options{})
	c := l.assume(nil)
	pack := func(raw []byte, kind codec.Codec, explicit bool) []byte {
		wire, err := kind.AppendCompressed(nil, raw)
		must(t, err)
		b := appendBytes(nil, 1, wire)
		b = binary.AppendUvarint(append(b, 2<<3), uint64(len(raw)))
		if explicit {
			b = append(b, 3<<3, byte(kind))
		}
		return appendBytes(nil, 1, b)
	}
	g := func(s string) []byte { return wireGroup(time.Now(), "content", s) }
	send := func(list []byte) reply {
		return l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, rawRequest{path: lb, raw: list, header: map[string]string{"x-log-mode": "batch_group"}})
	}
	list := append(pack(g("a"), codec.LZ4, false), pack(g("b"), codec.Zstd, true)...)
	list = append(append(list, pack(g("c"), codec.None, true)...), pack(g("d"), codec.Deflate, true)...)
	if got := send(list); got.status != 200 {
		t.Fatal(got)
	}
	if got := send(append(list, pack([]byte("junk"), codec.LZ4, false)...)); got.code != "PostBodyInvalid" {
		t.Error(got)
	}
	if got := send(append(list, pack(g(strings.Repeat("x", maxBody-50)), codec.Zstd, true)...)); got.code != "PostBodyTooLarge" {
		t.Error(got)
	}
	var lines []string
	for _, g := range l.ReadAll(DefaultProject, DefaultLogstore) {
		lines = append(lines, g.Logs[0].Value("content"))
	}
	if fmt.Sprint(lines) != "[a b c d]" {
		t.Errorf("stored %v", lines)
	}
}

// An appendMeta Logstore notes who sent and when it arrived.
func TestAppendMeta(t *testing.T) {
	l := start(t, Options{AnyLogTime: true})
	must(t, l.PutLogstore(DefaultProject, Logstore{Name: DefaultLogstore, AppendMeta: true}))
	c := l.assume(nil)
	at := time.Unix(1_000_000_000, 0)
	if got := l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, rawRequest{path: lb, raw: wireGroup(at, "content", "x"), comp: "lz4"}); got.status != 200 {
		t.Fatal(got)
	}
	g := l.ReadAll(DefaultProject, DefaultLogstore)[0]
	if g.Tag("__client_ip__") != "127.0.0.1" || g.Tag("__receive_time__") == "" || !g.Logs[0].Time.Equal(at) {
		t.Errorf("group %+v", g)
	}
}

// Quotas answer as the service's do, and what they refuse is not stored.
func TestQuota(t *testing.T) {
	l := start(t, Options{ShardRate: Rate{Requests: 1}})
	c := l.assume(nil)
	q := rawRequest{path: "/logstores/web/shards/route?key=" + firstKey, raw: wireGroup(time.Now(), "content", "x")}
	var got reply
	for range 5 {
		if got = l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, q); got.status != 200 {
			break
		}
	}
	if got.status != 403 || got.code != "ShardWriteQuotaExceed" {
		t.Error(got)
	}
	b := bytesAndRequests{}
	now := time.Now()
	if rate := (Rate{Bytes: 10}); !b.take(25, rate, now) || b.take(1, rate, now) || !b.take(5, rate, now.Add(2*time.Second)) {
		t.Error("a large request takes the bucket below nothing, and it fills again")
	}
}

// Counting mode keeps nothing; cursors go on as if everything were there.
func TestDiscard(t *testing.T) {
	l := start(t, Options{Discard: true})
	c := l.assume(nil)
	r := l.reader()
	before, err := r.GetCursor(DefaultProject, DefaultLogstore, 0, "end")
	must(t, err)
	for i := range 10 {
		got := l.send(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken, rawRequest{path: lb, raw: wireGroup(time.Now(), "content", strconv.Itoa(i)), comp: "lz4"})
		if got.status != 200 {
			t.Fatal(got)
		}
	}
	if n, logs := len(l.ReadAll(DefaultProject, DefaultLogstore)), l.Stats().Logs; n != 0 || logs != 10 {
		t.Errorf("%d groups kept, %d logs counted", n, logs)
	}
	after, err := r.GetCursor(DefaultProject, DefaultLogstore, 0, "begin")
	must(t, err)
	if a, _ := decodeCursor(before); encodeCursor(a+5) != after {
		t.Errorf("the cursor went from %s to %s", before, after)
	}
	list, next, err := r.PullLogs(DefaultProject, DefaultLogstore, 0, before, "", 100)
	if must(t, err); len(list.LogGroups) != 0 || next != after {
		t.Errorf("pulled %d groups, on to %s", len(list.LogGroups), next)
	}
}
