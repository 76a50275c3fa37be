package ram

import (
	"slices"
	"strings"
)

// Grant is something that a document allows, or should.
type Grant struct {
	Action    string `json:"action"`
	Resource  string `json:"resource,omitempty"`
	Principal string `json:"principal,omitempty"` // of a trust policy
	Line      int    `json:"line,omitempty"`      // of the statement that allows it
	Hint      string `json:"hint,omitempty"`      // of something missing: what would allow it
}

// others are names that no plan uses, for finding out how far a pattern reaches.
func others(need Plan) Vars {
	v := Vars{Region: anyRegion, UID: need.owner(), Project: "other", Logstore: "other", Config: "other", MachineGroup: "other", ConsumerGroup: "other"}
	if v.UID == "" {
		v.UID = "1"
	}
	return v
}

// extra lists what p allows on Log Service and elsewhere beyond the role policy of the plan: every action of the table is
// tried against every pattern, and what another statement denies is left out.
func extra(p *Policy, need Plan) []Grant {
	var out []Grant
	needed := need.Role()
	for _, a := range table {
		var grants []Grant
		whole := true // every resource that the action is checked against is within reach
		for _, template := range a.Resources {
			reach := reachable(p, a.Name, tokens(template, others(need)))
			whole = whole && len(reach) > 0
			for _, g := range reach {
				if !covers(needed, a.Name, g.Resource, need.owner()) {
					grants = append(grants, g)
				}
			}
		}
		if whole {
			out = append(out, grants...)
		}
	}
	return append(out, beyondTable(p)...)
}

// reachable lists the patterns by which p allows action on some resource of the template.
func reachable(p *Policy, action string, template []token) []Grant {
	var out []Grant
	for i := range p.Statement {
		s := &p.Statement[i]
		if s.Effect != Allow || s.Principal != nil || !s.action(action) {
			continue
		}
		patterns, inverse := s.Resource, ""
		if s.NotResource != nil {
			patterns, inverse = []string{"*"}, "everything but "+strings.Join(s.NotResource, ", ")
		}
		for _, pattern := range patterns {
			witness, ok := overlap(pattern, template)
			if !ok || p.Evaluate(Request{Action: action, Resource: witness}) != Allow {
				continue
			}
			g := Grant{Action: action, Resource: pattern, Line: s.Line}
			if inverse != "" {
				g.Resource = inverse
			}
			out = append(out, g)
		}
	}
	return out
}

// covers reports whether the role policy of the plan covers pattern for the action. Of the five parts of the ARN the region
// does not matter, because a project name exists once, and neither does a starred account, because a role reaches its own
// account only. A pattern that matches as a text matches with all it stands for, since what is needed has no `?`.
func covers(needed *Policy, action, pattern, owner string) bool {
	part := strings.SplitN(pattern, ":", 5)
	if len(part) != 5 {
		return false
	}
	part[2] = anyRegion
	if part[3] == "*" {
		part[3] = owner
	}
	if isAccount(part[3]) && isAccount(owner) && part[3] != owner {
		return true // nothing that this role could reach
	}
	return needed.Evaluate(Request{Action: action, Resource: strings.Join(part, ":")}) == Allow
}

// beyondTable lists actions of other services, and those of Log Service that the table does not have.
func beyondTable(p *Policy) []Grant {
	var out []Grant
	for i := range p.Statement {
		s := &p.Statement[i]
		if s.Effect != Allow || s.Principal != nil {
			continue
		}
		actions := slices.Clone(s.Action)
		if s.NotAction != nil {
			actions = []string{"everything but " + strings.Join(s.NotAction, ", ")}
		}
		for _, a := range actions {
			if strings.EqualFold(a, AssumeRole) {
				continue // the caller's policy, or the trust policy; looked at there
			}
			if _, known := Lookup(a); known || isLog(a) && strings.ContainsAny(a, "*?") {
				continue
			}
			out = append(out, Grant{Action: a, Resource: strings.Join(append(slices.Clone(s.Resource), s.NotResource...), ", "), Line: s.Line})
		}
	}
	return out
}

// isLog reports whether an action pattern is of Log Service alone.
func isLog(action string) bool { return strings.HasPrefix(strings.ToLower(action), "log:") }
