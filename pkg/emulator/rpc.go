package emulator

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// rpcDate is the form of Timestamp and x-acs-date.
const rpcDate = "2006-01-02T15:04:05Z"

// rpcCall is one request to STS with its parameters merged from query and form.
type rpcCall struct {
	e      *Emulator
	r      *http.Request
	params url.Values
	form   string // the body, for the hash of ACS3
	now    time.Time
	skew   time.Duration // of a clock that a fault has put forward or back
	caller caller
}

// rpcID is what RPC gateways call a request: a UUID in upper case.
func rpcID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	s := strings.ToUpper(hex.EncodeToString(b[:]))
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// entityID is what RAM calls a user or a role.
func entityID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	var n uint64
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return fmt.Sprintf("%017d", n%1e17)
}

// serveSTS answers one request to STS.
func (e *Emulator) serveSTS(w http.ResponseWriter, r *http.Request) {
	c := &rpcCall{e: e, r: r, now: e.opt.Now()}
	f := c.read()
	x := e.faults.draw(OpSTS)
	if x != nil && x.Kind == ClockSkew {
		c.now, c.skew = c.now.Add(x.Skew), x.Skew
	}
	w.Header().Set("Date", c.now.UTC().Format(http.TimeFormat))
	action := c.params.Get("Action")
	if action == "AssumeRole" || action == "AssumeRoleWithOIDC" {
		e.counts.assume(false)
	}
	id := rpcID()
	w.Header().Set("x-acs-request-id", id)
	if e.misbehave(w, r, OpSTS, x) {
		return
	}
	var answer map[string]any
	if f == nil {
		answer, f = c.serve(action)
	}
	if f != nil {
		e.counts.answered(OpSTS, f.Code)
		e.refused(OpSTS, id, c.caller, f)
		writeRPCFail(w, f, r.Host)
		return
	}
	e.counts.answered(OpSTS, "ok")
	answer["RequestId"] = id
	writeJSON(w, http.StatusOK, answer)
	if x != nil && x.Kind == CutAfter {
		cut() // the answer lies in a buffer and dies with the connection
	}
}

// writeRPCFail answers as the RPC gateways do.
func writeRPCFail(w http.ResponseWriter, f *fail, host string) {
	writeJSON(w, f.Status, struct {
		RequestID string `json:"RequestId"`
		HostID    string `json:"HostId"`
		Code      string
		Message   string
		Recommend string
		Detail    *denial `json:"AccessDeniedDetail,omitempty"`
	}{w.Header().Get("x-acs-request-id"), host, f.Code, f.Message,
		"https://api.aliyun.com/troubleshoot?q=" + url.QueryEscape(f.Code) + "&product=Sts", f.Detail})
}

// read merges the parameters of query, form and, for ACS3, headers.
func (c *rpcCall) read() *fail {
	c.params = c.r.URL.Query()
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody))
	if err != nil {
		return failf(http.StatusBadRequest, "InvalidParameter", "The body ends early.").because("%v", err)
	}
	c.form = string(body)
	if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(c.form)
		if err != nil {
			return failf(http.StatusBadRequest, "InvalidParameter", "The form is malformed.").because("%v", err)
		}
		for k, v := range form {
			c.params[k] = append(c.params[k], v...)
		}
	}
	for header, name := range map[string]string{"x-acs-action": "Action", "x-acs-version": "Version"} {
		if v := c.r.Header.Get(header); v != "" {
			c.params.Set(name, v)
		}
	}
	return nil
}

