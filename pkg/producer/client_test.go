package producer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/internal/codec"
	"shipper/pkg/creds"
)

var testKey = &creds.Credentials{ID: "STS.exampleid", Secret: "examplesecret", Token: "CAISexampletoken", Generation: 1}

// Published vectors, and two that were made with the official signer and recomputed by hand.
func TestSignatures(t *testing.T) {
	sign := func(s sls.Signer, method, uri string, headers map[string]string, body []byte) string {
		if err := s.Sign(method, uri, headers, body); err != nil {
			t.Fatal(err)
		}
		return headers["Authorization"]
	}
	v1 := map[string]string{"Date": "Mon, 09 Nov 2015 06:11:16 GMT", "x-log-apiversion": "0.6.0", "x-log-signaturemethod": "hmac-sha1"}
	if got := sign(sls.NewSignerV1("bq2sjzesjmo86kq35behupbq", "4fdO2fTDDnZPU/L7CHNdemB2Nsk="), "GET", "/logstores?logstoreName=&offset=0&size=1000", v1, nil); got != "LOG bq2sjzesjmo86kq35behupbq:jEYOTCJs2e88o+y5F4/S5IsnBJQ=" {
		t.Errorf("V1, help page: %s", got)
	}
	v4 := map[string]string{"x-log-date": "20220808T032330Z"}
	if got := sign(sls.NewSignerV4("acsddda21dsd", "zxasdasdasw2", "cn-shanghai"), "POST", "/logstores", v4, []byte("adasd= -asd zcas")); !strings.HasSuffix(got, "Signature=8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8") {
		t.Errorf("V4, SDK test: %s", got)
	}

	at := time.Date(2015, 11, 9, 6, 3, 3, 0, time.UTC)
	for signature, want := range map[string]string{
		"v1": "LOG STS.exampleid:mC1DmTHJt8lOFgRYXrc81lEt4yM=",
		"v4": "SLS4-HMAC-SHA256 Credential=STS.exampleid/20151109/cn-hangzhou/sls/aliyun_v4_request,Signature=07309d5c2dc30afd7c5dc39d4ff4c86b9ab48a21d773163803933feda19469ca",
	} {
		c := settings()
		c.Project, c.Logstore, c.Signature = "proj", "ls", signature
		client, err := NewClient(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := &Body{data: []byte("hello sls body"), rawSize: 50, codec: codec.LZ4, groups: 1}
		h := client.headers(testKey, b)
		path := client.numbered("0123456789abcdef0123456789abcdef", 7)
		if err := client.sign(http.MethodPost, path, h, testKey, b.data, at); err != nil {
			t.Fatal(err)
		}
		if h["Authorization"] != want {
			t.Errorf("%s: %s, want %s", signature, h["Authorization"], want)
		}
	}
}

// target is settings with an endpoint.
func target(endpoint string) Config {
	c := settings()
	c.Endpoint = endpoint
	return c
}

// post sends one request with groups to c.
func post(t *testing.T, c Config, hc *http.Client, groups ...[]byte) (Reply, error) {
	t.Helper()
	client, err := NewClient(c, hc)
	if err != nil {
		t.Fatal(err)
	}
	body, err := client.Encode(groups...)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Free()
	return client.Post(t.Context(), testKey, body, time.Now())
}

// own is a client whose connections end with the test.
func own(t *testing.T, change func(*http.Transport)) *http.Client {
	tr := NewTransport(2)
	tr.Proxy = nil
	if change != nil {
		change(tr)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// yes answers as Log Service does.
func yes(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("x-log-requestid", "5F0A1B2C3D4E5F6071829304")
}

func TestRequestOnTheWire(t *testing.T) {
	var got *http.Request
	var raw []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ := io.ReadAll(r.Body)
		size, _ := strconv.Atoi(r.Header.Get("x-log-bodyrawsize"))
		raw, _ = codec.LZ4.Decompress(nil, body, size)
		w.Header().Set("x-log-requestid", "5F0A1B2C3D4E5F6071829304")
		w.Header().Set("x-log-time", strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10))
	}))
	defer server.Close()
	group := []byte(strings.Repeat("hello ", 100))
	reply, err := post(t, target(server.URL), own(t, nil), group)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Status != 200 || reply.RequestID != "5F0A1B2C3D4E5F6071829304" || (reply.Offset-time.Hour).Abs() > 2*time.Second || !reply.Sent || reply.Took <= 0 {
		t.Errorf("%+v", reply)
	}
	host := strings.TrimPrefix(server.URL, "http://")
	if got.Method != "POST" || got.URL.Path != "/logstores/web/shards/lb" || got.Host != host || got.ProtoMajor != 1 || !bytes.Equal(raw, group) {
		t.Errorf("%s %s to %s by %s, %d bytes", got.Method, got.URL, got.Host, got.Proto, len(raw))
	}
	for k, want := range map[string]string{
		"Content-Type": "application/x-protobuf", "X-Log-Apiversion": "0.6.0", "X-Log-Compresstype": "lz4", "X-Log-Bodyrawsize": "600",
		"X-Acs-Security-Token": "CAISexampletoken", "X-Log-Project": "sec-logs", "X-Log-Signaturemethod": "hmac-sha1", "X-Log-Mode": "",
	} {
		if got.Header.Get(k) != want {
			t.Errorf("%s: %q, want %q", k, got.Header.Get(k), want)
		}
	}
	if len(got.Header["Content-Md5"]) != 1 || len(got.Header["Date"]) != 1 || got.ContentLength <= 0 || !strings.HasPrefix(got.Header.Get("Authorization"), "LOG STS.exampleid:") {
		t.Errorf("%v", got.Header)
	}
}

