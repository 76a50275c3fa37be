package creds

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func FuzzDocument(f *testing.F) {
	f.Add(goodDocument)
	f.Add(`{"mode":"StsToken","access_key_id":"a","access_key_secret":"p","sts_token":"t"}`)
	f.Add(`{"Code":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseDocument([]byte(text))
		if err == nil && (c.ID == "" || c.Secret == "" || strings.ContainsAny(c.ID+c.Secret+c.Token, "\r\n\x00")) {
			t.Fatalf("%q", text)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add(cliFile, "chain")
	f.Add(iniFile, "role")
	f.Add("[a]\n[a]\nx==\n", "a")
	o := Options{Env: noEnv, HTTP: &http.Client{Transport: newFakeSTS(time.Hour)}}.filled()
	f.Fuzz(func(t *testing.T, text, name string) {
		for _, parse := range []func([]byte) (*profiles, error){parseCLI, parseINI} {
			set, err := parse([]byte(text))
			if err != nil {
				continue
			}
			factory{c: &Config{}, o: o}.fromProfile(set, name, nil)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, "application/json", `{"RequestId":"R","AssumedRoleUser":{"Arn":"acs:ram::1111111111111111:role/shipper-writer/s"},"Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2100-01-01T00:00:00Z"}}`)
	f.Add(403, "application/json", `{"RequestId":"R","Code":"NoPermission","Message":"no","AccessDeniedDetail":{"PolicyType":"AssumeRolePolicy"}}`)
	f.Add(502, "text/html", "<html>")
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		sts := newFakeSTS(time.Hour)
		sts.fault = func(url.Values) *http.Response { return plainAnswer(status, kind, body) }
		s, _ := newService("sts.aliyuncs.com", "", sts, nil, time.Now)
		key := &Credentials{ID: "LTAIbase0001", Secret: "base-secret-1"}
		c, err := s.assumeRole(t.Context(), key, assumption{role: roleA, session: "xx", duration: hour, expect: "1111111111111111"})
		if err == nil && (c.Account != "1111111111111111" || c.Left(time.Now()) <= 0) {
			t.Fatalf("%v", c)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r\x1b") {
			t.Fatalf("%q", err.Error())
		}
	})
}

func FuzzSecretFile(f *testing.F) {
	f.Add("abc\n")
	f.Add("\ufeff a \r\n")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := clean(text, "x")
		if err == nil && (v == "" || strings.ContainsAny(v, "\n\r\x00")) {
			t.Fatalf("%q", v)
		}
	})
}

func FuzzSessionName(f *testing.F) {
	f.Add("shipper-{host}", "web.1")
	f.Fuzz(func(t *testing.T, template, host string) {
		name := SessionName(template, host)
		if len(name) < 2 || len(name) > 32 || fit(name) != name {
			t.Fatalf("%q %q: %q", template, host, name)
		}
	})
}
