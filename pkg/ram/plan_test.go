package ram

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	accountA = "1111111111111111"
	accountB = "2222222222222222"
)

func plan() Plan {
	role, _ := ParseRole("acs:ram::" + accountA + ":role/shipper-writer")
	return Plan{
		Owner:      accountA,
		Caller:     Principal{Account: accountB, Kind: Role, Name: "web-host"},
		RoleARN:    role,
		ExternalID: "x-7f3a",
		Targets:    []Logstore{{Region: "cn-hangzhou", Project: "sec-logs", Logstore: "web"}},
	}
}

// plans are the shapes that the property tests walk.
func plans() map[string]Plan {
	verify, group, many, more, all, mixed := plan(), plan(), plan(), plan(), plan(), plan()
	verify.Verify = true
	group.Verify, group.ConsumerGroup = true, "shipper-verify"
	many.Targets = append(many.Targets, Logstore{Region: "cn-beijing", Project: "sec-logs", Logstore: "app"}, Logstore{Project: "audit", Logstore: "web"})
	many.Verify, many.ConsumerGroup = true, "g"
	mixed.Targets = append(mixed.Targets, Logstore{Project: "sec-logs", Logstore: "app", ConsumerGroup: "g"},
		Logstore{Project: "audit", Logstore: "web", ConsumerGroup: "shipper-verify"})
	more.Actions = []string{"log:GetLogStore", "log:ApplyConfigToGroup", "log:PostLogStoreLogs", "log:getproject"}
	for _, a := range table {
		all.Actions = append(all.Actions, a.Name)
	}
	return map[string]Plan{"write": plan(), "verify": verify, "group": group, "many": many, "more": more, "all": all, "mixed": mixed}
}

// universe is every question that can be put about a small world: each action of the table in two regions and accounts, three
// projects, Logstores and groups.
var universe = sync.OnceValue(func() []Request {
	var out []Request
	seen := map[string]bool{}
	names := []string{"sec-logs", "audit", "other"}
	for _, a := range table {
		for _, uid := range []string{accountA, accountB} {
			for _, region := range []string{"cn-hangzhou", "cn-beijing"} {
				for _, project := range names {
					for _, l := range []string{"web", "app", "webapp"} {
						for _, g := range []string{"shipper-verify", "g", "any"} {
							list, _ := Resources(a.Name, Vars{region, uid, project, l, g, g, g})
							for _, r := range list {
								if key := a.Name + r; !seen[key] {
									seen[key] = true
									out = append(out, Request{Action: a.Name, Resource: r})
								}
							}
						}
					}
				}
			}
		}
	}
	return out
})

// needed tells what a plan is for, from the words of the plan and not from its documents.
func needed(p Plan, r Request) bool {
	for _, t := range p.Targets {
		group := t.ConsumerGroup
		if group == "" {
			group = p.ConsumerGroup
		}
		actions := []string{WriteAction}
		if p.Verify || t.ConsumerGroup != "" {
			actions = append(actions, ReadActions()...)
		}
		actions = append(actions, p.Actions...)
		if !slices.ContainsFunc(actions, func(a string) bool { return strings.EqualFold(a, r.Action) }) {
			continue
		}
		groups := []string{group}
		if group == "" {
			groups = []string{"shipper-verify", "g", "any"}
		}
		for _, region := range []string{"cn-hangzhou", "cn-beijing"} { // a project name exists once in all regions
			for _, g := range groups {
				for _, c := range []string{"shipper-verify", "g", "any"} {
					list, _ := Resources(r.Action, Vars{region, accountA, t.Project, t.Logstore, c, c, g})
					if slices.Contains(list, r.Resource) {
						return true
					}
				}
			}
		}
	}
	return false
}

func TestRoleAllowsExactlyWhatIsNeeded(t *testing.T) {
	for name, p := range plans() {
		if err := p.Validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		role := p.Role()
		for _, r := range p.Needs() {
			if !needed(p, r) {
				t.Errorf("%s: Needs lists %v", name, r)
			}
			if d := Decide(r, nil, role); !d.Allowed {
				t.Errorf("%s: %v is needed: %+v", name, r, d)
			}
		}
		allowed := 0
		for _, r := range universe() {
			if got, want := Decide(r, nil, role).Allowed, needed(p, r); got != want {
				t.Errorf("%s: %s on %s: allowed %v, needed %v", name, r.Action, r.Resource, got, want)
			} else if got {
				allowed++
			}
		}
		if allowed == 0 {
			t.Errorf("%s: the world does not contain what is needed", name)
		}
		for i := range role.Statement {
			less := &Policy{Statement: slices.Delete(slices.Clone(role.Statement), i, i+1)}
			if !slices.ContainsFunc(p.Needs(), func(r Request) bool { return !Decide(r, nil, less).Allowed }) {
				t.Errorf("%s: statement %d is superfluous", name, i+1)
			}
		}
	}
}

