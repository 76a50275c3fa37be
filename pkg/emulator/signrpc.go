package emulator

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The two signatures of the RPC gateways (STS). Sources: help page "Signature mechanism", alibaba-cloud-sdk-go
// sdk/auth/rpc_signature_composer.go, darabonba-openapi golang/utils.

// signRPC is the signature of version 1.0 and the text that was signed, which the service shows when they differ.
// params are the parameters of query and form together.
func signRPC(secret, method string, params url.Values) (signature, text string) {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(params)) {
		if k != "Signature" {
			parts = append(parts, percent(k)+"="+percent(params.Get(k)))
		}
	}
	text = method + "&%2F&" + percent(strings.Join(parts, "&"))
	return base64.StdEncoding.EncodeToString(mac(sha1.New, secret+"&", text)), text
}

// signACS3 is the signature of scheme ACS3-HMAC-SHA256 over the headers named in names, and the canonical request.
func signACS3(secret, method, path string, query url.Values, host string, h http.Header, names []string) (signature, text string) {
	if path == "" {
		path = "/"
	}
	var c strings.Builder
	c.WriteString(method + "\n" + strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(path) + "\n")
	for i, k := range slices.Sorted(maps.Keys(query)) {
		if i > 0 {
			c.WriteByte('&')
		}
		c.WriteString(percent(k) + "=" + percent(query.Get(k)))
	}
	c.WriteByte('\n')
	for _, n := range names {
		c.WriteString(n + ":" + acs3Value(n, host, h) + "\n")
	}
	c.WriteString("\n" + strings.Join(names, ";") + "\n" + h.Get("x-acs-content-sha256"))
	text = c.String()
	return hex.EncodeToString(mac(sha256.New, secret, "ACS3-HMAC-SHA256\n"+sha256Hex(text))), text
}

// acs3Value is the canonical value of a header: a repeated one is sorted and joined.
func acs3Value(name, host string, h http.Header) string {
	if name == "host" {
		return host
	}
	values := slices.Clone(h.Values(name))
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	slices.Sort(values)
	return strings.Join(values, ",")
}

// parseACS3 takes an Authorization header of that scheme apart.
func parseACS3(auth string) (id string, names []string, signature string, ok bool) {
	rest, ok := strings.CutPrefix(auth, "ACS3-HMAC-SHA256 ")
	if !ok {
		return "", nil, "", false
	}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch k {
		case "Credential":
			id = v
		case "SignedHeaders":
			names = strings.Split(v, ";")
		case "Signature":
			signature = v
		}
	}
	return id, names, signature, id != "" && signature != "" && len(names) > 0
}
