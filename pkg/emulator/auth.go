package emulator

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a client's clock may be off, in Log Service and in STS.
const maxSkew = 15 * time.Minute

// v4Date is the form of x-log-date.
const v4Date = "20060102T150405Z"

// authorization is a taken-apart Authorization header of Log Service.
type authorization struct {
	v4        bool
	keyID     string
	day       string // V4 only
	region    string // V4 only
	signature string
}

func parseAuthorization(s string) (authorization, bool) {
	if rest, ok := strings.CutPrefix(s, "LOG "); ok {
		id, sig, ok := strings.Cut(rest, ":")
		return authorization{keyID: id, signature: sig}, ok && id != "" && sig != ""
	}
	rest, ok := strings.CutPrefix(s, "SLS4-HMAC-SHA256 Credential=")
	if !ok {
		return authorization{}, false
	}
	cred, sig, ok := strings.Cut(rest, ",Signature=")
	part := strings.Split(cred, "/")
	if !ok || len(part) != 5 || part[3] != "sls" || part[4] != "aliyun_v4_request" || part[0] == "" || part[2] == "" {
		return authorization{}, false
	}
	return authorization{v4: true, keyID: part[0], day: part[1], region: part[2], signature: sig}, true
}

// checkHeaders looks at what every request must carry and returns the parsed Authorization (protocol: API common headers).
func checkHeaders(h http.Header) (authorization, *fail) {
	missing := func(name string) *fail {
		return failf(http.StatusBadRequest, "MissingParameter", "Missing http extend header key : %s", name)
	}
	invalid := func(name string) *fail {
		return failf(http.StatusBadRequest, "ParameterInvalid", "Http extend authorization : %s pair is invalid", name)
	}
	switch v := h.Get("x-log-apiversion"); v {
	case "0.6.0":
	case "":
		return authorization{}, missing("x-log-apiversion")
	default:
		return authorization{}, invalid("x-log-apiversion")
	}
	raw := h.Get("Authorization")
	if raw == "" {
		return authorization{}, missing("authorization")
	}
	auth, ok := parseAuthorization(raw)
	if !ok {
		return authorization{}, invalid("authorization")
	}
	size := h.Get("x-log-bodyrawsize")
	if size == "" {
		return authorization{}, missing("x-log-bodyrawsize")
	}
	if n, err := strconv.ParseInt(size, 10, 64); err != nil || n < 0 {
		return authorization{}, invalid("x-log-bodyrawsize")
	}
	switch {
	case auth.v4 && h.Get("x-log-date") == "":
		return authorization{}, missing("x-log-date")
	case auth.v4 && h.Get("x-log-content-sha256") == "":
		return authorization{}, missing("x-log-content-sha256")
	case !auth.v4 && h.Get("Date") == "" && h.Get("x-log-date") == "":
		return authorization{}, missing("x-log-date")
	case !auth.v4 && h.Get("x-log-signaturemethod") == "":
		return authorization{}, missing("x-log-signaturemethod")
	case !auth.v4 && h.Get("x-log-signaturemethod") != "hmac-sha1":
		return authorization{}, invalid("x-log-signaturemethod")
	}
	return auth, nil
}

// checkDate compares the signed time with the server's.
func checkDate(auth authorization, h http.Header, now time.Time) *fail {
	text, layout := h.Get("x-log-date"), v4Date
	if d := h.Get("Date"); d != "" && !auth.v4 {
		text = d
	}
	t, err := time.Parse(layout, text)
	if !auth.v4 {
		t, err = parseHTTPDate(text)
	}
	if err != nil || auth.v4 && !strings.HasPrefix(text, auth.day) {
		return failf(http.StatusBadRequest, "InvalidRequestTime", "Request time %s is invalid, it does not follow RFC822", text)
	}
	if d := now.Sub(t); d > maxSkew || d < -maxSkew {
		return failf(http.StatusBadRequest, "RequestTimeExpired", "Request time %s has been expired while server time is %s",
			text, now.UTC().Format(http.TimeFormat))
	}
	return nil
}

