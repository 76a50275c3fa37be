package ram

import (
	"strings"
	"testing"
)

const (
	write    = "log:PostLogStoreLogs"
	logstore = "acs:log:cn-hangzhou:1111111111111111:project/sec-logs/logstore/web"
)

func doc(effect, action, resource string) string {
	return `{"Effect":"` + effect + `","Action":"` + action + `","Resource":"` + resource + `"}`
}

func policy(t testing.TB, statements ...string) *Policy {
	return mustParse(t, `{"Version":"1","Statement":[`+strings.Join(statements, ",")+`]}`)
}

func TestDecide(t *testing.T) {
	allow := policy(t, doc("Allow", write, "acs:log:*:1111111111111111:project/sec-logs/logstore/web"))
	all := policy(t, doc("Allow", "*", "*"))
	deny := policy(t, doc("Allow", "*", "*"), doc("Deny", "log:Post*", "*"))
	deny.Name = "guard"
	other := policy(t, doc("Allow", "log:GetLogStore", "*"))
	for _, c := range []struct {
		name     string
		session  *Policy
		identity []*Policy
		allowed  bool
		explicit bool
		by       string
	}{
		{"nothing attached", nil, nil, false, false, "no policy is attached"},
		{"allowed", nil, []*Policy{allow}, true, true, "identity policy, statement 1"},
		{"second policy", nil, []*Policy{other, allow}, true, true, "identity policy 2, statement 1"},
		{"not listed", nil, []*Policy{other}, false, false, "no statement of the attached policies"},
		{"deny beats allow", nil, []*Policy{allow, deny}, false, true, `identity policy 2 "guard", statement 2`},
		{"session narrows", other, []*Policy{all}, false, false, "session policy, no statement"},
		{"session cannot add", all, []*Policy{other}, false, false, "no statement of the attached policies"},
		{"session denies", deny, []*Policy{all}, false, true, `session policy "guard", statement 2`},
		{"both allow", allow, []*Policy{all}, true, true, "identity policy, statement 1"},
	} {
		d := Decide(Request{Action: write, Resource: logstore}, c.session, c.identity...)
		if d.Allowed != c.allowed || d.Explicit != c.explicit || !strings.HasPrefix(d.By, c.by) {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
}

func TestHints(t *testing.T) {
	const uid = "1111111111111111"
	for _, c := range []struct{ action, resource, want string }{
		{write, "acs:log:*:" + uid + ":project/sec-logs/logstore/web/*", "would match if acs:log:*:" + uid + ":project/sec-logs/logstore/web were listed too"},
		{write, "acs:log::" + uid + ":project/sec-logs/logstore/web/", "has lost its asterisks: write acs:log:*:" + uid + ":project/sec-logs/logstore/web"},
		{write, "acs:log::" + uid + ":project/", "write acs:log:*:" + uid + ":project/*"},
		{write, "acs:log:*:2222:project/sec-logs/logstore/web", "if the account in acs:log:*:2222:project/sec-logs/logstore/web were " + uid},
		{write, "acs:log:cn-beijing:" + uid + ":project/sec-logs/logstore/web", "would match if the region"},
		{write, "acs:log:*:" + uid + ":project/sec-logs/logstore/Web", "with regard to case"},
		{write, "acs:log:*:" + uid + ":project/x/logstore/y", "allows log:PostLogStoreLogs, but not on " + logstore},
		{"Log: postlogstorelogs", "*", "the action is called Log:postlogstorelogs"},
		{"log:GetLogStore", "*", "allows the resource, but not log:PostLogStoreLogs"},
		{"log:GetLogStore", "x", ""},
	} {
		p := policy(t, doc("Allow", c.action, c.resource))
		d := Decide(Request{Action: write, Resource: logstore}, nil, p)
		if d.Allowed || !strings.Contains(d.Hint, c.want) || c.want == "" && d.Hint != "" {
			t.Errorf("%s on %s: %+v", c.action, c.resource, d)
		}
	}
}

func TestConditions(t *testing.T) {
	ctx := Context{
		"s": "Blue", "n": "10", KeyCurrentTime: "2026-06-01T12:00:00Z", KeySecureTransport: "true", KeySourceIP: "203.0.113.7",
	}
	for _, c := range []struct {
		op, key, value string
		want           bool
	}{
		{"StringEquals", "s", "Blue", true}, {"StringEquals", "s", "blue", false}, {"StringEquals", "absent", "x", false},
		{"StringNotEquals", "s", "blue", true}, {"StringNotEquals", "s", "Blue", false}, {"StringNotEquals", "absent", "x", true},
		{"StringEqualsIgnoreCase", "s", "blue", true}, {"StringNotEqualsIgnoreCase", "s", "blue", false},
		{"StringLike", "s", "B*e", true}, {"StringLike", "s", "b*", false}, {"StringNotLike", "s", "B?ue", false},
		{"NumericEquals", "n", "10.0", true}, {"NumericNotEquals", "n", "10", false}, {"NumericLessThan", "n", "10", false},
		{"NumericLessThanEquals", "n", "10", true}, {"NumericGreaterThan", "n", "9.99", true},
		{"NumericGreaterThanEquals", "n", "10", true}, {"NumericEquals", "s", "10", false},
		{"DateEquals", KeyCurrentTime, "2026-06-01T20:00:00+08:00", true}, {"DateNotEquals", KeyCurrentTime, "2026-06-01T12:00:00Z", false},
		{"DateLessThan", KeyCurrentTime, "2026-06-01T12:00Z", false}, {"DateLessThanEquals", KeyCurrentTime, "2026-06-01T12:00Z", true},
		{"DateGreaterThan", KeyCurrentTime, "2026-06-01", true}, {"DateGreaterThanEquals", KeyCurrentTime, "2027-01-01", false},
		{"Bool", KeySecureTransport, "true", true}, {"Bool", KeySecureTransport, "False", false}, {"Bool", KeyMFAPresent, "false", false},
		{"IpAddress", KeySourceIP, "203.0.113.0/24", true}, {"IpAddress", KeySourceIP, "203.0.113.7", true},
		{"IpAddress", KeySourceIP, "2001:db8::/32", false}, {"NotIpAddress", KeySourceIP, "203.0.113.0/24", false},
		{"NotIpAddress", KeySourceIP, "10.0.0.0/8", true},
	} {
		p := policy(t, `{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{"`+c.op+`":{"`+c.key+`":"`+c.value+`"}}}`)
		if got := p.Evaluate(Request{"a:B", "r", ctx}) == Allow; got != c.want {
			t.Errorf("%s %s %s = %v", c.op, c.key, c.value, got)
		}
	}
	if len(operators) != 6+6+6+1+2 {
		t.Error("an operator has no test")
	}
	// keys and operators are ANDed, values ORed; for negated operators no value may fit
	both := policy(t, `{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{
		"StringEquals":{"s":["Red","Blue"],"n":"10"},"StringNotEquals":{"s":["Red","Green"]}}}`)
	if both.Evaluate(Request{"a:B", "r", ctx}) != Allow {
		t.Error("every condition holds")
	}
	if both.Evaluate(Request{"a:B", "r", Context{"s": "Red", "n": "10"}}) != NoMatch {
		t.Error("Red is excluded")
	}
	if both.Evaluate(Request{"a:B", "r", Context{"s": "Blue"}}) != NoMatch {
		t.Error("n is absent")
	}
}

func TestTrust(t *testing.T) {
	const b, other = "2222222222222222", "3333333333333333"
	user, role := Principal{Account: b, Kind: User, Name: "ship"}, Principal{Account: b, Kind: Role, Name: "web-host", Session: "i-1"}
	ecs := Principal{Kind: Service, Name: "ecs.aliyuncs.com"}
	idp := Principal{Account: b, Kind: Federated, Name: "oidc-provider/ack"}
	trust := func(principal, extra string) *Policy {
		return policy(t, `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":`+principal+extra+`}`)
	}
	ext := `,"Condition":{"StringEquals":{"sts:ExternalId":"x1"}}`
	for _, c := range []struct {
		name   string
		policy *Policy
		caller Principal
		ctx    Context
		want   bool
		text   string // in By or Hint
	}{
		{"root trusts users", trust(`{"RAM":["acs:ram::`+b+`:root"]}`, ``), user, nil, true, "trust policy, statement 1"},
		{"root trusts roles", trust(`{"RAM":["acs:ram::`+b+`:root"]}`, ``), role, nil, true, ""},
		{"root key cannot", trust(`{"RAM":["acs:ram::`+b+`:root"]}`, ``), Principal{Account: b, Kind: Root}, nil, false, "root accounts"},
		{"other account", trust(`{"RAM":["acs:ram::`+other+`:root"]}`, ``), user, nil, false, "list acs:ram::" + b + ":user/ship"},
		{"one user", trust(`{"RAM":"acs:ram::`+b+`:user/ship"}`, ``), user, nil, true, ""},
		{"another user", trust(`{"RAM":"acs:ram::`+b+`:user/Ship"}`, ``), user, nil, false, ""},
		{"one role", trust(`{"RAM":"acs:ram::`+b+`:role/Web-Host"}`, ``), role, nil, true, ""},
		{"a role is not a user", trust(`{"RAM":"acs:ram::`+b+`:role/ship"}`, ``), user, nil, false, ""},
		{"service", trust(`{"Service":["ecs.aliyuncs.com"]}`, ``), ecs, nil, true, ""},
		{"service is no user", trust(`{"Service":["ecs.aliyuncs.com"]}`, ``), user, nil, false, ""},
		{"federated", trust(`{"Federated":["acs:ram::`+b+`:oidc-provider/ack"]}`, ``), idp, nil, true, ""},
		{"everybody", trust(`"*"`, ``), user, nil, true, ""},
		{"external id", trust(`"*"`, ext), user, Context{KeyExternalID: "x1"}, true, ""},
		{"external id differs", trust(`"*"`, ext), user, Context{KeyExternalID: "x2"}, false, `does not fit "x2"`},
		{"external id absent", trust(`"*"`, ext), user, nil, false, "demands sts:ExternalId"},
		{"no document", nil, user, nil, false, "no trust policy"},
		{"no principal", policy(t, doc("Allow", "sts:AssumeRole", "*")), user, nil, false, "trusts nobody"},
		{"placeholder", trust(`{"RAM":["acs:ram::<Alibaba Cloud account ID of user B>:root"]}`, ``), user, nil, false, "list acs:ram::"},
	} {
		d := TrustDecide(c.policy, c.caller, c.ctx)
		if d.Allowed != c.want || !strings.Contains(d.By+" "+d.Hint, c.text) {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	denied := policy(t, `{"Effect":"Allow","Action":"sts:*","Principal":"*"}`, `{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::`+b+`:user/ship"}}`)
	if d := TrustDecide(denied, user, nil); d.Allowed || !d.Explicit {
		t.Errorf("%+v", d)
	}
	if d := TrustDecide(denied, role, nil); !d.Allowed {
		t.Errorf("%+v", d)
	}
}

func TestARN(t *testing.T) {
	for _, c := range []struct {
		in, out string
		kind    Kind
		session string
	}{
		{"acs:ram::1:root", "acs:ram::1:root", Root, ""},
		{"1234567890123456", "acs:ram::1234567890123456:root", Root, ""},
		{"acs:ram::1:user/a.b", "acs:ram::1:user/a.b", User, ""},
		{"acs:ram::1:role/r", "acs:ram::1:role/r", Role, ""},
		{"acs:ram::1:role/r/s", "acs:ram::1:role/r", Role, "s"},
		{"acs:ram::1:assumed-role/r/s", "acs:ram::1:role/r", Role, "s"},
		{"acs:sts::1:assumed-role/r/s", "acs:ram::1:role/r", Role, "s"},
		{"acs:ram::1:oidc-provider/o", "acs:ram::1:oidc-provider/o", Federated, ""},
		{"ecs.aliyuncs.com", "ecs.aliyuncs.com", Service, ""},
	} {
		p, err := ParsePrincipal(c.in)
		if err != nil || p.String() != c.out || p.Kind != c.kind || p.Session != c.session {
			t.Errorf("%s: %+v %v", c.in, p, err)
		}
	}
	for _, bad := range []string{"", "x", "acs:ram::1", "acs:ram::x:root", "acs:ram::1:", "acs:log:r:1:project/p", "acs:ram::1:user/", "acs:ram:::root"} {
		if p, err := ParsePrincipal(bad); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
	if a, err := ParseRole("acs:ram::1:role/shipper-writer"); err != nil || a.RoleName() != "shipper-writer" || a.String() != "acs:ram::1:role/shipper-writer" {
		t.Error(a, err)
	}
	for _, bad := range []string{"acs:ram::1:user/x", "acs:ram::1:role/x/y", "acs:ram:cn:1:role/x"} {
		if _, err := ParseRole(bad); err == nil {
			t.Errorf("%q is no role", bad)
		}
	}
}
