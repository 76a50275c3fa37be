package emulator

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// rpcParams are the parameters of a call that everybody may make.
func rpcParams(nonce string) url.Values {
	return url.Values{
		"Action": {"GetCallerIdentity"}, "Version": {"2015-04-01"}, "Format": {"JSON"}, "AccessKeyId": {SenderKeyID},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureNonce": {nonce},
		"Timestamp": {time.Now().UTC().Format(rpcDate)}, "Extra": {"a b*~+ü"},
	}
}

// call signs params with version 1.0 and sends what inForm names in the form, and the rest in the query.
func (l *lab) call(method, host, secret string, params url.Values, inForm func(string) bool) reply {
	sig, _ := signRPC(secret, method, params)
	q, form := url.Values{"Signature": {sig}}, url.Values{}
	for k, v := range params {
		if inForm(k) {
			form[k] = v
		} else {
			q[k] = v
		}
	}
	h := http.Header{}
	if method == http.MethodPost {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return l.do(method, "http://"+host+"/?"+q.Encode(), h, []byte(form.Encode()))
}

// The three ways to place parameters, and what is wrong with each signature that is not right.
func TestRPC(t *testing.T) {
	var c clock
	l := start(t, Options{Now: c.now})
	none := func(string) bool { return false }
	all := func(string) bool { return true }
	roles := func(k string) bool { return strings.HasPrefix(k, "E") }
	for name, got := range map[string]reply{
		"GET":       l.call("GET", "sts.aliyuncs.com", SenderKeySecret, rpcParams("1"), none),
		"POST":      l.call("POST", "sts.cn-hangzhou.aliyuncs.com", SenderKeySecret, rpcParams("2"), all),
		"split":     l.call("POST", "sts-vpc.cn-hangzhou.aliyuncs.com", SenderKeySecret, rpcParams("3"), roles),
		"localhost": l.call("GET", "127.0.0.1:1", SenderKeySecret, rpcParams("4"), none),
	} {
		if got.status != 200 || !strings.Contains(got.body, `"Arn":"acs:ram::2222222222222222:user/shipper"`) {
			t.Errorf("%s: %v %s", name, got, got.body)
		}
	}
	change := func(nonce, key, val string) url.Values {
		p := rpcParams(nonce)
		if p.Set(key, val); val == "" {
			p.Del(key)
		}
		return p
	}
	old := time.Now().Add(-16 * time.Minute).UTC().Format(rpcDate)
	for _, tt := range []struct {
		name   string
		params url.Values
		want   string
	}{
		{"nonce again", rpcParams("1"), "400 SignatureNonceUsed"},
		{"old", change("5", "Timestamp", old), "400 InvalidTimeStamp.Expired"},
		{"odd time", change("5", "Timestamp", "now"), "400 InvalidTimeStamp.Format"},
		{"no nonce", change("5", "SignatureNonce", ""), "400 MissingSignatureNonce"},
		{"odd method", change("5", "SignatureMethod", "RSA"), "400 IncompleteSignature"},
		{"other version", change("5", "Version", "2014-05-26"), "400 InvalidVersion"},
		{"other action", change("5", "Action", "CreateUser"), "404 InvalidAction.NotFound"},
		{"session without token", change("6", "AccessKeyId", "STS.x"), "400 MissingSecurityToken"},
		{"key with token", change("6", "SecurityToken", "CAIS"), "400 InvalidSecurityToken.MismatchWithAccessKey"},
		{"unknown key", change("6", "AccessKeyId", "LTAIx"), "404 InvalidAccessKeyId.NotFound"},
	} {
		got := l.call("GET", "sts.aliyuncs.com", SenderKeySecret, tt.params, none)
		if s := fmt.Sprintf("%d %s", got.status, got.code); s != tt.want || !strings.Contains(got.body, `"RequestId":"`) {
			t.Errorf("%s: %s, want %s", tt.name, s, tt.want)
		}
	}
	p := rpcParams("7")
	got := l.call("GET", "sts.aliyuncs.com", "wrong", p, none)
	_, text := signRPC("", "GET", p)
	if got.code != "SignatureDoesNotMatch" || !strings.HasSuffix(got.message, "server string to sign is:"+text) {
		t.Errorf("wrong secret: %v", got)
	}
	c.ahead.Store(int64(31 * time.Minute))
	if got := l.call("GET", "sts.aliyuncs.com", SenderKeySecret, change("1", "Timestamp", c.now().UTC().Format(rpcDate)), none); got.status != 200 {
		t.Errorf("a nonce may come again when its time is over: %v", got)
	}
}

// The newer signature, as the SDKs with "tea" in their names send it.
func TestACS3(t *testing.T) {
	l := start(t, Options{})
	send := func(nonce, secret string, after func(http.Header)) reply {
		body := url.Values{"RoleArn": {WriterRole}, "RoleSessionName": {"web-1"}}.Encode()
		h := header("x-acs-action: AssumeRole", "x-acs-version: 2015-04-01", "x-acs-signature-nonce: "+nonce,
			"x-acs-date: "+time.Now().UTC().Format(rpcDate), "x-acs-content-sha256: "+sha256Hex(body), "Content-Type: application/x-www-form-urlencoded")
		names := []string{"content-type", "host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"}
		sig, _ := signACS3(secret, "POST", "/", nil, "sts.cn-hangzhou.aliyuncs.com", h, names)
		h.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+SenderKeyID+",SignedHeaders="+strings.Join(names, ";")+",Signature="+sig)
		if after != nil {
			after(h)
		}
		return l.do("POST", "http://sts.cn-hangzhou.aliyuncs.com/", h, []byte(body))
	}
	if got := send("1", SenderKeySecret, nil); got.status != 200 || !strings.Contains(got.body, `"SecurityToken":"CAIS`) {
		t.Error(got, got.body)
	}
	if got := send("1", SenderKeySecret, nil); got.code != "SignatureNonceUsed" {
		t.Error(got)
	}
	if got := send("2", "wrong", nil); got.code != "SignatureDoesNotMatch" {
		t.Error(got)
	}
	if got := send("3", SenderKeySecret, func(h http.Header) { h.Set("x-acs-date", "2020-01-01T00:00:00Z") }); got.code != "InvalidTimeStamp.Expired" {
		t.Error(got)
	}
	if got := send("4", SenderKeySecret, func(h http.Header) { h.Set("Authorization", "ACS3-HMAC-SHA256 x") }); got.code != "IncompleteSignature" {
		t.Error(got)
	}
}
