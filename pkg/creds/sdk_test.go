package creds

import (
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
)

// What we send is, parameter for parameter, what the SDK's services/sts would send, and it is signed in the same way.
func TestSameAsSDK(t *testing.T) {
	a := assumption{role: roleA, session: "shipper-h1", external: "a+b=c,d.e@f:g/h-i_j", policy: `{"Version":"1"}`, duration: time.Hour, expect: AccountOf(roleA)}
	role := sts.CreateAssumeRoleRequest()
	role.RoleArn, role.RoleSessionName, role.ExternalId, role.Policy = a.role, a.session, a.external, a.policy
	role.DurationSeconds = requests.NewInteger(3600)
	for name, try := range map[string]struct {
		key     *Credentials
		request requests.AcsRequest
		call    func(*service, *Credentials) error
	}{
		"AssumeRole": {&Credentials{ID: "LTAIbase0001", Secret: "s p*c~i+a/l&="}, role, func(s *service, key *Credentials) error {
			_, err := s.assumeRole(t.Context(), key, a)
			return err
		}},
		"GetCallerIdentity with a token": {&Credentials{ID: "STS.x", Secret: "y", Token: "t+o/k="}, sts.CreateGetCallerIdentityRequest(), func(s *service, key *Credentials) error {
			_, err := s.callerIdentity(t.Context(), key)
			return err
		}},
	} {
		f := newFakeSTS(time.Hour)
		f.keys[try.key.ID] = try.key.Secret
		f.tokens[try.key.ID] = token{secret: try.key.Secret, token: try.key.Token, ends: time.Now().Add(time.Hour)}
		s, err := newService("sts.cn-hangzhou.aliyuncs.com", "cn-hangzhou", f, nil, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := try.call(s, try.key); err != nil {
			t.Fatal(name, err)
		}
		ours, theirs := f.calls[0], bySDK(t, try.key, try.request)
		if got, want := ours.Get("Signature"), signature("POST", ours, try.key.Secret); got != want {
			t.Errorf("%s: our signature is %q, want %q", name, got, want)
		}
		if got, want := signature("POST", theirs, try.key.Secret), theirs.Get("Signature"); got != want {
			t.Errorf("%s: the SDK's request is signed %q by us, %q by it", name, got, want)
		}
		for _, form := range []url.Values{ours, theirs} { // the same form each time would be refused
			for _, k := range []string{"Timestamp", "SignatureNonce", "Signature"} {
				if form.Get(k) == "" {
					t.Errorf("%s: no %s", name, k)
				}
				form.Del(k)
			}
		}
		if ours.Encode() != theirs.Encode() {
			t.Errorf("%s: we send %q, the SDK %q", name, slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)))
		}
	}
}

// bySDK is what the SDK makes of a request.
func bySDK(t *testing.T, key *Credentials, r requests.AcsRequest) url.Values {
	t.Helper()
	var cred auth.Credential = credentials.NewAccessKeyCredential(key.ID, key.Secret)
	if key.Token != "" {
		cred = credentials.NewStsTokenCredential(key.ID, key.Secret, key.Token)
	}
	client, err := sts.NewClientWithOptions("cn-hangzhou", sdk.NewConfig(), cred)
	if err != nil {
		t.Fatal(err)
	}
	r.(interface{ SetDomain(string) }).SetDomain("sts.cn-hangzhou.aliyuncs.com")
	if err := client.BuildRequestWithSigner(r, nil); err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	for k, v := range r.GetQueryParams() {
		form.Set(k, v)
	}
	return form
}
