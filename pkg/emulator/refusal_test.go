package emulator

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// clock is the machine's clock with an offset that tests move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func wantSLS(t *testing.T, what string, err error, status int32, code, text string) {
	t.Helper()
	var e *sls.Error
	if !errors.As(err, &e) || e.HTTPCode != status || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("%s: %v, want %d %s %q", what, err, status, code, text)
	}
	if e != nil && len(e.RequestID) != 24 {
		t.Errorf("%s: request id %q", what, e.RequestID)
	}
}

func wantSTS(t *testing.T, what string, err error, status int, code, text string) *sdkerrors.ServerError {
	t.Helper()
	var e *sdkerrors.ServerError
	if !errors.As(err, &e) || e.HttpStatus() != status || e.ErrorCode() != code || !strings.Contains(e.Message(), text) {
		t.Errorf("%s: %v, want %d %s %q", what, err, status, code, text)
		return &sdkerrors.ServerError{}
	}
	return e
}

const (
	anyone     = Document(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::2222222222222222:root"]}}]}`)
	everything = Document(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	denyWrites = Document(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*","Resource":"*"},{"Effect":"Deny","Action":"log:PostLogStoreLogs","Resource":"*"}]}`)
)

// Every refusal of a write has the service's own status, code and text.
func TestRefuseWrite(t *testing.T) {
	var c clock
	w := DefaultWorld()
	w.Accounts[0].Roles = append(w.Accounts[0].Roles, Role{Name: "Other", Trust: trustPolicy, Policies: []Document{denyWrites}})
	w.Accounts[1].Users[0].Policies = []Document{everything}
	w.Accounts[1].Users[0].Keys = append(w.Accounts[1].Users[0].Keys, Key{ID: "LTAIoff", Secret: "s", Disabled: true})
	w.Projects[0].Logstores = append(w.Projects[0].Logstores, Logstore{Name: "audit"})
	w.Projects = append(w.Projects, Project{Name: "in-arrears", Owner: OwnerUID, Region: DefaultRegion, Forbidden: true, Logstores: []Logstore{{Name: "web"}}})
	l := start(t, Options{World: w, Now: c.now})
	write := func(id, secret, token, project, logstore string) error {
		return l.sls(sls.AuthV1, id, secret, token).PostLogStoreLogs(project, logstore, sample(1), nil)
	}
	good := l.assume(nil)
	other := l.assume(func(r *sts.AssumeRoleRequest) { r.RoleArn = "acs:ram::" + OwnerUID + ":role/other" })
	narrow := l.assume(func(r *sts.AssumeRoleRequest) {
		r.Policy = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:GetCursorOrData","Resource":"*"}]}`
	})
	const web = "action: log:PostLogStoreLogs, resource: acs:log:cn-hangzhou:1111111111111111:project/sec-logs/logstore/web"
	tests := []struct {
		name                                 string
		id, secret, token, project, logstore string
		status                               int32
		code, text                           string
	}{
		{"wrong secret", good.AccessKeyId, "wrong", good.SecurityToken, DefaultProject, "web", 401, "SignatureNotMatch", "not matched"},
		{"unknown key", "LTAIunknown", "x", "", DefaultProject, "web", 401, "Unauthorized", "AccessKeyId not found: LTAIunknown"},
		{"disabled key", "LTAIoff", "s", "", DefaultProject, "web", 401, "Unauthorized", "AccessKeyId is disabled: LTAIoff"},
		{"unknown session", "STS.none", "x", "CAIS", DefaultProject, "web", 401, "Unauthorized", "The security token you provided is invalid."},
		{"no token", good.AccessKeyId, good.AccessKeySecret, "", DefaultProject, "web", 401, "Unauthorized", "The security token you provided is invalid."},
		{"token of another session", good.AccessKeyId, good.AccessKeySecret, other.SecurityToken, DefaultProject, "web", 401, "Unauthorized", "The security token you provided is invalid."},
		{"role that denies", other.AccessKeyId, other.AccessKeySecret, other.SecurityToken, DefaultProject, "web", 401, "Unauthorized", "denied by sts or ram, " + web},
		{"session policy without it", narrow.AccessKeyId, narrow.AccessKeySecret, narrow.SecurityToken, DefaultProject, "web", 401, "Unauthorized", "denied by sts or ram, " + web},
		{"a Logstore that is not named", good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "audit", 401, "Unauthorized", "logstore/audit"},
		{"user of another account", SenderKeyID, SenderKeySecret, "", DefaultProject, "web", 401, "Unauthorized", "denied by sts or ram, " + web},
		{"root of another account", RootKeyID, RootKeySecret, "", DefaultProject, "web", 401, "Unauthorized", "denied by sts or ram, " + web},
		{"no such project", good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, "nothing-here", "web", 404, "ProjectNotExist", "The Project does not exist : nothing-here"},
		{"illegal Logstore name", good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "a.b", 405, "InvalidMethod", "Invalid request method"},
	}
	for _, tt := range tests {
		wantSLS(t, tt.name, write(tt.id, tt.secret, tt.token, tt.project, tt.logstore), tt.status, tt.code, tt.text)
	}
	if s := l.Stats(); s.Denials[len(s.Denials)-1].Code != "InvalidMethod" || s.Denied != 5 || s.Groups != 0 {
		t.Errorf("stats %+v", s)
	}
	for _, d := range l.Stats().Denials {
		if strings.HasPrefix(d.Message, "denied by") && d.Why == "" {
			t.Errorf("no reason for %+v", d)
		}
	}

	ok := func(what string) {
		t.Helper()
		if err := write(good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "web"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	ok("a good session")
	if err := l.SetRolePolicy(WriterRole, denyWrites); err != nil {
		t.Fatal(err)
	}
	wantSLS(t, "a living session feels a changed policy", write(good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "web"), 401, "Unauthorized", "denied by sts or ram")
	if err := l.SetRolePolicy(WriterRole, everything); err != nil {
		t.Fatal(err)
	}
	ok("and its return")
	wantSLS(t, "no such Logstore", write(good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "none"), 404, "LogStoreNotExist", "logstore none does not exist")
	wantSLS(t, "project in arrears", write(good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, "in-arrears", "web"), 403, "ProjectForbidden", "in-arrears")

	c.ahead.Store(int64(20 * time.Minute))
	wantSLS(t, "clock 20 min behind", write(good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "web"), 400, "RequestTimeExpired", "has been expired while server time is")
	c.ahead.Store(0)
	if err := l.DeleteRole(WriterRole); err != nil {
		t.Fatal(err)
	}
	wantSLS(t, "deleted role", write(good.AccessKeyId, good.AccessKeySecret, good.SecurityToken, DefaultProject, "web"), 401, "Unauthorized", "The security token you provided is invalid.")
}

// A session ends when its time is over, and a shorter life than 15 minutes can be had.
func TestExpiry(t *testing.T) {
	var c clock
	l := start(t, Options{Now: c.now, MinTokenLife: time.Second})
	cred := l.assume(func(r *sts.AssumeRoleRequest) { r.DurationSeconds = seconds(300) })
	w := l.sls(sls.AuthV4, cred.AccessKeyId, cred.AccessKeySecret, cred.SecurityToken)
	if err := w.PutLogs(DefaultProject, DefaultLogstore, sample(1)); err != nil {
		t.Fatal(err)
	}
	c.ahead.Store(int64(6 * time.Minute))
	wantSLS(t, "expired", w.PutLogs(DefaultProject, DefaultLogstore, sample(1)), 401, "Unauthorized", "The security token you provided has expired.")
	_, err := l.sts(cred.AccessKeyId, cred.AccessKeySecret, cred.SecurityToken).GetCallerIdentity(callerRequest())
	wantSTS(t, "expired at STS", err, 400, "InvalidSecurityToken.Expired", "expired")
	if n := l.Stats().ExpiredTokens; n != 2 {
		t.Errorf("%d expired tokens counted", n)
	}
	l.SetTokenLife(2 * time.Second)
	cred = l.assume(nil)
	if at, err := time.Parse(rpcDate, cred.Expiration); err != nil || at.Sub(c.now()) > 3*time.Second {
		t.Errorf("expires at %v, %v", at, err)
	}
	if n := l.ExpireTokens(); n != 1 {
		t.Errorf("expired %d sessions", n)
	}
}

func callerRequest() *sts.GetCallerIdentityRequest {
	r := sts.CreateGetCallerIdentityRequest()
	r.Scheme = "HTTP"
	return r
}

// Every refusal of AssumeRole has the service's own status, code and text, and says which policy said no.
func TestRefuseAssume(t *testing.T) {
	l := start(t, Options{})
	assume := func(id, secret, token string, change func(*sts.AssumeRoleRequest)) error {
		r := assumeRequest()
		if change != nil {
			change(r)
		}
		_, err := l.sts(id, secret, token).AssumeRole(r)
		return err
	}
	tests := []struct {
		name       string
		id, secret string
		change     func(*sts.AssumeRoleRequest)
		status     int
		code, text string
	}{
		{"root key", RootKeyID, RootKeySecret, nil, 403, "NoPermission", "Roles may not be assumed by root accounts."},
		{"unknown key", "LTAInone", "x", nil, 404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."},
		{"wrong secret", SenderKeyID, "x", nil, 400, "SignatureDoesNotMatch", "Specified signature is not matched"},
		{"a role that the caller may not assume", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.RoleArn = "acs:ram::" + OwnerUID + ":role/other" },
			403, "NoPermission", "You are not authorized to do this action."},
		{"no ARN", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.RoleArn = "shipper-writer" }, 400, "InvalidParameter.RoleArn", "wrongly formed"},
		{"session name", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.RoleSessionName = "a b" }, 400, "InvalidParameter.RoleSessionName", "wrongly formed"},
		{"session name of one letter", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.RoleSessionName = "a" }, 400, "InvalidParameter.RoleSessionName", "wrongly formed"},
		{"too short", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.DurationSeconds = seconds(899) }, 400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr."},
		{"too long", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.DurationSeconds = seconds(3601) }, 400, "InvalidParameter.DurationSeconds", "15min/1hr"},
		{"policy that is none", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.Policy = `{"Version":"1"}` }, 400, "InvalidParameter.PolicyGrammar", "grammar"},
		{"policy too long", SenderKeyID, SenderKeySecret, func(r *sts.AssumeRoleRequest) { r.Policy = strings.Repeat(" ", 2049) }, 400, "InvalidParameter.PolicySize", "size"},
	}
	for _, tt := range tests {
		wantSTS(t, tt.name, assume(tt.id, tt.secret, "", tt.change), tt.status, tt.code, tt.text)
	}
	e := wantSTS(t, "identity", assume(SenderKeyID, SenderKeySecret, "", func(r *sts.AssumeRoleRequest) { r.RoleArn = WriterRole + "2" }), 403, "NoPermission", "")
	if d := e.AccessDeniedDetail(); d["PolicyType"] != "AccountLevelIdentityBasedPolicy" || d["NoPermissionType"] != "ImplicitDeny" || d["AuthPrincipalType"] != "SubUser" {
		t.Errorf("detail %v", d)
	}

	must(t, l.SetTrust(WriterRole, Document(strings.ReplaceAll(trustPolicy, "user/shipper", "user/somebody"))))
	e = wantSTS(t, "not trusted", assume(SenderKeyID, SenderKeySecret, "", nil), 403, "NoPermission", "No permission perform sts:AssumeRole on this Role.")
	if d := e.AccessDeniedDetail(); d["PolicyType"] != "AssumeRolePolicy" {
		t.Errorf("detail %v", d)
	}
	must(t, l.SetTrust(WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::2222222222222222:root"]},
		"Condition":{"StringEquals":{"sts:ExternalId":"blue"}}}]}`))
	wantSTS(t, "no external id", assume(SenderKeyID, SenderKeySecret, "", nil), 403, "NoPermission", "")
	must(t, assume(SenderKeyID, SenderKeySecret, "", func(r *sts.AssumeRoleRequest) { r.ExternalId = "blue" }))
	must(t, l.SetTrust(WriterRole, anyone))
	must(t, l.DeleteRole(WriterRole))
	wantSTS(t, "no such role", assume(SenderKeyID, SenderKeySecret, "", nil), 404, "EntityNotExist.Role", "The specified Role not exists.")
	must(t, l.SetUserPolicies(SenderUser, everything, `{"Version":"1","Statement":[{"Effect":"Deny","Action":"sts:*","Resource":"*"}]}`))
	e = wantSTS(t, "explicit deny", assume(SenderKeyID, SenderKeySecret, "", nil), 403, "NoPermission", "You are not authorized")
	if d := e.AccessDeniedDetail(); d["NoPermissionType"] != "ExplicitDeny" {
		t.Errorf("detail %v", d)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A session may assume the next role if its role's policy and its own session policy allow it.
func TestChain(t *testing.T) {
	w := DefaultWorld()
	w.Accounts[1].Users[0].Policies = []Document{everything}
	w.Accounts[1].Roles = []Role{{Name: "host", Policies: []Document{everything}, Trust: anyone}}
	w.Accounts[0].Roles[0].Trust = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::2222222222222222:role/host"]}}]}`
	l := start(t, Options{World: w})
	host := func(policy string) *sts.Client {
		c := l.assume(func(r *sts.AssumeRoleRequest) { r.RoleArn, r.Policy = "acs:ram::"+SenderUID+":role/host", policy })
		return l.sts(c.AccessKeyId, c.AccessKeySecret, c.SecurityToken)
	}
	c := host("")
	who, err := c.GetCallerIdentity(callerRequest())
	must(t, err)
	if who.Arn != "acs:ram::"+SenderUID+":assumed-role/host/web-1" || who.IdentityType != "AssumedRoleUser" || who.AccountId != SenderUID {
		t.Errorf("caller %+v", who)
	}
	answer, err := c.AssumeRole(assumeRequest())
	must(t, err)
	if answer.AssumedRoleUser.Arn != WriterRole+"/web-1" || !strings.HasSuffix(answer.AssumedRoleUser.AssumedRoleId, ":web-1") {
		t.Errorf("assumed %+v", answer.AssumedRoleUser)
	}
	_, err = host(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*","Resource":"*"}]}`).AssumeRole(assumeRequest())
	e := wantSTS(t, "session policy", err, 403, "NoPermission", "")
	if d := e.AccessDeniedDetail(); d["PolicyType"] != "SessionPolicy" {
		t.Errorf("detail %v", d)
	}
	_, err = l.sts(SenderKeyID, SenderKeySecret, "").AssumeRole(assumeRequest())
	wantSTS(t, "the user itself", err, 403, "NoPermission", "")
}