func TestSeveralGroupsOnTheWire(t *testing.T) {
	b, err := NewBody(codec.Zstd, heap{}, []byte("first group"), []byte("second group"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var list sls.SlsLogPackageList
	if err := list.Unmarshal(b.data); err != nil || len(list.Packages) != 3 || b.rawSize != len(b.data) {
		t.Fatalf("%v, %d packages, raw size %d of %d", err, len(list.Packages), b.rawSize, len(b.data))
	}
	for i, want := range []string{"first group", "second group", ""} {
		p := list.Packages[i]
		raw, err := codec.Zstd.Decompress(nil, p.Data, int(p.GetUncompressSize()))
		if err != nil || string(raw) != want {
			t.Errorf("%d: %q, %v", i, raw, err)
		}
	}
	b.Free()
}

func TestHTTPS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(yes))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	host := strings.TrimPrefix(server.URL, "https://")
	reply, err := post(t, target(host), own(t, func(tr *http.Transport) { tr.TLSClientConfig.RootCAs = roots }), []byte("x"))
	if f := Classify(reply, err); f.Verdict != OK {
		t.Errorf("%+v", f)
	}
	reply, err = post(t, target(host), own(t, nil), []byte("x"))
	if f := Classify(reply, err); f.Code != "Certificate" || f.Verdict != Retry {
		t.Errorf("%+v", f)
	}
	plain := httptest.NewServer(http.HandlerFunc(yes))
	defer plain.Close()
	reply, err = post(t, target(strings.TrimPrefix(plain.URL, "http://")), own(t, nil), []byte("x"))
	if f := Classify(reply, err); f.Code != "NotTLS" || f.Verdict != Retry {
		t.Errorf("%+v", f)
	}
	reply, err = post(t, target("http://127.0.0.1:1"), own(t, nil), []byte("x"))
	if f := Classify(reply, err); f.Code != "ConnectionRefused" || f.Verdict != Retry || reply.Sent {
		t.Errorf("%+v", f)
	}
}

// The service's own name, its own certificate, behind a proxy that only knows CONNECT.
func TestThroughProxy(t *testing.T) {
	const name = "sec-logs.cn-hangzhou.log.aliyuncs.com"
	var host atomic.Value
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host + r.Header.Get("x-log-project"))
		yes(w, r)
	}))
	cert, roots := certificate(t, name)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	defer server.Close()

	var asked atomic.Value
	closed := make(chan struct{}) // when the one tunnel is
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		to, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		from, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		fmt.Fprint(from, "HTTP/1.1 200 Connection established\r\n\r\n")
		back := make(chan struct{})
		go func() { io.Copy(from, to); from.Close(); close(back) }()
		io.Copy(to, buffered)
		to.Close()
		<-back
		close(closed)
	}))
	defer func() { proxy.Close(); <-closed }()
	through, _ := url.Parse(proxy.URL)
	hc := own(t, func(tr *http.Transport) {
		tr.Proxy = http.ProxyURL(through)
		tr.TLSClientConfig.RootCAs = roots
	})
	defer hc.CloseIdleConnections()
	reply, err := post(t, settings(), hc, []byte("x"))
	if f := Classify(reply, err); f.Verdict != OK {
		t.Fatalf("%+v", f)
	}
	if asked.Load() != "CONNECT "+name+":443" || host.Load() != name {
		t.Errorf("proxy was asked to %v, server saw %v", asked.Load(), host.Load())
	}
}

