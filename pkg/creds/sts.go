package creds

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
)

// callTimeout bounds one call of STS from connect to the last byte.
const callTimeout = 10 * time.Second

// service is STS at one endpoint. The requests are the SDK's; we sign and send them, because its sender takes no context,
// panics on an error body whose RequestId is not a string, compiles NO_PROXY as a regular expression, and prints answers with
// their secrets when DEBUG=sdk is set. Its services/sts, against which a test compares ours, decodes answers with json-iterator,
// whose reflection makes the linker keep every method of every library: a fifth of the binary. All parameters travel in the body:
// a token in a URL ends in the log of a proxy.
type service struct {
	scheme, host string
	region       string
	http         http.RoundTripper
	log          *slog.Logger
	now          func() time.Time

	calls atomic.Uint64 // requests sent
	skew  skew
}

// assumption is what AssumeRole is asked for.
type assumption struct {
	role     string
	session  string
	external string
	policy   string
	duration time.Duration
	expect   string // account that the session must be in
}

func newService(endpoint, region string, rt http.RoundTripper, log *slog.Logger, now func() time.Time) (*service, error) {
	scheme, host, err := splitEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	return &service{scheme: scheme, host: host, region: region, http: rt, log: log, now: now}, nil
}

// assumeRole exchanges base for a session of a role.
func (s *service) assumeRole(ctx context.Context, base *Credentials, a assumption) (*Credentials, error) {
	c := call{op: "AssumeRole", role: a.role, key: base}
	r := c.request()
	r.QueryParams["RoleArn"], r.QueryParams["RoleSessionName"] = a.role, a.session
	r.QueryParams["DurationSeconds"] = strconv.Itoa(int(a.duration / time.Second))
	for k, v := range map[string]string{"ExternalId": a.external, "Policy": a.policy} {
		if v != "" {
			r.QueryParams[k] = v
		}
	}
	ans, err := s.signed(ctx, c, r)
	if err != nil {
		return nil, err
	}
	return ans.session(a)
}

// callerIdentity asks whose key it is. It needs no permission.
func (s *service) callerIdentity(ctx context.Context, key *Credentials) (*Identity, error) {
	c := call{op: "GetCallerIdentity", key: key}
	ans, err := s.signed(ctx, c, c.request())
	if err != nil {
		return nil, err
	}
	if ans.reply.AccountID == "" {
		return nil, ans.strange("the answer names no account")
	}
	return &Identity{Account: ans.reply.AccountID, ARN: ans.reply.ARN, Type: ans.reply.IdentityType, RequestID: ans.reply.RequestID}, nil
}

// Identity is who a key belongs to, as GetCallerIdentity tells it.
type Identity struct {
	Account   string // account id
	ARN       string // acs:ram::ACCOUNT:user/NAME, acs:ram::ACCOUNT:assumed-role/ROLE/SESSION, acs:ram::ACCOUNT:root
	Type      string // Account (the root key), RAMUser, AssumedRoleUser
	RequestID string
}

// Root reports whether the key is the account's own, which may not assume roles.
func (i *Identity) Root() bool { return i.Type == "Account" }

// assumeRoleWithOIDC exchanges a service account token for a session. The request is not signed: the token is the proof.
// Source: STS API reference, AssumeRoleWithOIDC.
func (s *service) assumeRoleWithOIDC(ctx context.Context, provider, token string, a assumption) (*Credentials, error) {
	c := call{op: "AssumeRoleWithOIDC", role: a.role, key: &Credentials{Token: token}}
	var ans *answer
	err := s.twice(func() (err error) {
		form := url.Values{
			"Action": {c.op}, "Version": {apiVersion}, "Format": {"JSON"},
			"Timestamp": {s.skew.stamp(s.now())}, "SignatureNonce": {rand.Text()},
			"RoleArn": {a.role}, "OIDCProviderArn": {provider}, "OIDCToken": {token},
			"RoleSessionName": {a.session}, "DurationSeconds": {strconv.Itoa(int(a.duration / time.Second))},
		}
		if a.policy != "" {
			form.Set("Policy", a.policy)
		}
		ans, err = s.post(ctx, c, form)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ans.session(a)
}

// apiVersion is the version of STS's API.
const apiVersion = "2015-04-01"

// request is c as the SDK models it, without parameters.
func (c call) request() *requests.CommonRequest {
	r := requests.NewCommonRequest()
	r.Method, r.Product, r.Version, r.ApiName = requests.POST, "Sts", apiVersion, c.op
	return r
}

// signed signs r with the key of c, sends it and returns the answer.
func (s *service) signed(ctx context.Context, c call, r *requests.CommonRequest) (*answer, error) {
	var ans *answer
	err := s.twice(func() (err error) {
		ans, err = s.post(ctx, c, s.sign(c.key, r))
		return err
	})
	return ans, err
}

// sign returns the parameters of r with a time, a nonce and a signature of this moment.
func (s *service) sign(key *Credentials, r *requests.CommonRequest) url.Values {
	form := url.Values{
		"Action": {r.ApiName}, "Version": {r.Version}, "Format": {r.GetAcceptFormat()}, "RegionId": {s.region},
		"Timestamp": {s.skew.stamp(s.now())}, "SignatureNonce": {rand.Text()},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureType": {""}, "AccessKeyId": {key.ID},
	}
	for k, v := range r.GetQueryParams() {
		form.Set(k, v)
	}
	if key.Token != "" {
		form.Set("SecurityToken", key.Token)
	}
	form.Set("Signature", signature(r.GetMethod(), form, key.Secret))
	return form
}

// twice repeats call once if the repeat can be different: with the right time, with a new nonce.
func (s *service) twice(call func() error) error {
	known := s.skew.known()
	err := call()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	if (e.Class == Clock && !known && s.skew.known()) || e.Code == "SignatureNonceUsed" {
		return call()
	}
	return err
}
