package creds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// metadata is the metadata service of an ECS instance.
func metadata(t *testing.T, change func(w http.ResponseWriter, r *http.Request) bool) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil && change(w, r) {
			return
		}
		token := r.Header.Get("X-aliyun-ecs-metadata-token")
		switch r.Method + " " + r.URL.Path {
		case "PUT /latest/api/token":
			if r.Header.Get("X-aliyun-ecs-metadata-token-ttl-seconds") != "21600" {
				w.WriteHeader(400)
				return
			}
			fmt.Fprint(w, "meta-session")
		case "GET /latest/meta-data/ram/security-credentials/":
			if token != "meta-session" {
				w.WriteHeader(403)
				return
			}
			fmt.Fprint(w, "web-host\n")
		case "GET /latest/meta-data/ram/security-credentials/web-host":
			if token != "meta-session" {
				w.WriteHeader(403)
				return
			}
			fmt.Fprint(w, goodDocument)
		default:
			w.WriteHeader(404)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

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

func TestInstanceRole(t *testing.T) {
	c, err := fetch(t, Config{Source: "ecs_role", MetadataEndpoint: metadata(t, nil)}, Options{})
	if err != nil || c.ID != "STS.web0001" || c.Secret != "meta-secret" || c.Token != "meta-token" || c.Source != "ecs_role web-host" || c.Left(time.Now()) < time.Hour {
		t.Fatal(c, err)
	}
}

func TestInstanceRoleTroubles(t *testing.T) {
	answer := func(path, body string, status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, path) {
				return false
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	for name, row := range map[string]struct {
		change func(http.ResponseWriter, *http.Request) bool
		want   string
	}{
		"no token":          {answer("/api/token", "", 404), "imds_v1"},
		"token forbidden":   {answer("/api/token", "", 403), "HTTP 403"},
		"empty token":       {answer("/api/token", "\n", 200), "metadata token"},
		"no role":           {answer("/security-credentials/", "", 404), "no such role is attached"},
		"role list empty":   {answer("/security-credentials/", " \n", 200), "names no role"},
		"role list HTML":    {answer("/security-credentials/", "<html>hi</html>", 200), "names no role"},
		"HTML":              {answer("/web-host", "<html>", 200), "not the JSON of a credential"},
		"failed":            {answer("/web-host", `{"Code":"Failed"}`, 200), `"Failed" instead of Success`},
		"no secret":         {answer("/web-host", `{"Code":"Success","AccessKeyId":"STS.a","SecurityToken":"x","Expiration":"2100-01-01T06:00:00Z"}`, 200), "AccessKeySecret is empty"},
		"no token in it":    {answer("/web-host", `{"Code":"Success","AccessKeyId":"a","AccessKeySecret":"x","Expiration":"2100-01-01T06:00:00Z"}`, 200), "no SecurityToken or no Expiration"},
		"no expiration":     {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x","SecurityToken":"x"}`, 200), "no SecurityToken or no Expiration"},
		"bad expiration":    {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x","SecurityToken":"x","Expiration":"soon"}`, 200), "Expiration is not a time"},
		"over":              {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x","SecurityToken":"x","Expiration":"2001-01-01T00:00:00Z"}`, 200), "ended at 2001"},
		"forbidden":         {answer("/web-host", "", 403), "HTTP 403"},
		"redirect":          {answer("/web-host", "", 302), "HTTP 302"},
		"large":             {answer("/web-host", strings.Repeat("x", maxDocument+1), 200), "larger than"},
		"secret a number":   {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":8675309,"SecurityToken":"x"}`, 200), "not the JSON of a credential"},
		"newline in secret": {answer("/web-host", `{"AccessKeyId":"a","AccessKeySecret":"x\ny","SecurityToken":"x"}`, 200), "more than one line"},
	} {
		_, err := fetch(t, Config{Source: "ecs_role", MetadataEndpoint: metadata(t, row.change)}, Options{})
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.ContainsAny(err.Error(), "<\n") || strings.Contains(err.Error(), "8675309") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInstanceRoleWithoutToken(t *testing.T) {
	old := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "PUT" {
			w.WriteHeader(404)
			return true
		}
		r.Header.Set("X-aliyun-ecs-metadata-token", "meta-session") // it asks for none
		return false
	}
	for _, row := range []struct {
		v1  bool
		env string
		ok  bool
	}{{false, "", false}, {true, "", true}, {false, "false", true}, {false, "true", false}, {true, "true", false}} {
		c := Config{Source: "ecs_role", MetadataEndpoint: metadata(t, old), IMDSv1: row.v1}
		_, err := fetch(t, c, Options{Env: environ("ALIBABA_CLOUD_IMDSV1_DISABLED", row.env)})
		if (err == nil) != row.ok {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

func TestInstanceRoleHangs(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	hang := func(w http.ResponseWriter, r *http.Request) bool {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
		return true
	}
	_, err := fetch(t, Config{Source: "ecs_role", MetadataEndpoint: metadata(t, hang)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "no answer within 1s") {
		t.Fatal(err)
	}
}

func TestInstanceIgnoresProxy(t *testing.T) {
	proxy := &http.Transport{DisableKeepAlives: true, Proxy: func(*http.Request) (*url.URL, error) { return nil, errors.New("a proxy was asked") }}
	if _, err := fetch(t, Config{Source: "ecs_role", MetadataEndpoint: metadata(t, nil)}, Options{HTTP: &http.Client{Transport: proxy}}); err != nil {
		t.Fatal(err)
	}
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

func TestAutoOrder(t *testing.T) {
	dir := t.TempDir()
	os.MkdirAll(filepath.Join(dir, ".aliyun"), 0o700)
	os.WriteFile(filepath.Join(dir, ".aliyun", "config.json"), []byte(`{"current":"p","profiles":[{"name":"p","mode":"AK","access_key_id":"cli","access_key_secret":"x"}]}`), 0o600)
	os.MkdirAll(filepath.Join(dir, ".alibabacloud"), 0o700)
	os.WriteFile(filepath.Join(dir, ".alibabacloud", "credentials"), []byte("[default]\ntype = access_key\naccess_key_id = ini\naccess_key_secret = x\n"), 0o600)
	uri := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, goodDocument) }))
	t.Cleanup(uri.Close)
	values := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "env", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x", "HOME": dir}
	config := Config{Source: "auto", AccessKeyID: LiteralSecret("static"), AccessKeySecret: LiteralSecret("x"),
		MetadataEndpoint: metadata(t, nil), URI: uri.URL, Command: []string{"/bin/echo", goodDocument}}
	var log strings.Builder
	o := Options{Env: func(k string) string { return values[k] }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	step := func(want string, then func()) {
		t.Helper()
		c, err := fetch(t, config, o)
		if err != nil || c.Source != want {
			t.Fatalf("%v %v, want %s", c, err, want)
		}
		then()
	}
	step("static", func() { config.AccessKeyID, config.AccessKeySecret = Secret{}, Secret{} })
	step("environment", func() { delete(values, "ALIBABA_CLOUD_ACCESS_KEY_ID") })
	step("profile p", func() { values["ALIBABA_CLOUD_CLI_PROFILE_DISABLED"] = "true" })
	step("profile default", func() { os.RemoveAll(filepath.Join(dir, ".alibabacloud")) })
	step("ecs_role web-host", func() { values["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true" })
	step("uri "+strings.TrimPrefix(uri.URL, "http://"), func() { config.URI = "" })
	step("process echo", func() { config.Command = nil })
	_, err := fetch(t, config, o)
	if err == nil {
		t.Fatal("a credential from nowhere")
	}
	for _, part := range []string{"static: access_key_id is not set", "env: $ALIBABA_CLOUD_ACCESS_KEY_ID is not set", "oidc: $ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set",
		"profile: ", "ecs_role: $ALIBABA_CLOUD_ECS_METADATA_DISABLED is true", "uri: $ALIBABA_CLOUD_CREDENTIALS_URI is not set", "process: command is not set"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if n := strings.Count(log.String(), "base credential found"); n != 7 {
		t.Errorf("%d winners were logged", n)
	}
}

// switchable is a source that fails on demand.
type switchable struct {
	name string
	err  error
}

func (s *switchable) Fetch(context.Context) (*Credentials, error) {
	if s.err != nil {
		return nil, s.err
	}
	return &Credentials{ID: s.name, Secret: "x", Source: s.name}, nil
}

func TestAutoMovesOn(t *testing.T) {
	var log strings.Builder
	first, second := &switchable{name: "first"}, &switchable{name: "second"}
	a := &automatic{log: slog.New(slog.NewTextHandler(&log, nil)), all: []candidate{{name: "unset", unset: "no"}, {name: "first", source: first}, {name: "second", source: second}}}
	want := func(name string) {
		t.Helper()
		c, err := a.Fetch(t.Context())
		if name == "" && err == nil || name != "" && (err != nil || c.Source != name) {
			t.Fatal(c, err)
		}
	}
	want("first")
	first.err = failed("first", "gone")
	want("") // a hiccup
	want("")
	want("second") // it stopped working
	want("second")
	first.err = nil
	want("first") // it is back where it belongs
	first.err = (&Error{Op: "AssumeRoleWithOIDC", Class: Transient}).advice()
	for range 10 {
		want("") // STS is away: another identity would not help
	}
	first.err = (&Error{Op: "AssumeRoleWithOIDC", Code: "AuthenticationFail.NoPermission", Class: Denied}).advice()
	want("second")
	second.err = failed("second", "gone too")
	want("")
	if n := strings.Count(log.String(), "base credential found"); n != 4 {
		t.Errorf("%d messages: %s", n, log.String())
	}
}
