package creds

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Over a real socket, with the transport of our own: plain http when the endpoint says so.
func TestOverHTTP(t *testing.T) {
	f := newFakeSTS(time.Hour)
	var agent string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agent = r.UserAgent()
		resp, err := f.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	t.Cleanup(s.Close)
	p := provider(t, f, func(o *ProviderOptions) { o.HTTP, o.Role.AssumeRole.STSEndpoint = nil, s.URL })
	run(t, p)
	c, err := p.Wait(t.Context(), 0)
	if err != nil || c.Source != "role "+roleA || agent != "shipper" {
		t.Fatal(c, err, agent)
	}
	base, err := p.Base(t.Context())
	if err != nil || base.ID != "LTAIbase0001" {
		t.Fatal(base, err)
	}
	id, err := p.Identity(t.Context(), base)
	if err != nil || id.Account != "2222222222222222" || id.Root() {
		t.Fatal(id, err)
	}
	if !(&Identity{Type: "Account"}).Root() {
		t.Error("the root key is not recognised")
	}
}

// An endpoint that speaks plain HTTP where https is expected is an outage, not a crash, and nothing is sent in the clear.
func TestNoDowngrade(t *testing.T) {
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	t.Cleanup(s.Close)
	p := provider(t, newFakeSTS(time.Hour), func(o *ProviderOptions) {
		o.HTTP, o.STSEndpoint = nil, strings.TrimPrefix(s.URL, "http://")
	})
	if _, err := p.Fetch(t.Context()); err == nil || classOf(err) != Transient || asked {
		t.Fatal(err, asked)
	}
}

func TestHandMadeCredentials(t *testing.T) {
	now := time.Now()
	if got := (&Credentials{Expires: now.Add(time.Minute)}).Left(now); got != time.Minute {
		t.Error(got)
	}
	if (*Credentials)(nil).Left(now) != 0 || (&Credentials{}).Left(now) != forever {
		t.Error("nil is over, no end is for ever")
	}
	for id, want := range map[string]string{"": "…", "a": "a…", "LTAI12345": "LT…", "LTAI5tAbCdEf": "LTAI…Ef"} {
		if got := Short(id); got != want {
			t.Errorf("%q: %q", id, got)
		}
	}
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "c", &Credentials{ID: "LTAI5tAbCdEf", Secret: "hunter2"}, "s", LiteralSecret("hunter2"))
	if strings.Contains(b.String(), "hunter2") || !strings.Contains(b.String(), "LTAI…Ef") {
		t.Error(b.String())
	}
}

func TestClassNames(t *testing.T) {
	for c, want := range map[Class]string{Transient: "transient", Throttle: "throttle", Clock: "clock", Stale: "stale", Denied: "denied", Permanent: "permanent"} {
		if c.String() != want {
			t.Error(c, want)
		}
	}
}

func TestProviderRefusesNonsense(t *testing.T) {
	for name, o := range map[string]ProviderOptions{
		"no source": {},
		"role":      {Source: literal("a", "b"), Role: RoleConfig{RoleARN: "role"}},
		"endpoint":  {Source: literal("a", "b"), STSEndpoint: "ftp://x"},
	} {
		if _, err := NewProvider(o); err == nil {
			t.Error(name)
		}
	}
	if _, err := NewSource(Config{Source: "uri", URI: "http://x"}, Options{}); err != nil {
		t.Error(err)
	}
}

func TestAutoSeesAKeyReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	os.WriteFile(path, []byte("one"), 0o600)
	src, err := NewSource(Config{AccessKeyID: LiteralSecret("LTAIbase0001"), AccessKeySecret: fileSecret(path)}, Options{Env: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	b := basis{source: src, now: time.Now}
	for _, text := range []string{"two", "three"} {
		if b.get(t.Context()); b.changed() {
			t.Fatal("nothing has changed")
		}
		os.WriteFile(path, []byte(text), 0o600)
		if !b.changed() {
			t.Fatal("not seen")
		}
	}
}
