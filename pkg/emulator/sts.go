package emulator

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"shipper/pkg/ram"
)

var (
	sessionForm  = regexp.MustCompile(`^[a-zA-Z0-9.@_-]{2,64}$`)
	externalForm = regexp.MustCompile(`^[a-zA-Z0-9+=,.@:/_-]+$`)
)

// assumption is what AssumeRole and AssumeRoleWithOIDC ask for, checked.
type assumption struct {
	role     ram.ARN
	name     string
	duration time.Duration // 0 = not said
	policy   *ram.Policy
	external string
}

// assumption reads the parameters that both calls have (STS: AssumeRole).
func (c *rpcCall) assumption() (a assumption, f *fail) {
	bad := func(name, text string) *fail {
		return failf(http.StatusBadRequest, "InvalidParameter."+name, "%s", text)
	}
	p := c.params
	for _, name := range []string{"RoleArn", "RoleSessionName"} {
		if p.Get(name) == "" {
			return a, failf(http.StatusBadRequest, "Missing"+name, "%s is mandatory for this action.", name)
		}
	}
	var err error
	if a.role, err = ram.ParseRole(p.Get("RoleArn")); err != nil {
		return a, bad("RoleArn", "The parameter RoleArn is wrongly formed.").because("%v", err)
	}
	if a.name = p.Get("RoleSessionName"); !sessionForm.MatchString(a.name) {
		return a, bad("RoleSessionName", "The parameter RoleSessionName is wrongly formed.").because("2 to 64 letters, digits and .@-_")
	}
	if text := p.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1<<31-1 {
			return a, bad("DurationSeconds", "The parameter DurationSeconds is wrongly formed.")
		}
		a.duration = time.Duration(n) * time.Second
	}
	if text := p.Get("Policy"); text != "" {
		if utf8.RuneCountInString(text) > ram.MaxSession {
			return a, bad("PolicySize", "The size of the parameter Policy is out of range.").because("%d characters, at most %d", utf8.RuneCountInString(text), ram.MaxSession)
		}
		if a.policy, err = parsePolicy(Document(text)); err != nil {
			return a, bad("PolicyGrammar", "The parameter Policy has not passed grammar check.").because("%v", err)
		}
	}
	if a.external = p.Get("ExternalId"); a.external != "" && (len(a.external) < 2 || len(a.external) > 1224 || !externalForm.MatchString(a.external)) {
		return a, bad("ExternalId", "The parameter ExternalId is wrongly formed.")
	}
	return a, nil
}