func TestSessionIsTheWriteAlone(t *testing.T) {
	for name, p := range plans() {
		session := p.Session()
		for _, r := range universe() {
			want := r.Action == WriteAction && needed(p, r)
			if got := Decide(r, session, policy(t, doc("Allow", "*", "*"))).Allowed; got != want {
				t.Errorf("%s: %s on %s: %v", name, r.Action, r.Resource, got)
			}
		}
	}
	want := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:1111111111111111:project/sec-logs/logstore/web"}]}`
	if got := string(plan().Session().Compact()); got != want {
		t.Error(got)
	}
}

func TestTrustAndCallerAreOneAnother(t *testing.T) {
	p := plan()
	ext := Context{KeyExternalID: p.ExternalID}
	others := []Principal{
		{Account: accountB, Kind: Role, Name: "other"},
		{Account: accountB, Kind: User, Name: "web-host"},
		{Account: accountA, Kind: Role, Name: "web-host"},
		{Account: accountB, Kind: Root},
		{Kind: Service, Name: "ecs.aliyuncs.com"},
	}
	if d := TrustDecide(p.Trust(), p.Caller, ext); !d.Allowed {
		t.Errorf("%+v", d)
	}
	if d := TrustDecide(p.Trust(), p.Caller, nil); d.Allowed {
		t.Error("without the external id")
	}
	for _, o := range others {
		if TrustDecide(p.Trust(), o, ext).Allowed {
			t.Errorf("%v is trusted", o)
		}
	}
	if d := Decide(AssumeRequest(p.RoleARN, nil), nil, p.CallerPolicy()); !d.Allowed {
		t.Errorf("%+v", d)
	}
	for _, arn := range []string{"acs:ram::" + accountA + ":role/shipper-writer2", "acs:ram::" + accountB + ":role/shipper-writer"} {
		if Decide(Request{Action: AssumeRole, Resource: arn}, nil, p.CallerPolicy()).Allowed {
			t.Errorf("%s may be assumed", arn)
		}
	}
	p.Caller = Principal{Account: accountB}
	if got := p.Trust().Statement[0].Principal.RAM[0]; got != "acs:ram::"+accountB+":root" {
		t.Error(got)
	}
	if d := TrustDecide(p.Trust(), others[0], ext); !d.Allowed {
		t.Errorf("%+v", d)
	}
}

func TestDocumentsRoundTrip(t *testing.T) {
	for name, p := range plans() {
		for _, d := range Documents() {
			first := p.Policy(d).JSON()
			back := mustParse(t, string(first))
			if string(back.JSON()) != string(first) {
				t.Errorf("%s %s:\n%s\n%s", name, d, first, back.JSON())
			}
		}
	}
	want := `{
  "Version": "1",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "sts:AssumeRole",
      "Principal": {
        "RAM": [
          "acs:ram::2222222222222222:role/web-host"
        ]
      },
      "Condition": {
        "StringEquals": {
          "sts:ExternalId": "x-7f3a"
        }
      }
    }
  ]
}
`
	if got := string(plan().Trust().JSON()); got != want {
		t.Error(got)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Plan){
		"the owner must create the role":      func(p *Plan) { p.RoleARN.Account = accountB },
		"not the ARN of a role":               func(p *Plan) { p.RoleARN = ARN{} },
		"account that owns":                   func(p *Plan) { p.Owner = "abc" },
		"account of the hosts is missing":     func(p *Plan) { p.Caller = Principal{} },
		"name of the role that the hosts use": func(p *Plan) { p.Caller.Name = "" },
		"name of a user or role":              func(p *Plan) { p.Caller.Name = "a\nrm" },
		"external id":                         func(p *Plan) { p.ExternalID = "a b" },
		"session name":                        func(p *Plan) { p.SessionName = "host!" },
		"duration":                            func(p *Plan) { p.Duration = time.Minute },
		"no Logstore is named":                func(p *Plan) { p.Targets = nil },
		`"*"/"web"`:                           func(p *Plan) { p.Targets[0].Project = "*" },
		"consumer group":                      func(p *Plan) { p.ConsumerGroup = "*" },
		"not in the action table":             func(p *Plan) { p.Actions = []string{"log:*"} },
		`"g/h" is not the name of a consumer`: func(p *Plan) { p.Targets[0].ConsumerGroup = "g/h" },
		"the role needs 12 custom policies":   func(p *Plan) { p.Targets = crowd(800) },
		"the role policy has":                 func(p *Plan) { p.Targets[0].Logstore = strings.Repeat("l", MaxPolicy) },
		"the session policy has":              func(p *Plan) { p.Targets[0].Logstore = strings.Repeat("l", MaxSession) },
	} {
		p := plan()
		change(&p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if err := plan().Validate(); err != nil {
		t.Error(err)
	}
	if n := plan().Session().Size(); n > 200 {
		t.Errorf("the session policy of one Logstore has %d characters", n)
	}
}

func crowd(n int) []Logstore {
	var out []Logstore
	for i := range n {
		out = append(out, Logstore{Region: "cn-hangzhou", Project: fmt.Sprintf("project-with-a-long-name-%d", i), Logstore: "logstore"})
	}
	return out
}