// Identity tokens from a cluster open a role whose conditions they meet.
func TestOIDC(t *testing.T) {
	w := DefaultWorld()
	w.Accounts[1].OIDCProviders = []OIDCProvider{{Name: "ack", Issuer: "https://oidc.example", Tokens: []OIDCToken{
		{Token: "ey.good.one", Subject: "system:serviceaccount:logs:shipper", Audience: "sts.aliyuncs.com"},
		{Token: "ey.other.one", Subject: "system:serviceaccount:logs:other", Audience: "sts.aliyuncs.com"},
		{Token: "ey.old.one", Subject: "system:serviceaccount:logs:shipper", Expires: time.Now().Add(-time.Hour)},
	}}}
	w.Accounts[1].Roles = []Role{{Name: "pod", Trust: `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":["acs:ram::2222222222222222:oidc-provider/ack"]},
		"Condition":{"StringEquals":{"oidc:iss":"https://oidc.example","oidc:sub":"system:serviceaccount:logs:shipper"}}}]}`}}
	l := start(t, Options{World: w})
	ask := func(token string) (*sts.AssumeRoleWithOIDCResponse, error) {
		r := sts.CreateAssumeRoleWithOIDCRequest()
		r.Scheme, r.RoleArn, r.RoleSessionName = "HTTP", "acs:ram::"+SenderUID+":role/pod", "pod-1"
		r.OIDCProviderArn, r.OIDCToken = "acs:ram::"+SenderUID+":oidc-provider/ack", token
		return l.sts("x", "x", "").AssumeRoleWithOIDC(r)
	}
	answer, err := ask("ey.good.one")
	must(t, err)
	if answer.Credentials.SecurityToken == "" || answer.OIDCTokenInfo.Subject != "system:serviceaccount:logs:shipper" {
		t.Errorf("answer %+v", answer)
	}
	_, err = ask("ey.other.one")
	wantSTS(t, "another subject", err, 401, "AuthenticationFail.NoPermission", "")
	_, err = ask("ey.old.one")
	wantSTS(t, "old token", err, 401, "AuthenticationFail.OIDCToken.Expired", "")
	_, err = ask("ey.no.such")
	wantSTS(t, "unknown token", err, 401, "AuthenticationFail.OIDCToken.Invalid", "")
}

// STS has a quota for each account.
func TestAssumeQuota(t *testing.T) {
	l := start(t, Options{AssumeRate: 2})
	var last error
	for range 5 {
		if _, last = l.sts(SenderKeyID, SenderKeySecret, "").AssumeRole(assumeRequest()); last != nil {
			break
		}
	}
	wantSTS(t, "quota", last, 400, "Throttling.User", "Request was denied due to user flow control.")
}