// serve checks the call and does it.
func (c *rpcCall) serve(action string) (map[string]any, *fail) {
	if v := c.params.Get("Version"); v != "2015-04-01" {
		return nil, failf(http.StatusBadRequest, "InvalidVersion", "Specified parameter Version is not valid.").because("Version is %q", v)
	}
	if action == "AssumeRoleWithOIDC" { // not signed: the token speaks for itself
		return c.assumeRoleWithOIDC()
	}
	if f := c.authenticate(); f != nil {
		return nil, f
	}
	switch action {
	case "AssumeRole":
		return c.assumeRole()
	case "GetCallerIdentity":
		return c.getCallerIdentity(), nil
	}
	return nil, failf(http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.").because("Action is %q", action)
}

// authenticate verifies whichever of the two signatures the request has.
func (c *rpcCall) authenticate() *fail {
	if auth := c.r.Header.Get("Authorization"); strings.HasPrefix(auth, "ACS3-HMAC-SHA256") {
		return c.authenticateACS3(auth)
	}
	p := c.params
	for _, name := range []string{"AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp"} {
		if p.Get(name) == "" {
			return failf(http.StatusBadRequest, "Missing"+name, "%s is mandatory for this action.", name)
		}
	}
	if p.Get("SignatureMethod") != "HMAC-SHA1" || p.Get("SignatureVersion") != "1.0" {
		return failf(http.StatusBadRequest, "IncompleteSignature", "The request signature does not conform to Aliyun standards.")
	}
	if f := c.checkTime(p.Get("Timestamp")); f != nil {
		return f
	}
	secret, f := c.identify(p.Get("AccessKeyId"), p.Get("SecurityToken"))
	if f != nil {
		return f
	}
	want, text := signRPC(secret, c.r.Method, p)
	if !same(want, p.Get("Signature")) {
		return mismatch(text)
	}
	return c.checkNonce(p.Get("SignatureNonce"))
}

func (c *rpcCall) authenticateACS3(auth string) *fail {
	id, names, signature, ok := parseACS3(auth)
	h := c.r.Header
	if !ok || h.Get("x-acs-signature-nonce") == "" || h.Get("x-acs-content-sha256") == "" {
		return failf(http.StatusBadRequest, "IncompleteSignature", "The request signature does not conform to Aliyun standards.")
	}
	if f := c.checkTime(h.Get("x-acs-date")); f != nil {
		return f
	}
	secret, f := c.identify(id, h.Get("x-acs-security-token"))
	if f != nil {
		return f
	}
	path := c.r.URL.EscapedPath()
	want, text := signACS3(secret, c.r.Method, path, c.r.URL.Query(), c.r.Host, h, names)
	if !same(want, signature) {
		return mismatch(text)
	}
	if !same(sha256Hex(c.form), strings.ToLower(h.Get("x-acs-content-sha256"))) {
		return failf(http.StatusBadRequest, "SignatureDoesNotMatch", "The digest value does not match the body.")
	}
	return c.checkNonce(h.Get("x-acs-signature-nonce"))
}

func mismatch(text string) *fail {
	return failf(http.StatusBadRequest, "SignatureDoesNotMatch",
		"Specified signature is not matched with our calculation. server string to sign is:%s", text)
}

func (c *rpcCall) checkTime(text string) *fail {
	t, err := time.Parse(rpcDate, text)
	if err != nil {
		return failf(http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted.")
	}
	if d := c.now.Sub(t); d > maxSkew || d < -maxSkew {
		return failf(http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.").
			because("it is %s, the server has %s", text, c.now.UTC().Format(rpcDate))
	}
	return nil
}

// checkNonce refuses a nonce that was used within the time in which its request would still be accepted.
func (c *rpcCall) checkNonce(nonce string) *fail {
	e := c.e
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.opt.Now()
	if until, ok := e.nonces[nonce]; ok && now.Before(until) {
		return failf(http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	if len(e.nonces)%1024 == 1023 {
		for n, until := range e.nonces {
			if !now.Before(until) {
				delete(e.nonces, n)
			}
		}
	}
	e.nonces[nonce] = now.Add(2 * maxSkew)
	return nil
}

// identify is the RPC gateway's version of Emulator.identify: the same cases under other codes.
func (c *rpcCall) identify(id, token string) (string, *fail) {
	if strings.HasPrefix(id, sessionKeyPrefix) && token == "" {
		return "", failf(http.StatusBadRequest, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
	}
	who, secret, f := c.e.identify(id, token, c.e.opt.Now())
	if f == nil {
		c.caller = who
		return secret, nil
	}
	var out *fail
	switch {
	case f.expired():
		out = failf(http.StatusBadRequest, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
	case strings.Contains(f.Message, "not found"), token == "":
		out = failf(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
		if strings.Contains(f.Message, "disabled") {
			out = failf(http.StatusBadRequest, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
		}
	case strings.HasPrefix(id, sessionKeyPrefix) && strings.HasPrefix(f.Why, "no session"):
		out = failf(http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	case strings.Contains(f.Why, "another key") || strings.Contains(f.Why, "permanent key"):
		out = failf(http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey.")
	default:
		out = failf(http.StatusBadRequest, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
	}
	return "", out.because("%s", f.Why)
}