// parseHTTPDate takes the forms that clients send: RFC 1123 with GMT, with one or two digits for the day.
func parseHTTPDate(s string) (time.Time, error) {
	t, err := time.Parse(http.TimeFormat, s)
	if err != nil {
		t, err = time.Parse("Mon, _2 Jan 2006 15:04:05 GMT", s)
	}
	if err != nil {
		t, err = time.Parse("Mon, 2 Jan 2006 15:04:05 GMT", s)
	}
	return t, err
}

// unauthorized is the answer for every trouble with a key or a token: one code, the text tells them apart.
func unauthorized(format string, args ...any) *fail {
	return failf(http.StatusUnauthorized, "Unauthorized", format, args...)
}

// identify finds the caller and its secret. Sessions are checked for being alive here. It takes the lock.
func (e *Emulator) identify(keyID, token string, now time.Time) (caller, string, *fail) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !strings.HasPrefix(keyID, sessionKeyPrefix) {
		k, ok := e.keys[keyID]
		switch {
		case !ok:
			return caller{}, "", unauthorized("AccessKeyId not found: %s", keyID)
		case k.Disabled:
			return caller{}, "", unauthorized("AccessKeyId is disabled: %s", keyID)
		case token != "":
			return caller{}, "", unauthorized("The security token you provided is invalid.").because("a permanent key came with a token")
		}
		return caller{account: k.account, keyID: keyID, user: k.user}, k.Secret, nil
	}
	invalid := unauthorized("The security token you provided is invalid.")
	s := e.sessions[keyID]
	switch {
	case s == nil:
		return caller{}, "", invalid.because("no session has this key")
	case token == "":
		return caller{}, "", invalid.because("x-acs-security-token is missing")
	case !same(token, s.token):
		return caller{}, "", invalid.because("the token belongs to another key")
	case !now.Before(s.expires):
		return caller{}, "", unauthorized("The security token you provided has expired.").because("it ended at %s", s.expires.UTC().Format(time.RFC3339))
	case !e.live(s):
		return caller{}, "", invalid.because("the role %s has been deleted", s.role.arn())
	}
	return caller{account: s.role.account, keyID: keyID, session: s}, s.secret, nil
}

// verify checks the signature of a Log Service request, then that the body is the one that was signed.
func verify(auth authorization, secret string, r *http.Request, host string, body []byte) *fail {
	path, q := r.URL.EscapedPath(), r.URL.Query()
	var want string
	if auth.v4 {
		want = signV4(secret, auth.region, r.Method, path, q, host, r.Header)
	} else {
		want = signV1(secret, r.Method, path, q, r.Header)
	}
	if !same(want, auth.signature) {
		return failf(http.StatusUnauthorized, "SignatureNotMatch", "Signature %s not matched", auth.signature)
	}
	if len(body) == 0 {
		return nil
	}
	if r.Header.Get("Content-Type") == "" {
		return failf(http.StatusBadRequest, "MissingContentType", "Content-Type does not exist in http header when it is necessary.")
	}
	if auth.v4 {
		sum := sha256.Sum256(body)
		if !same(hex.EncodeToString(sum[:]), strings.ToLower(r.Header.Get("x-log-content-sha256"))) {
			return failf(http.StatusBadRequest, "PostBodyInvalid", "x-log-content-sha256 does not match the body")
		}
		return nil
	}
	sum, given := md5.Sum(body), r.Header.Get("Content-MD5")
	if given == "" {
		return failf(http.StatusBadRequest, "MissingParameter", "Missing http extend header key : content-md5")
	}
	if !strings.EqualFold(hex.EncodeToString(sum[:]), given) {
		return failf(http.StatusBadRequest, "PostBodyInvalid", "Content-MD5 does not match the body")
	}
	return nil
}
