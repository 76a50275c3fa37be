package creds

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/internal/units"
)

const goodDocument = `{"Code":"Success","AccessKeyId":"STS.web0001","AccessKeySecret":"meta-secret","SecurityToken":"meta-token","LastUpdated":"2100-01-01T00:00:00Z","Expiration":"2100-01-01T06:00:00Z"}`

func fetch(t *testing.T, c Config, o Options) (*Credentials, error) {
	t.Helper()
	if o.Env == nil {
		o.Env = noEnv
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	s, err := NewSource(c, o)
	if err != nil {
		return nil, err
	}
	return s.Fetch(t.Context())
}

func TestURI(t *testing.T) {
	for name, row := range map[string]struct {
		status     int
		body, want string
	}{
		"good":     {200, goodDocument, ""},
		"no code":  {200, `{"AccessKeyId":"LTAI1","AccessKeySecret":"uri-secret"}`, ""},
		"html":     {200, "<html>", "not the JSON"},
		"403":      {403, "no", "HTTP 403"},
		"redirect": {302, "", "HTTP 302"},
		"empty":    {200, "", "not the JSON"},
		"sts id":   {200, `{"AccessKeyId":"STS.x","AccessKeySecret":"uri-secret"}`, "SecurityToken is empty"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(row.status)
			fmt.Fprint(w, row.body)
		}))
		u := strings.Replace(s.URL, "http://", "http://user:hunter2@", 1) + "/path-hunter2?key=hunter2"
		c, err := fetch(t, Config{Source: "uri"}, Options{Env: environ("ALIBABA_CLOUD_CREDENTIALS_URI", u)})
		s.Close()
		if row.want == "" && (err != nil || !strings.HasPrefix(c.Source, "uri 127.0.0.1:")) || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v %v", name, c, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") || c != nil && strings.Contains(c.Source, "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := fetch(t, Config{Source: "uri", URI: "http://127.0.0.1:1/hunter2"}, Options{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	if _, err := fetch(t, Config{Source: "uri"}, Options{}); err == nil || !strings.Contains(err.Error(), "ALIBABA_CLOUD_CREDENTIALS_URI") {
		t.Error(err)
	}
}

func TestProcess(t *testing.T) {
	for name, row := range map[string]struct{ script, want string }{
		"good":       {`echo '` + goodDocument + `'`, ""},
		"cli":        {`echo '{"mode":"StsToken","access_key_id":"STS.a","access_key_secret":"p","sts_token":"t"}'`, ""},
		"aws":        {`echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"p","SessionToken":"t","Expiration":"2100-01-01T00:00:00Z"}'`, ""},
		"fails":      {`echo hunter2; echo hunter2 >&2; exit 3`, "exit status 3"},
		"hangs":      {`sleep 60 & sleep 60`, "did not end within 300ms"},
		"floods":     {`yes hunter2`, "printed more than"},
		"not json":   {`echo hunter2`, "not the JSON"},
		"nothing":    {`true`, "not the JSON"},
		"over":       {`echo '{"AccessKeyId":"a","AccessKeySecret":"p","Expiration":"2001-01-01T00:00:00Z"}'`, "ended at"},
		"is stopped": {`kill -9 $$`, "signal: killed"},
	} {
		limit := 5 * time.Second
		if name == "hangs" {
			limit = 300 * time.Millisecond
		}
		c, err := fetch(t, Config{Source: "process", Command: []string{"/bin/sh", "-c", row.script}, Timeout: units.Duration(limit)}, Options{})
		if row.want == "" && (err != nil || c.Source != "process sh") || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v %v", name, c, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fetch(t, Config{Source: "process", Command: []string{"/nonexistent/helper", "hunter2"}}, Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestOIDC(t *testing.T) {
	f := newFakeSTS(time.Hour)
	file := filepath.Join(t.TempDir(), "token")
	os.WriteFile(file, []byte("jwt-one\n"), 0o600)
	config := Config{Source: "oidc", OIDCProviderARN: "acs:ram::2222222222222222:oidc-provider/ack", OIDCRoleARN: "acs:ram::2222222222222222:role/pod", OIDCTokenFile: file}
	src, err := NewSource(config, Options{Env: noEnv, HTTP: &http.Client{Transport: f}, Host: "pod-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"jwt-one", "jwt-two"} {
		c, err := src.Fetch(t.Context())
		if err != nil || c.Account != "2222222222222222" || c.Source != "oidc "+config.OIDCRoleARN {
			t.Fatal(c, err)
		}
		call := f.calls[len(f.calls)-1]
		if call.Get("OIDCToken") != want || call.Get("Signature") != "" || call.Get("AccessKeyId") != "" || call.Get("RoleSessionName") != "shipper-pod-1" || call.Get("OIDCProviderArn") != config.OIDCProviderARN {
			t.Fatal(call)
		}
		os.WriteFile(file, []byte("jwt-two"), 0o600)
	}
	f.set(func(url.Values) *http.Response {
		return stsError(401, "AuthenticationFail.OIDCToken.Invalid", "token jwt-two is bad")
	})
	if _, err := src.Fetch(t.Context()); err == nil || strings.Contains(err.Error(), "jwt-two") {
		t.Error(err)
	}
	os.Remove(file)
	if _, err := src.Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), "oidc_token_file") {
		t.Error(err)
	}
	for _, key := range []string{"oidc_provider_arn", "oidc_role_arn", "oidc_token_file"} {
		c := config
		switch key {
		case "oidc_provider_arn":
			c.OIDCProviderARN = ""
		case "oidc_role_arn":
			c.OIDCRoleARN = ""
		default:
			c.OIDCTokenFile = ""
		}
		if _, err := fetch(t, c, Options{}); err == nil || !strings.Contains(err.Error(), key+" is missing") {
			t.Error(key, err)
		}
	}
}

