package creds

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"shipper/internal/response"
)

// Source gives the base identity of this host. Fetch returns the identity that holds now, or an error that names the place
// where it was looked for; a failed Fetch may succeed later. Several Providers may share a Source.
type Source interface {
	Fetch(ctx context.Context) (*Credentials, error)
}

// watched is a Source whose identity stands in files: print changes when their content does. "" means "cannot tell", and
// changes nothing.
type watched interface {
	print() string
}

// Options are what sources need from the process. The zero value works.
type Options struct {
	Log         *slog.Logger        // nil = silent
	HTTP        *http.Client        // its Transport is used; nil = a transport of our own that honours HTTPS_PROXY
	Now         func() time.Time    // nil = time.Now
	Env         func(string) string // nil = os.Getenv
	STSEndpoint string              // for roles that a source assumes itself; "" = from the environment, then Region and Network
	Region      string              // of the target
	Network     string              // of the target: "public", "intranet", "accelerate"
	Host        string              // {host} in session names; "" = os.Hostname
}

func (o Options) filled() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: transport()}
	}
	if o.HTTP.Transport == nil {
		o.HTTP = &http.Client{Transport: http.DefaultTransport}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Env == nil {
		o.Env = os.Getenv
	}
	return o
}

// transport is for one call every half hour: no connection is kept.
func transport() http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second,
		MaxResponseHeaderBytes: response.MaxHeader,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}
}

// NewSource returns the source that c describes. It reads nothing yet.
func NewSource(c Config, o Options) (Source, error) {
	o = o.filled()
	if c.Source == "" {
		c.Source = "auto"
	}
	if c.Timeout == 0 {
		c.Timeout = Default().Timeout
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	f := factory{c: &c, o: o}
	if c.Source == "auto" {
		return &shared{inner: f.auto()}, nil
	}
	s, err := f.named(c.Source)
	if err != nil {
		return nil, err
	}
	return &shared{inner: s}, nil
}

// shared lets one caller at a time into a source, which may keep state.
type shared struct {
	mu    sync.Mutex
	inner Source
}

// Fetch implements Source.
func (s *shared) Fetch(ctx context.Context) (*Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inner.Fetch(ctx)
}

// Format implements fmt.Formatter: what it holds is not for printing.
func (s *shared) Format(f fmt.State, verb rune) {
	format(f, verb, "credential source", "credential source")
}

func (s *shared) print() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.inner.(watched); ok {
		return w.print()
	}
	return ""
}

// factory builds sources from one Config.
type factory struct {
	c *Config
	o Options
}

// named returns the source of that name.
func (f factory) named(name string) (Source, error) {
	switch name {
	case "static":
		return f.static(), nil
	case "env":
		return f.environment(), nil
	case "oidc":
		return f.oidc()
	case "profile":
		return &profile{f: f}, nil
	case "ecs_role":
		return f.instance(), nil
	case "uri":
		return f.remote()
	case "process":
		return f.process(), nil
	}
	return nil, fmt.Errorf("credentials: %q is not a source", name)
}

// failed is an error of a source.
func failed(source, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{ID: "SHP-A101", Op: "read base credential from " + source, Class: Transient, Err: err, Whose: Caller}
}

// fixed is a key that stands somewhere as it is: in settings, files or the environment.
type fixed struct {
	name              string
	id, secret, token Secret
	env               func(string) string
	now               func() time.Time
}

func (f factory) static() Source {
	return &fixed{name: "static", id: f.c.AccessKeyID, secret: f.c.AccessKeySecret, token: f.c.SecurityToken, env: f.o.Env, now: f.o.Now}
}

func (f factory) environment() Source {
	ref := func(name string) Secret { return Secret{kind: "env", where: name} }
	s := &fixed{name: "environment", id: ref("ALIBABA_CLOUD_ACCESS_KEY_ID"), secret: ref("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), env: f.o.Env, now: f.o.Now}
	if f.o.Env("ALIBABA_CLOUD_SECURITY_TOKEN") != "" {
		s.token = ref("ALIBABA_CLOUD_SECURITY_TOKEN")
	}
	return s
}

// Fetch reads the parts anew. Their end is not known, so they do not expire.
func (s *fixed) Fetch(context.Context) (*Credentials, error) {
	c := &Credentials{Source: s.name, born: s.now()}
	for _, part := range []struct {
		key    string
		secret Secret
		to     *string
	}{{"access_key_id", s.id, &c.ID}, {"access_key_secret", s.secret, &c.Secret}, {"security_token", s.token, &c.Token}} {
		if part.key == "security_token" && !part.secret.IsSet() {
			continue
		}
		v, err := part.secret.Read(s.env)
		if err != nil {
			return nil, failed(s.name, "%s: %w", part.key, err)
		}
		*part.to = v
	}
	if strings.HasPrefix(c.ID, "STS.") && c.Token == "" {
		return nil, failed(s.name, "access_key_id is that of a temporary key (STS.…): security_token is missing")
	}
	return c, nil
}

// print is a digest of the key.
func (s *fixed) print() string {
	c, err := s.Fetch(context.Background())
	if err != nil {
		return ""
	}
	return fingerprint(c.ID, c.Secret, c.Token)
}

// fingerprint is a digest that differs when one of the parts does.
func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return string(h.Sum(nil))
}