// certificate makes a CA and a certificate for name.
func certificate(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// Answers that no service should give.
func TestOddAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		serve   http.HandlerFunc
		verdict Verdict
		says    string // part of Code or Message
	}{
		"captive portal": {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>Please log in") }, Retry, "an HTML page"},
		"redirection": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, Retry, "redirection"},
		"endless page": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			for w.(http.Flusher).Flush(); r.Context().Err() == nil; {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, Retry, ""},
		"yes, cut": {func(w http.ResponseWriter, r *http.Request) {
			yes(w, r)
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, OK, ""},
		"no, cut": {func(w http.ResponseWriter, r *http.Request) {
			yes(w, r)
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(400)
			w.Write([]byte(`{"errorCode":"PostBodyInvalid"`))
			panic(http.ErrAbortHandler)
		}, Retry, "EOF"},
		"cut before any answer": {func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}, Retry, "EOF"},
		"strange JSON": {func(w http.ResponseWriter, r *http.Request) {
			yes(w, r)
			w.WriteHeader(500)
			fmt.Fprint(w, `{"errorCode":7,"errorMessage":["x"]}`)
		}, Retry, "errorCode"},
		"control characters": {func(w http.ResponseWriter, r *http.Request) {
			yes(w, r)
			w.WriteHeader(500)
			fmt.Fprintf(w, `{"errorCode":"A\nB","errorMessage":"%s"}`, strings.Repeat("日", 1000))
		}, Retry, "A B"},
		"a request id that is a book": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("x-log-requestid", strings.Repeat("5", 50_000))
			w.WriteHeader(500)
		}, Retry, ""},
		"headers without end": {func(w http.ResponseWriter, r *http.Request) {
			yes(w, r)
			for i := range 100 {
				w.Header().Set(fmt.Sprint("x-", i), strings.Repeat("x", 10_000))
			}
		}, Retry, "headers"},
		"another protocol": {func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\nx-log-requestid: 5F0A\r\n\r\n")
			io.Copy(io.Discard, c) // says nothing more, and waits
		}, Retry, ""},
		"keys are shortened": {func(w http.ResponseWriter, r *http.Request) {
			yes(w, r)
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"errorCode":"Unauthorized","errorMessage":"AccessKeyId not found: %s, %s %s"}`, testKey.ID, testKey.Secret, testKey.Token)
		}, Renew, "STS.…id, *** ***"},
	} {
		t.Run(name, func(t *testing.T) {
			followed := false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					followed = true
				}
				c.serve(w, r)
			}))
			defer server.Close()
			defer server.CloseClientConnections()
			reply, err := post(t, target(server.URL), own(t, nil), []byte("hello"))
			f := Classify(reply, err)
			if f.Verdict != c.verdict || !strings.Contains(f.Code+" "+f.Message, c.says) || len(f.Message) > 2*maxMessage || len(f.RequestID) > 2*maxMessage {
				t.Errorf("%v: %v", f.Verdict, f)
			}
			if f.Verdict != OK && !reply.Sent {
				t.Error("the request went out, and that is not known")
			}
			if followed {
				t.Error("a redirection was followed")
			}
		})
	}
}

// A server that answers before it has read the body leaves the transport reading it. Its buffer must not be used for another
// request meanwhile.
func TestBuffersOutliveAnswers(t *testing.T) {
	var bad atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("x-log-requestid", "5F0A1B2C3D4E5F6071829304")
		if r.Header.Get("x-log-bodyrawsize") != "1000" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil && !bytes.Equal(body, bytes.Repeat([]byte{'s'}, 1000)) {
			bad.Add(1)
		}
	}))
	defer server.Close()
	c := target(server.URL)
	c.Compression = "none"
	client, err := NewClient(c, own(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				for _, group := range [][]byte{bytes.Repeat([]byte{'l'}, 3<<20), bytes.Repeat([]byte{'s'}, 1000)} {
					body, err := client.Encode(group)
					if err != nil {
						t.Error(err)
						return
					}
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					client.Post(ctx, testKey, body, time.Now())
					cancel()
					body.Free()
				}
			}
		})
	}
	all.Wait()
	if bad.Load() != 0 {
		t.Errorf("%d requests carried the bytes of another", bad.Load())
	}
}