func TestChainThroughOIDC(t *testing.T) {
	f := newFakeSTS(time.Hour)
	file := filepath.Join(t.TempDir(), "token")
	os.WriteFile(file, []byte("jwt"), 0o600)
	src, err := NewSource(Config{Source: "oidc"}, Options{HTTP: &http.Client{Transport: f}, Env: environ(
		"ALIBABA_CLOUD_ROLE_ARN", "acs:ram::2222222222222222:role/pod", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "p", "ALIBABA_CLOUD_OIDC_TOKEN_FILE", file)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := provider(t, f, func(o *ProviderOptions) { o.Source = src }).Fetch(t.Context())
	if err != nil || c.Account != "1111111111111111" || c.Base() != "oidc acs:ram::2222222222222222:role/pod" {
		t.Fatal(c, err)
	}
}

func TestSourceValidate(t *testing.T) {
	for name, row := range map[string]struct {
		c    Config
		want string
	}{
		"unknown":         {Config{Source: "vault"}, `"vault" is not a source`},
		"no id":           {Config{Source: "static", AccessKeySecret: LiteralSecret("hunter2")}, "access_key_id: it is missing"},
		"no secret":       {Config{Source: "static", AccessKeyID: LiteralSecret("x")}, "access_key_secret: it is missing"},
		"half":            {Config{Source: "auto", AccessKeyID: LiteralSecret("x")}, "go together"},
		"no command":      {Config{Source: "process"}, "command: it is missing"},
		"empty command":   {Config{Source: "process", Command: []string{""}}, "the program is empty"},
		"role an arn":     {Config{Source: "ecs_role", RoleName: roleA}, "not the name of a role"},
		"oidc role":       {Config{Source: "oidc", OIDCRoleARN: "pod"}, "not the ARN of a role"},
		"uri":             {Config{Source: "uri", URI: "file:///etc/hunter2"}, "not an http or https URL"},
		"metadata":        {Config{Source: "ecs_role", MetadataEndpoint: "http://x/y"}, "metadata_endpoint"},
		"endpoint":        {Config{Source: "oidc", STSEndpoint: "http://x/y"}, "sts_endpoint"},
		"negative":        {Config{Source: "uri", Timeout: -1}, "timeout"},
		"default is fine": {Default(), ""},
	} {
		err := row.c.Validate()
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStaticAndEnvironment(t *testing.T) {
	c, err := fetch(t, Config{Source: "env"}, Options{Env: environ("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "b", "ALIBABA_CLOUD_SECURITY_TOKEN", "c")})
	if err != nil || c.ID != "STS.a" || c.Secret != "b" || c.Token != "c" || c.Source != "environment" || c.Left(time.Now()) != forever {
		t.Fatal(c, err)
	}
	if _, err := fetch(t, Config{Source: "env"}, Options{Env: environ("ALIBABA_CLOUD_ACCESS_KEY_ID", "STS.a", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "b")}); err == nil || !strings.Contains(err.Error(), "security_token is missing") {
		t.Error(err)
	}
	if _, err := fetch(t, Config{Source: "env"}, Options{}); err == nil || !strings.Contains(err.Error(), "ALIBABA_CLOUD_ACCESS_KEY_ID is not set") {
		t.Error(err)
	}
}
