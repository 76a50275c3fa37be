package emulator

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The two signatures of Log Service, computed from the request as it arrived. Sources: help page "Request signatures",
// aliyun-log-go-sdk signature.go and signature_v4.go. The code is our own, so that the emulator judges signers
// independently.

// signV1 is the signature of scheme LOG: base64(HMAC-SHA1(secret, S)).
func signV1(secret, method, path string, query url.Values, h http.Header) string {
	date := h.Get("Date")
	if date == "" {
		date = h.Get("x-log-date")
	}
	var s strings.Builder
	for _, line := range []string{method, h.Get("Content-MD5"), h.Get("Content-Type"), date} {
		s.WriteString(line)
		s.WriteByte('\n')
	}
	signed := signedHeaders(h, false)
	for _, name := range slices.Sorted(maps.Keys(signed)) {
		s.WriteString(name + ":" + signed[name] + "\n")
	}
	if len(signed) == 0 {
		s.WriteByte('\n')
	}
	s.WriteString(path)
	sep := byte('?')
	for _, k := range slices.Sorted(maps.Keys(query)) { // values as decoded, unlike on the wire
		s.WriteByte(sep)
		sep = '&'
		for _, v := range query[k] {
			s.WriteString(k + "=" + v)
		}
	}
	return base64.StdEncoding.EncodeToString(mac(sha1.New, secret, s.String()))
}

// signV4 is the signature of scheme SLS4-HMAC-SHA256, whose signed headers follow from a rule and are not listed.
func signV4(secret, region, method, path string, query url.Values, host string, h http.Header) string {
	stamp := h.Get("x-log-date")
	day, _, _ := strings.Cut(stamp, "T")
	signed := signedHeaders(h, true)
	if host != "" {
		signed["host"] = host
	}
	if ct := h.Get("Content-Type"); ct != "" {
		signed["content-type"] = ct
	}
	names := slices.Sorted(maps.Keys(signed))

	var c strings.Builder
	c.WriteString(method + "\n" + path + "\n")
	for i, k := range slices.Sorted(maps.Keys(query)) {
		if i > 0 {
			c.WriteByte('&')
		}
		c.WriteString(k)
		if v := query.Get(k); v != "" {
			c.WriteString("=" + percent(v))
		}
	}
	c.WriteByte('\n')
	for _, n := range names {
		c.WriteString(n + ":" + signed[n] + "\n")
	}
	c.WriteString("\n" + strings.Join(names, ";") + "\n" + h.Get("x-log-content-sha256"))

	scope := day + "/" + region + "/sls/aliyun_v4_request"
	text := "SLS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + sha256Hex(c.String())
	key := mac(sha256.New, "aliyun_v4"+secret, day)
	for _, part := range []string{region, "sls", "aliyun_v4_request"} {
		key = mac(sha256.New, string(key), part)
	}
	return hex.EncodeToString(mac(sha256.New, string(key), text))
}

// signedHeaders returns the x-log-* and x-acs-* headers under their lower-case names; V4 leaves out x-log-meta-*. Old
// clients send x-sls-* and sign them as x-log-*.
func signedHeaders(h http.Header, v4 bool) map[string]string {
	out := map[string]string{}
	for name, values := range h {
		low := strings.ToLower(name)
		if rest, ok := strings.CutPrefix(low, "x-sls-"); ok && !v4 {
			low = "x-log-" + rest
		}
		if !strings.HasPrefix(low, "x-log-") && !strings.HasPrefix(low, "x-acs-") {
			continue
		}
		if v4 && strings.HasPrefix(low, "x-log-meta-") {
			continue
		}
		out[low] = strings.TrimSpace(strings.Join(values, ","))
	}
	return out
}

// percent encodes by RFC 3986: only letters, digits and - _ . ~ stay.
func percent(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func mac(h func() hash.Hash, key, text string) []byte {
	m := hmac.New(h, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// same compares two signatures in constant time.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
