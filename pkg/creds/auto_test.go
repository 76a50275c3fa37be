package creds

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
		URI: uri.URL, Command: []string{"/bin/echo", goodDocument}}
	var log strings.Builder
	o := Options{HTTP: onInstance(nil), Env: func(k string) string { return values[k] }, Log: slog.New(slog.NewTextHandler(&log, nil))}
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
