package creds

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	metadataHost = "http://100.100.100.200"
	tokenLimit   = time.Second     // the service is on the same machine: longer means that there is none
	metaLimit    = 2 * time.Second // its other requests may have to ask further
)

// instance is the RAM role of an ECS instance. A metadata token is fetched before each use: a request without one can be
// provoked from outside through a careless proxy on the host. Source: ECS help, "instance metadata"; credentials-go ecs_ram_role.go.
type instance struct {
	endpoint string
	role     string
	v1       bool // requests without a token are allowed
	rt       http.RoundTripper
	now      func() time.Time
}

func (f factory) instance() Source {
	env := f.o.Env
	s := &instance{
		endpoint: metadataHost, role: firstOf(f.c.RoleName, env("ALIBABA_CLOUD_ECS_METADATA")),
		v1: f.c.IMDSv1 || strings.EqualFold(env("ALIBABA_CLOUD_IMDSV1_DISABLED"), "false"), rt: direct(f.o.HTTP.Transport), now: f.o.Now,
	}
	if strings.EqualFold(env("ALIBABA_CLOUD_IMDSV1_DISABLED"), "true") {
		s.v1 = false
	}
	if e := f.c.MetadataEndpoint; e != "" {
		scheme, host, _ := splitEndpoint(e) // Validate has looked
		if !strings.Contains(e, "://") {
			scheme = "http"
		}
		s.endpoint = scheme + "://" + host
	}
	return s
}

// direct returns rt without its proxy: the metadata address means this machine, not the proxy's.
func direct(rt http.RoundTripper) http.RoundTripper {
	t, ok := rt.(*http.Transport)
	if !ok {
		return rt
	}
	t = t.Clone()
	t.Proxy, t.DisableKeepAlives = nil, true
	return t
}

// Fetch asks the instance for the current credential of its role.
func (s *instance) Fetch(ctx context.Context) (*Credentials, error) {
	name := "the ECS instance's role"
	header := map[string]string{}
	token, _, err := get(ctx, s.rt, tokenLimit, http.MethodPut, s.endpoint+"/latest/api/token",
		map[string]string{"X-aliyun-ecs-metadata-token-ttl-seconds": "21600"})
	switch v, bad := clean(string(token), "the token"); {
	case err == nil && bad == nil:
		header["X-aliyun-ecs-metadata-token"] = v
	case !s.v1 && err == nil:
		return nil, failed(name, "metadata token: %w", bad)
	case !s.v1:
		return nil, failed(name, "metadata token: %w (is this an ECS instance? imds_v1 = true allows requests without a token)", err)
	}
	const path = "/latest/meta-data/ram/security-credentials/"
	role := s.role
	if role == "" {
		list, _, err := get(ctx, s.rt, metaLimit, http.MethodGet, s.endpoint+path, header)
		if err != nil {
			return nil, failed(name, "name of the role: %w", noRole(err))
		}
		role, _, _ = strings.Cut(strings.TrimSpace(string(list)), "\n")
		if role = strings.TrimSpace(role); role == "" || len(role) > 128 || strings.ContainsAny(role, "<>/ ") {
			return nil, failed(name, "the metadata service names no role: attach one to the instance")
		}
	}
	sent := s.now()
	body, date, err := get(ctx, s.rt, metaLimit, http.MethodGet, s.endpoint+path+url.PathEscape(role), header)
	if err != nil {
		return nil, failed(name, "role %q: %w", role, noRole(err))
	}
	c, err := parseDocument(body)
	switch {
	case err != nil:
		return nil, failed(name, "role %q: %w", role, err)
	case c.Token == "" || c.Expires.IsZero():
		return nil, failed(name, "role %q: the answer holds no SecurityToken or no Expiration", role)
	}
	c.Source = "ecs_role " + role
	c.begin(sent, date)
	if c.Left(sent) <= 0 {
		return nil, failed(name, "role %q: the credential ended at %s", role, c.Expires.Format(time.RFC3339))
	}
	return c, nil
}

// noRole explains the metadata service's "not found".
func noRole(err error) error {
	if e, ok := errors.AsType[*statusError](err); ok && e.status == http.StatusNotFound {
		return errors.New("not found: no such role is attached to the instance")
	}
	return err
}