func throttled() *fail {
	return failf(http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control.")
}

// assumeRole asks both sides: the policies of the caller and the trust policy of the role.
func (c *rpcCall) assumeRole() (map[string]any, *fail) {
	a, f := c.assumption()
	if f != nil {
		return nil, f
	}
	e := c.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if acc := e.accounts[c.caller.account]; acc != nil && !acc.bucket.take(1, e.opt.AssumeRate, e.opt.Now()) {
		return nil, throttled()
	}
	ctx := conditions(c.r, e.opt.Now())
	q := ram.AssumeRequest(ram.ARN{Service: "ram", Account: a.role.Account, Resource: "role/" + strings.ToLower(a.role.RoleName())}, ctx)
	who := c.caller.principal()
	if who.Kind == ram.Root {
		f := failf(http.StatusForbidden, "NoPermission", "Roles may not be assumed by root accounts.").
			because("the key belongs to account %s itself; use one of a RAM user", c.caller.account)
		f.Detail = c.caller.denied(q, ram.Decision{Explicit: true}, "AssumeRolePolicy")
		return nil, f
	}
	if d := c.caller.decide(q, c.caller.account); !d.Allowed {
		f := failf(http.StatusForbidden, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.").
			because("the caller's own policies must allow %s on %s: %s", q.Action, q.Resource, why(d))
		f.Detail = c.caller.denied(q, d, "AccountLevelIdentityBasedPolicy")
		return nil, f
	}
	r, err := e.role(a.role.String())
	if err != nil {
		return nil, failf(http.StatusNotFound, "EntityNotExist.Role", "The specified Role not exists.").because("%v", err)
	}
	if a.external != "" {
		ctx[ram.KeyExternalID] = a.external
	}
	if d := ram.TrustDecide(r.trust, who, ctx); !d.Allowed {
		f := failf(http.StatusForbidden, "NoPermission",
			"No permission perform sts:AssumeRole on this Role. Maybe you are not authorized to perform sts:AssumeRole or the specified role does not trust you").
			because("the trust policy of %s does not let %s in: %s", r.arn(), c.caller, why(d))
		f.Detail = c.caller.denied(q, d, "AssumeRolePolicy")
		return nil, f
	}
	return e.issue(r, a, c.skew)
}

// issue makes a session. skew is how wrong the clock of STS is: it names the end in its own time. The caller holds the lock.
func (e *Emulator) issue(r *role, a assumption, skew time.Duration) (map[string]any, *fail) {
	life, longest := a.duration, r.maxSession()
	switch {
	case e.tokenLife > 0:
		life = e.tokenLife
	case life == 0:
		life = min(time.Hour, longest)
	case life < e.opt.MinTokenLife || life > longest:
		return nil, failf(http.StatusBadRequest, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is %s/%s.",
			spell(e.opt.MinTokenLife), spell(longest))
	}
	now := e.opt.Now()
	if len(e.sessions)%1024 == 1023 { // an hour after their end nobody needs to be told any more that they have expired
		for id, s := range e.sessions {
			if now.Sub(s.expires) > time.Hour {
				delete(e.sessions, id)
			}
		}
	}
	s := &session{
		keyID: sessionKeyPrefix + secret(12), secret: secret(22), token: "CAIS" + secret(384), // long, as real ones are
		name: a.name, role: r, policy: a.policy, expires: now.Add(life).Truncate(time.Second),
	}
	if !now.Before(s.expires) {
		s.expires = s.expires.Add(time.Second) // whole seconds are all that the answer can say
	}
	e.sessions[s.keyID] = s
	e.counts.assume(true)
	return map[string]any{
		"AssumedRoleUser": map[string]string{
			"Arn":           r.arn() + "/" + a.name,
			"AssumedRoleId": r.id + ":" + a.name,
		},
		"Credentials": map[string]string{
			"AccessKeyId": s.keyID, "AccessKeySecret": s.secret, "SecurityToken": s.token,
			"Expiration": s.expires.Add(skew).UTC().Format(rpcDate),
		},
	}, nil
}

// spell writes a duration as the service does in its message: 15min, 1hr.
func spell(d time.Duration) string {
	switch {
	case d%time.Hour == 0:
		return fmt.Sprintf("%dhr", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dmin", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// secret is n random bytes as text without characters that need escaping.
func secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	if n > 64 {
		return base64.StdEncoding.EncodeToString(b) // tokens have + / =, which clients must encode rightly
	}
	return hex.EncodeToString(b)
}

// getCallerIdentity tells who signed the request. Everybody may ask.
func (c *rpcCall) getCallerIdentity() map[string]any {
	who := c.caller
	out := map[string]any{"AccountId": who.account, "IdentityType": "Account", "PrincipalId": who.account,
		"UserId": who.account, "Arn": who.principal().ARN()}
	switch {
	case who.user != nil:
		out["IdentityType"], out["PrincipalId"], out["UserId"] = "RAMUser", who.user.id, who.user.id
	case who.session != nil:
		s := who.session
		delete(out, "UserId")
		out["IdentityType"], out["RoleId"], out["PrincipalId"] = "AssumedRoleUser", s.role.id, s.role.id+":"+s.name
		out["Arn"] = "acs:ram::" + who.account + ":assumed-role/" + s.role.name + "/" + s.name
	}
	return out
}

// assumeRoleWithOIDC takes a token that the world knows.
func (c *rpcCall) assumeRoleWithOIDC() (map[string]any, *fail) {
	a, f := c.assumption()
	if f != nil {
		return nil, f
	}
	for _, name := range []string{"OIDCProviderArn", "OIDCToken"} {
		if c.params.Get(name) == "" {
			return nil, failf(http.StatusBadRequest, "Missing"+name, "%s is mandatory for this action.", name)
		}
	}
	arn, err := ram.ParseARN(c.params.Get("OIDCProviderArn"))
	name, ok := strings.CutPrefix(arn.Resource, "oidc-provider/")
	if err != nil || !ok {
		return nil, failf(http.StatusBadRequest, "InvalidParameter.OIDCProviderArn", "The parameter OIDCProviderArn is wrongly formed.")
	}
	e := c.e
	e.mu.Lock()
	defer e.mu.Unlock()
	var provider *OIDCProvider
	if acc := e.accounts[arn.Account]; acc != nil {
		provider = acc.providers[strings.ToLower(name)]
	}
	if provider == nil {
		return nil, failf(http.StatusNotFound, "EntityNotExist.OIDCProvider", "The specified OIDC provider does not exist.")
	}
	t, f := provider.find(c.params.Get("OIDCToken"), e.opt.Now())
	if f != nil {
		return nil, f
	}
	r, err := e.role(a.role.String())
	if err != nil {
		return nil, failf(http.StatusNotFound, "EntityNotExist.Role", "The specified Role not exists.").because("%v", err)
	}
	ctx := conditions(c.r, e.opt.Now())
	ctx[ram.KeyOIDCIssuer], ctx[ram.KeyOIDCAudience], ctx[ram.KeyOIDCSubject] = provider.Issuer, t.Audience, t.Subject
	who := ram.Principal{Account: arn.Account, Kind: ram.Federated, Name: arn.Resource}
	if d := ram.TrustDecide(r.trust, who, ctx); !d.Allowed {
		f := failf(http.StatusUnauthorized, "AuthenticationFail.NoPermission", "This operation is forbidden by permission system.").
			because("the trust policy of %s does not let %s in: %s", r.arn(), arn, why(d))
		f.Detail = &denial{AuthAction: "sts:AssumeRoleWithOIDC", AuthPrincipal: arn.String(), AuthOwner: arn.Account,
			AuthType: "Federated", NoPermissionType: "ImplicitDeny", PolicyType: "AssumeRolePolicy"}
		return nil, f
	}
	answer, f := e.issue(r, a, c.skew)
	if f == nil {
		answer["OIDCTokenInfo"] = map[string]string{"Issuer": provider.Issuer, "Subject": t.Subject, "ClientIds": t.Audience, "VerificationInfo": "Success"}
	}
	return answer, f
}

// find looks a token up.
func (p *OIDCProvider) find(token string, now time.Time) (OIDCToken, *fail) {
	for _, t := range p.Tokens {
		if !same(t.Token, token) {
			continue
		}
		if !t.Expires.IsZero() && !now.Before(t.Expires) {
			return t, failf(http.StatusUnauthorized, "AuthenticationFail.OIDCToken.Expired", "This OIDC Token has expired.")
		}
		return t, nil
	}
	return OIDCToken{}, failf(http.StatusUnauthorized, "AuthenticationFail.OIDCToken.Invalid", "This OIDC Token is invalid.").
		because("the provider %s has issued no such token", p.Name)
}
