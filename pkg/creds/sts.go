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

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
)

// callTimeout bounds one call of STS from connect to the last byte.
const callTimeout = 10 * time.Second

// service is STS at one endpoint. The SDK builds and signs the requests; we send them, because its sender takes no context,
// panics on an error body whose RequestId is not a string, compiles NO_PROXY as a regular expression, and prints answers with
// their secrets when DEBUG=sdk is set. All parameters travel in the body: a token in a URL ends in the log of a proxy.
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
	r := sts.CreateAssumeRoleRequest()
	r.RoleArn, r.RoleSessionName, r.ExternalId, r.Policy = a.role, a.session, a.external, a.policy
	r.DurationSeconds = requests.NewInteger(int(a.duration / time.Second))
	ans, err := s.signed(ctx, call{op: "AssumeRole", role: a.role, key: base}, r)
	if err != nil {
		return nil, err
	}
	return ans.session(a)
}

// callerIdentity asks whose key it is. It needs no permission.
func (s *service) callerIdentity(ctx context.Context, key *Credentials) (*Identity, error) {
	ans, err := s.signed(ctx, call{op: "GetCallerIdentity", key: key}, sts.CreateGetCallerIdentityRequest())
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
			"Action": {c.op}, "Version": {"2015-04-01"}, "Format": {"JSON"},
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

// signed lets the SDK build and sign request with the key of c, sends it and returns the answer.
func (s *service) signed(ctx context.Context, c call, request rpc) (*answer, error) {
	var ans *answer
	err := s.twice(func() error {
		form, err := s.sign(c.key, request)
		if err != nil {
			return (&Error{Op: c.op, Role: c.role, Key: Short(c.key.ID), Class: Permanent, Message: tidy(err.Error(), c.key)}).advice()
		}
		ans, err = s.post(ctx, c, form)
		return err
	})
	return ans, err
}

// rpc is a request of the SDK.
type rpc interface {
	requests.AcsRequest
	SetDomain(string)
	SetScheme(string)
}

// sign returns the signed parameters of request.
func (s *service) sign(key *Credentials, request rpc) (url.Values, error) {
	request.SetDomain(s.host)
	request.SetScheme(s.scheme)
	var cred auth.Credential = credentials.NewAccessKeyCredential(key.ID, key.Secret)
	if key.Token != "" {
		cred = credentials.NewStsTokenCredential(key.ID, key.Secret, key.Token)
	}
	client, err := sts.NewClientWithOptions(s.region, sdk.NewConfig(), cred)
	if err != nil {
		return nil, err
	}
	if err := client.BuildRequestWithSigner(request, nil); err != nil {
		return nil, err
	}
	form := url.Values{}
	for k, v := range request.GetQueryParams() {
		form.Set(k, v)
	}
	if s.skew.known() { // the SDK signs with the host's clock only
		form.Set("Timestamp", s.skew.stamp(s.now()))
		form.Set("Signature", signature("POST", form, key.Secret))
	}
	return form, nil
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
