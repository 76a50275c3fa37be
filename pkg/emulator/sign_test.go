package emulator

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// header makes a header from "name: value" lines.
func header(lines ...string) http.Header {
	h := http.Header{}
	for _, l := range lines {
		k, v, _ := strings.Cut(l, ":")
		h.Add(k, strings.TrimSpace(v))
	}
	return h
}

func query(t *testing.T, raw string) url.Values {
	t.Helper()
	q, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// The vectors come from the help page "Request signatures" (V1-a, V1-b), from the tests of aliyun-log-go-sdk (V1-c, V1-c2)
// and from its signer (V1-d).
func TestSignV1(t *testing.T) {
	const docs = "4fdO2fTDDnZPU/L7CHNdemB2Nsk="
	common := []string{"x-log-apiversion: 0.6.0", "x-log-signaturemethod: hmac-sha1"}
	tests := []struct {
		name, secret, method, path, query string
		header                            []string
		want                              string
	}{
		{"V1-a", docs, "GET", "/logstores", "logstoreName=&offset=0&size=1000",
			[]string{"Date: Mon, 09 Nov 2015 06:11:16 GMT"}, "jEYOTCJs2e88o+y5F4/S5IsnBJQ="},
		{"V1-b", docs, "POST", "/logstores/test-logstore", "",
			[]string{"Content-MD5: 1DD45FA4A70A9300CC9FE7305AF2C494", "Content-Type: application/x-protobuf",
				"Date: Mon, 09 Nov 2015 06:03:03 GMT", "x-log-bodyrawsize: 50", "x-log-compresstype: lz4"}, "XWLGYHGg2F2hcfxWxMLiNkGki6g="},
		{"V1-c", "mockAccessKeySecret", "GET", "/logstores", "",
			[]string{"Date: Mon, 3 Jan 2010 08:33:47 GMT", "x-log-bodyrawsize: 0"}, "Rwm6cTKzoti4HWoe+GKcb6Kv07E="},
		{"V1-c2", "mockAccessKeySecret", "GET", "/logstores/app_log", "",
			[]string{"Date: Mon, 3 Jan 2010 08:33:47 GMT", "x-log-bodyrawsize: 50", "Content-Type: application/x-protobuf",
				"Content-MD5: 8D6881250FF5559F59BBDF04100F6E59"}, "87xQWqFaOSewqRIma8kPjGYlXHc="},
		{"V1-d", "examplesecret", "POST", "/logstores/ls/shards/route", "seqid=7&key=0123456789abcdef0123456789abcdef",
			[]string{"Content-MD5: D2D34418B6B4643F0AC7D1432DBCFD4E", "Content-Type: application/x-protobuf",
				"Date: Mon, 09 Nov 2015 06:03:03 GMT", "x-log-bodyrawsize: 50", "x-log-compresstype: lz4",
				"x-acs-security-token: CAISexampletoken"}, "mC1DmTHJt8lOFgRYXrc81lEt4yM="},
	}
	for _, tt := range tests {
		got := signV1(tt.secret, tt.method, tt.path, query(t, tt.query), header(append(tt.header, common...)...))
		if got != tt.want {
			t.Errorf("%s: signature %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The vectors come from the tests of aliyun-log-go-sdk (1 to 5) and from its signer (V4-b).
func TestSignV4(t *testing.T) {
	hashed := "x-log-content-sha256: " + sha256Hex("adasd= -asd zcas")
	empty := "x-log-content-sha256: " + sha256Hex("")
	extra := []string{"x-log-test: het123", "x-acs-ppp: dds", "hello: world", "hello-Text: a12X- "}
	odd := "+abc=efg&+agc+=&=efg&A-bc=eFg"
	tests := []struct {
		name, secret, region, method, path, query, host string
		header                                          []string
		want                                            string
	}{
		{"case 1", "zxasdasdasw2", "cn-hangzhou", "POST", "/logstores", odd, "", append(extra, hashed),
			"a98f5632e93836e63839cd836a54055f480020a9364ca944e2d34f2eb9bf1bed"},
		{"V4-a", "zxasdasdasw2", "cn-shanghai", "POST", "/logstores", "", "", []string{hashed},
			"8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8"},
		{"case 3", "zxasdasdasw2", "cn-hangzhou", "POST", "/logstores", odd, "", append(extra, empty),
			"5a66d8f8051983e0e9d08e0f960ef9252ef971eead5bb5c7acec8617a2eb2701"},
		{"case 4", "zxasdasdasw2", "cn-hangzhou", "GET", "/logstores", odd, "", append(extra, empty),
			"d92741852500791d662a8d469ff61627c0559ecd86c3f59b7bf6772b6c62666a"},
		{"case 5", "zxasdasdasw2", "cn-hangzhou", "POST", "/logstores/hello/a+*~bb/cc",
			odd + "&abs-ij*asd%2Fvc=a~js%2Bd+ada&a+abAas123%2Fvc=a~jdad+a2ADFs%2Bd+ada", "", append(extra, hashed),
			"2c204068e961a8813a6bcf7ac422f7fa6e9bf9a5da493e0165dfe100854d18ff"},
	}
	for _, tt := range tests {
		h := header(append(tt.header, "x-log-date: 20220808T032330Z")...)
		got := signV4(tt.secret, tt.region, tt.method, tt.path, query(t, tt.query), tt.host, h)
		if got != tt.want {
			t.Errorf("%s: signature %s, want %s", tt.name, got, tt.want)
		}
	}
	h := header("Content-Type: application/x-protobuf", "x-log-apiversion: 0.6.0", "x-log-bodyrawsize: 50", "x-log-compresstype: lz4",
		"x-acs-security-token: CAISexampletoken", "x-log-date: 20151109T060303Z",
		"x-log-content-sha256: 5bc7ab0e9949344199534c3080e3214e77d009211a46f8d16cd1e19db96de658")
	got := signV4("examplesecret", "cn-hangzhou", "POST", "/logstores/ls/shards/route",
		query(t, "seqid=7&key=0123456789abcdef0123456789abcdef"), "proj.cn-hangzhou.log.aliyuncs.com", h)
	if want := "07309d5c2dc30afd7c5dc39d4ff4c86b9ab48a21d773163803933feda19469ca"; got != want {
		t.Errorf("V4-b: signature %s, want %s", got, want)
	}
}

// The vector comes from the help page "Signature mechanism"; that for POST was computed with the official SDK's rule.
func TestSignRPC(t *testing.T) {
	params := query(t, "Action=AssumeRole&Format=JSON&RoleArn=acs:ram::1234567890123:role/firstrole&RoleSessionName=client"+
		"&SignatureNonce=571f8fb8-506e-11e5-8e12-b8e8563dc8d2&Timestamp=2015-09-01T05:57:34Z&Version=2015-04-01"+
		"&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&AccessKeyId=testid&Signature=ignored")
	for method, want := range map[string]string{"GET": "gNI7b0AyKZHxDgjBGPDgJ1Ce3L4=", "POST": "gyoTXBqArvZT/gKwPjXIYR9ZuB0="} {
		if got, _ := signRPC("testsecret", method, params); got != want {
			t.Errorf("%s: signature %s, want %s", method, got, want)
		}
	}
}

// The vector comes from the tests of darabonba-openapi; it has no method, no path and one header twice.
func TestSignACS3(t *testing.T) {
	h := header("x-acs-test: http", "x-acs-test: https",
		"x-acs-content-sha256: 55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23")
	got, _ := signACS3("secret", "", "", query(t, "test=ok&empty="), "", h, []string{"x-acs-test"})
	if want := "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3"; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	id, names, sig, ok := parseACS3("ACS3-HMAC-SHA256 Credential=acesskey,SignedHeaders=host;x-acs-test,Signature=4ab5")
	if !ok || id != "acesskey" || sig != "4ab5" || len(names) != 2 {
		t.Errorf("parsed %q %q %q %v", id, names, sig, ok)
	}
}
