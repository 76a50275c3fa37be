package creds

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// oidc is RAM roles for service accounts (RRSA) on ACK: the pod's token is exchanged for a session of a role in this account.
// The token file is read anew each time, because the kubelet replaces it. Source: STS API reference, AssumeRoleWithOIDC.
type oidc struct {
	sts      *service
	provider string
	file     string
	assume   assumption
}

// oidcSettings are the parts that settings, environment and profiles fill in.
type oidcSettings struct {
	provider, role, file, session, policy, endpoint string
	duration                                        time.Duration
}

func (f factory) oidc() (Source, error) {
	env := f.o.Env
	return f.oidcFrom(oidcSettings{
		provider: firstOf(f.c.OIDCProviderARN, env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN")),
		role:     firstOf(f.c.OIDCRoleARN, env("ALIBABA_CLOUD_ROLE_ARN")),
		file:     firstOf(f.c.OIDCTokenFile, env("ALIBABA_CLOUD_OIDC_TOKEN_FILE")),
		session:  firstOf(f.c.SessionName, env("ALIBABA_CLOUD_ROLE_SESSION_NAME")),
	})
}

func (f factory) oidcFrom(s oidcSettings) (Source, error) {
	for _, need := range []struct{ value, key, env string }{
		{s.provider, "oidc_provider_arn", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"},
		{s.role, "oidc_role_arn", "ALIBABA_CLOUD_ROLE_ARN"},
		{s.file, "oidc_token_file", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"},
	} {
		if need.value == "" {
			return nil, failed("OIDC", "%s is missing (or $%s)", need.key, need.env)
		}
	}
	sts, err := f.service(s.endpoint)
	if err != nil {
		return nil, err
	}
	return &oidc{sts: sts, provider: s.provider, file: s.file, assume: f.assumption(s.role, s.session, s.policy, "", s.duration)}, nil
}

// service returns STS for a role that a source assumes itself.
func (f factory) service(endpoint string) (*service, error) {
	endpoint = firstOf(endpoint, f.c.STSEndpoint, f.o.STSEndpoint, f.o.endpoint())
	s, err := newService(endpoint, f.o.Region, f.o.HTTP.Transport, f.o.Log, f.o.Now)
	if err != nil {
		return nil, fmt.Errorf("credentials: sts_endpoint %q: %w", endpoint, err)
	}
	return s, nil
}

// assumption fills in the defaults of a role that a source assumes itself. Session names of the other SDKs are replaced: they
// hold the time, which is of no use in an audit trail.
func (f factory) assumption(role, session, policy, external string, duration time.Duration) assumption {
	if duration <= 0 {
		duration = hour
	}
	if strings.HasPrefix(session, "credentials-go-") {
		session = ""
	}
	return assumption{role: role, session: SessionName(session, f.o.Host), policy: policy, external: external, duration: duration, expect: AccountOf(role)}
}

// Fetch reads the token and exchanges it.
func (s *oidc) Fetch(ctx context.Context) (*Credentials, error) {
	token, err := readSecret(s.file)
	if err != nil {
		return nil, failed("OIDC", "oidc_token_file: %w", err)
	}
	c, err := s.sts.assumeRoleWithOIDC(ctx, s.provider, token, s.assume)
	if err != nil {
		return nil, err
	}
	c.Source = "oidc " + s.assume.role
	return c, nil
}

// chained is a role that a source assumes itself, with the credential of another source.
type chained struct {
	sts    *service
	base   basis
	assume assumption
}

func (f factory) chain(base Source, endpoint string, a assumption) (Source, error) {
	sts, err := f.service(endpoint)
	if err != nil {
		return nil, err
	}
	return &chained{sts: sts, base: basis{source: base, now: f.o.Now, log: f.o.Log}, assume: a}, nil
}

// Fetch renews the inner credential first, if it has to be, and then assumes the role.
func (s *chained) Fetch(ctx context.Context) (*Credentials, error) {
	base, err := s.base.get(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.sts.assumeRole(ctx, base, s.assume)
	if err != nil {
		s.base.forget()
		return nil, err
	}
	s.base.accepted(base)
	return c, nil
}
