package ram

import (
	"fmt"
	"slices"
	"strings"
)

// caller looks at the policy of account B's user or role, which must allow assuming the role of the plan.
func (l *linter) caller() {
	role := l.need.RoleARN
	if role != (ARN{}) {
		r := AssumeRequest(role, nil)
		if e, _ := l.relaxed.find(r); e != Allow {
			g := Grant{Action: r.Action, Resource: r.Resource, Hint: Hint(r, l.relaxed)}
			if e == Deny {
				l.add("A220", 0, "Here: "+AssumeRole+" on "+r.Resource+".", "remove the Deny")
			}
			l.report.Missing = append(l.report.Missing, g)
			fix := g.Hint
			if fix == "" {
				fix = `allow "` + AssumeRole + `" on "` + role.String() + `"`
			}
			l.missing([]string{fix})
		}
	}
	for i := range l.policy.Statement {
		s := &l.policy.Statement[i]
		if s.Effect != Allow || s.Principal != nil || !s.action(AssumeRole) {
			continue
		}
		for _, pattern := range s.Resource {
			l.assumes(s, pattern)
		}
	}
	l.report.Extra = append(l.report.Extra, l.callerExtra()...)
}

// assumes looks at one role, or pattern of roles, that may be assumed.
func (l *linter) assumes(s *Statement, pattern string) {
	role := l.need.RoleARN
	what := "the ARN of the one role"
	if role != (ARN{}) {
		what = role.String()
	}
	if Match(pattern, "acs:ram::9:role/q-zz-9") || Match(pattern, "acs:ram::"+l.need.owner()+":role/q-zz-9") {
		l.add("A207", s.Line, fmt.Sprintf("Here: Resource %q.", pattern), "write "+what)
	}
	part := strings.SplitN(pattern, ":", 5)
	if role == (ARN{}) || len(part) != 5 || part[1] != "ram" || !isAccount(part[3]) || part[3] == role.Account {
		return
	}
	if part[3] == l.need.Caller.Account {
		l.add("A223", s.Line, fmt.Sprintf("%s is in the account of the hosts; the Logstore belongs to %s.", pattern, l.need.owner()), "write "+what)
		return
	}
	l.add("A209", s.Line, fmt.Sprintf("%s names account %s; the role is in %s.", pattern, part[3], role.Account), "write "+what)
}

// callerExtra lists every role but the plan's, and every other action.
func (l *linter) callerExtra() []Grant {
	out := extra(l.policy, Plan{})
	for i := range l.policy.Statement {
		s := &l.policy.Statement[i]
		if s.Effect != Allow || s.Principal != nil || !s.action(AssumeRole) {
			continue
		}
		for _, r := range append(slices.Clone(s.Resource), s.NotResource...) {
			if !l.theRole(r) || s.NotResource != nil {
				out = append(out, Grant{Action: AssumeRole, Resource: r, Line: s.Line})
			}
		}
	}
	return out
}

// theRole reports whether a pattern is the plan's role and no other. RAM has no regions, so that part may be a star.
func (l *linter) theRole(pattern string) bool {
	role := l.need.RoleARN
	if role == (ARN{}) {
		return false
	}
	starred := role
	starred.Region = "*"
	return pattern == role.String() || pattern == starred.String()
}
