package creds

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The table of STS's answers: code, status, class, whose administrator, stable code.
func TestAnswersOfSTS(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		text   string
		detail string // PolicyType
		class  Class
		whose  Whose
		id     string
	}{
		{400, "InvalidParameter", "", "", Permanent, Configuration, "SHP-A106"},
		{400, "InvalidParameter.RoleArn", "The parameter RoleArn is wrongly formed.", "", Permanent, Configuration, "SHP-A106"},
		{400, "InvalidParameter.RoleSessionName", "", "", Permanent, Configuration, "SHP-A106"},
		{400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.", "", Permanent, Configuration, "SHP-A106"},
		{400, "InvalidParameter.PolicyGrammar", "", "", Permanent, Configuration, "SHP-A106"},
		{400, "InvalidParameter.PolicySize", "", "", Permanent, Configuration, "SHP-A106"},
		{400, "MissingSecurityToken", "SecurityToken is mandatory for this action.", "", Permanent, Caller, "SHP-A102"},
		{400, "InvalidSecurityToken.Expired", "", "", Stale, Caller, "SHP-A102"},
		{400, "InvalidSecurityToken.Malformed", "", "", Stale, Caller, "SHP-A102"},
		{400, "InvalidSecurityToken.MismatchWithAccessKey", "", "", Stale, Caller, "SHP-A102"},
		{400, "InvalidTimeStamp.Expired", "", "", Clock, Host, "SHP-A108"},
		{400, "InvalidTimeStamp.Format", "", "", Permanent, Configuration, "SHP-A106"},
		{400, "SignatureNonceUsed", "", "", Transient, Service, "SHP-A110"},
		{400, "SignatureDoesNotMatch", "server string to sign is:POST", "", Permanent, Caller, "SHP-A102"},
		{400, "IncompleteSignature", "", "", Permanent, Caller, "SHP-A102"},
		{404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.", "", Stale, Caller, "SHP-A102"},
		{400, "InvalidAccessKeyId.NotFound", "", "", Stale, Caller, "SHP-A102"},
		{400, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.", "", Stale, Caller, "SHP-A102"},
		{403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.", "", Denied, Either, "SHP-A103"},
		{403, "NoPermission", "", "AssumeRolePolicy", Denied, Owner, "SHP-A103"},
		{403, "NoPermission", "", "AccountLevelIdentityBasedPolicy", Denied, Caller, "SHP-A103"},
		{403, "NoPermission", "Roles may not be assumed by root accounts.", "", Denied, Caller, "SHP-A103"},
		{404, "EntityNotExist.Role", "The specified Role not exists.", "", Denied, Owner, "SHP-A104"},
		{400, "Throttling", "", "", Throttle, Service, "SHP-A109"},
		{400, "Throttling.User", "", "", Throttle, Service, "SHP-A109"},
		{503, "Throttling.Api", "", "", Throttle, Service, "SHP-A109"},
		{429, "Throttling.User", "", "", Throttle, Service, "SHP-A109"},
		{429, "Whatever", "", "", Throttle, Service, "SHP-A109"},
		{500, "InternalError", "", "", Transient, Service, "SHP-A110"},
		{503, "ServiceUnavailable", "", "", Transient, Service, "SHP-A110"},
		{502, "SomethingNew", "", "", Transient, Service, "SHP-A110"},
		{408, "RequestTimeout", "", "", Transient, Service, "SHP-A110"},
		{401, "AuthenticationFail.NoPermission", "", "", Denied, Caller, "SHP-A107"},
		{401, "AuthenticationFail.OIDCToken.Expired", "", "", Stale, Caller, "SHP-A107"},
		{401, "AuthenticationFail.OIDCToken.Invalid", "", "", Permanent, Caller, "SHP-A107"},
		{401, "AuthenticationFail.OIDCToken.AudienceNotMatch", "", "", Permanent, Caller, "SHP-A107"},
		{401, "AuthenticationFail.OIDCToken.InvalidSignature", "", "", Permanent, Caller, "SHP-A107"},
		{401, "AuthenticationFail.OIDCToken.HttpsUrlInvalid", "", "", Permanent, Caller, "SHP-A107"},
		{403, "Forbidden.RAM", "", "", Denied, Either, "SHP-A103"},
		{403, "SomethingNew", "", "", Denied, Either, "SHP-A103"},
		{403, "InvalidParameter", "", "", Permanent, Configuration, "SHP-A106"},
		{400, "SomethingNew", "", "", Permanent, Configuration, "SHP-A106"},
		{404, "InvalidAction.NotFound", "", "", Permanent, Configuration, "SHP-A106"},
	} {
		if got := Classify(row.status, row.code); got != row.class {
			t.Errorf("%d %s: %s, want %s", row.status, row.code, got, row.class)
		}
		f := newFakeSTS(time.Hour)
		f.fault = func(url.Values) *http.Response {
			body := map[string]any{"RequestId": "R-1", "Code": row.code, "Message": row.text}
			if row.detail != "" {
				body["AccessDeniedDetail"] = map[string]any{"PolicyType": row.detail, "AuthPrincipalOwnerId": "2222222222222222"}
			}
			return jsonAnswer(row.status, body)
		}
		_, err := provider(t, f, nil).Fetch(t.Context())
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatal(err)
		}
		if e.Class != row.class || e.Whose != row.whose || e.ID != row.id || e.Code != row.code || e.HTTPStatus != row.status || e.RequestID != "R-1" || e.Role != roleA || e.Op != "AssumeRole" {
			t.Errorf("%d %s: %s %s %s", row.status, row.code, e.Class, e.Whose, e.ID)
		}
		if row.whose == Owner && e.Account != "1111111111111111" || row.detail == "AccountLevelIdentityBasedPolicy" && e.Account != "2222222222222222" {
			t.Errorf("%d %s: account %q", row.status, row.code, e.Account)
		}
		if row.class == Denied && !strings.Contains(e.Error(), "1111111111111111") {
			t.Errorf("the message names no account: %s", e)
		}
	}
}

// Answers that STS never gave, and shapes it should not have.
func TestForeignAnswers(t *testing.T) {
	page := "<html><body>Please sign in</body></html>"
	for name, row := range map[string]struct {
		resp  *http.Response
		class Class
	}{
		"captive portal":        {plainAnswer(200, "text/html", page), Transient},
		"proxy says no":         {plainAnswer(403, "text/html", page), Transient},
		"proxy error":           {plainAnswer(502, "text/html", page), Transient},
		"proxy throttles":       {plainAnswer(429, "text/plain", "slow"), Throttle},
		"redirect":              {plainAnswer(302, "text/html", ""), Transient},
		"empty":                 {plainAnswer(200, "application/json", ""), Transient},
		"null":                  {plainAnswer(200, "application/json", "null"), Transient},
		"list":                  {plainAnswer(200, "application/json", "[1]"), Transient},
		"request id a number":   {plainAnswer(403, "application/json", `{"RequestId":5,"Code":"NoPermission"}`), Transient},
		"no request id":         {plainAnswer(200, "application/json", `{"Credentials":{}}`), Transient},
		"no credentials":        {plainAnswer(200, "application/json", `{"RequestId":"R"}`), Transient},
		"no secret":             {plainAnswer(200, "application/json", `{"RequestId":"R","Credentials":{"AccessKeyId":"STS.a","SecurityToken":"t","Expiration":"2100-01-01T00:00:00Z"}}`), Transient},
		"no expiration":         {plainAnswer(200, "application/json", `{"RequestId":"R","Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"s","SecurityToken":"t"}}`), Transient},
		"already over":          {plainAnswer(200, "application/json", `{"RequestId":"R","AssumedRoleUser":{"Arn":"`+roleA+`/s"},"Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2001-01-01T00:00:00Z"}}`), Transient},
		"denial detail a text":  {jsonAnswer(403, map[string]any{"RequestId": "R", "Code": "NoPermission", "AccessDeniedDetail": "text"}), Denied},
		"code in a 200":         {jsonAnswer(200, map[string]any{"RequestId": "R", "Code": "NoPermission"}), Denied},
		"megabytes":             {plainAnswer(200, "application/json", strings.Repeat(" ", 3<<20)+`{"RequestId":"R"}`), Transient},
		"control in a message":  {jsonAnswer(403, map[string]any{"RequestId": "R\n2026 INFO forged", "Code": "NoPermission", "Message": "a\nb\x1b[31m"}), Denied},
		"session names no role": {plainAnswer(200, "application/json", `{"RequestId":"R","Credentials":{"AccessKeyId":"STS.a","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2100-01-01T00:00:00Z"}}`), Permanent},
	} {
		f := newFakeSTS(time.Hour)
		f.fault = func(url.Values) *http.Response { return row.resp }
		_, err := provider(t, f, nil).Fetch(t.Context())
		if err == nil || classOf(err) != row.class {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x1b<") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		rt := tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		p := provider(t, newFakeSTS(time.Hour), func(o *ProviderOptions) { o.HTTP = &http.Client{Transport: rt} })
		_, err := p.Fetch(t.Context())
		if e, ok := errors.AsType[*Error](err); !ok || e.Class != Transient || e.Whose != Host || time.Since(start) != callTimeout {
			t.Fatal(err)
		}
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNonceUsedIsRetriedAtOnce(t *testing.T) {
	f := newFakeSTS(time.Hour)
	seen := ""
	f.fault = func(form url.Values) *http.Response {
		if seen == "" {
			seen = form.Get("SignatureNonce")
			return stsError(400, "SignatureNonceUsed", "")
		}
		if form.Get("SignatureNonce") == seen {
			t.Error("the same nonce again")
		}
		return nil
	}
	if _, err := provider(t, f, nil).Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The vector of the RAM documentation, "Signature mechanism", and its POST twin; a whole call against a service that checks.
func TestSignatureVector(t *testing.T) {
	form := url.Values{
		"Action": {"AssumeRole"}, "Format": {"JSON"}, "Version": {"2015-04-01"}, "AccessKeyId": {"testid"},
		"RoleArn": {"acs:ram::1234567890123:role/firstrole"}, "RoleSessionName": {"client"}, "SignatureMethod": {"HMAC-SHA1"},
		"SignatureVersion": {"1.0"}, "SignatureNonce": {"571f8fb8-506e-11e5-8e12-b8e8563dc8d2"}, "Timestamp": {"2015-09-01T05:57:34Z"},
	}
	for method, want := range map[string]string{"GET": "gNI7b0AyKZHxDgjBGPDgJ1Ce3L4=", "POST": "gyoTXBqArvZT/gKwPjXIYR9ZuB0="} {
		if got := signature(method, form, "testsecret"); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
	f := newFakeSTS(time.Hour)
	f.keys["LTAIbase0001"] = "s p*c~i+a/l&="
	p := provider(t, f, func(o *ProviderOptions) {
		o.Source = literal("LTAIbase0001", "s p*c~i+a/l&=")
		o.SessionPolicy = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:*:project/p~/logstore/*"}]}`
		o.Role.AssumeRole.ExternalID = "a+b=c,d.e@f:g/h-i_j"
	})
	if _, err := p.Fetch(t.Context()); err != nil { // the fake checks it
		t.Fatal(err)
	}
	call := f.calls[0]
	for k, want := range map[string]string{
		"Action": "AssumeRole", "Version": "2015-04-01", "Format": "JSON", "RoleArn": roleA, "RoleSessionName": "shipper-web-1",
		"DurationSeconds": "3600", "ExternalId": "a+b=c,d.e@f:g/h-i_j", "SignatureMethod": "HMAC-SHA1",
	} {
		if call.Get(k) != want {
			t.Errorf("%s = %q, want %q", k, call.Get(k), want)
		}
	}
	if !strings.Contains(call.Get("Policy"), "PostLogStoreLogs") {
		t.Error("no session policy")
	}
}
