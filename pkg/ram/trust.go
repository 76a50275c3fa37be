package ram

import (
	"fmt"
	"strings"
)

// TrustDecide answers whether the trust policy of a role lets caller assume it. It is one half: the caller's own policies
// must allow AssumeRequest too, even within one account.
//
// `acs:ram::UID:root` means every RAM user and every role of the account, but never the account's own key: Alibaba Cloud
// refuses that one whatever the documents say. A Resource in a trust policy is not looked at.
func TrustDecide(trust *Policy, caller Principal, ctx Context) Decision {
	if caller.Kind == Root || caller.Kind == "" {
		return Decision{
			Explicit: true,
			By:       "Roles may not be assumed by root accounts",
			Hint:     "use the key of a RAM user or a role of account " + caller.Account,
		}
	}
	if trust == nil {
		return Decision{By: "the role has no trust policy"}
	}
	answer := Decision{By: "no statement of the trust policy allows it"}
	for i := range trust.Statement {
		s := &trust.Statement[i]
		if !s.action(AssumeRole) || !s.Principal.trusts(caller) || !s.holds(ctx) {
			continue
		}
		if s.Effect == Deny {
			return Decision{Explicit: true, By: named(trust, "trust policy", i), Hint: "an explicit Deny beats every Allow"}
		}
		if !answer.Allowed {
			answer = Decision{Allowed: true, Explicit: true, By: named(trust, "trust policy", i)}
		}
	}
	if !answer.Allowed {
		answer.Hint = trustHint(trust, caller, ctx)
	}
	return answer
}

// trusts reports whether caller is among the principals. Names of roles compare without regard to case, because RAM shows
// them in lower case whatever they were created as.
func (p *Principals) trusts(caller Principal) bool {
	if p == nil {
		return false
	}
	switch caller.Kind {
	case Service:
		return containsFold(p.Service, caller.Name)
	case Federated:
		return containsFold(p.Federated, caller.ARN())
	}
	for _, entry := range p.RAM {
		if entry == "*" {
			return true
		}
		q, err := ParsePrincipal(entry)
		if err != nil || q.Account != caller.Account {
			continue
		}
		switch {
		case q.Kind == Root:
			return true
		case q.Kind != caller.Kind:
		case q.Kind == Role && strings.EqualFold(q.Name, caller.Name) && (q.Session == "" || q.Session == caller.Session):
			return true
		case q.Kind == User && q.Name == caller.Name:
			return true
		}
	}
	return false
}

func containsFold(list []string, s string) bool {
	return matchAny(strings.EqualFold, list, s)
}

// trustHint says what the nearest statement of a trust policy lacks.
func trustHint(trust *Policy, caller Principal, ctx Context) string {
	for i := range trust.Statement {
		s := &trust.Statement[i]
		if s.Effect != Allow || !s.Principal.trusts(caller) {
			continue
		}
		if !s.action(AssumeRole) {
			return fmt.Sprintf("statement %d trusts the caller but allows %s, not %s", i+1, strings.Join(s.Action, ", "), AssumeRole)
		}
		for _, c := range s.Condition {
			if c.Holds(ctx) {
				continue
			}
			if got, ok := ctx[c.Key]; ok {
				return fmt.Sprintf("statement %d trusts the caller, but its condition on %s does not fit %q", i+1, c.Key, short(got))
			}
			return fmt.Sprintf("statement %d trusts the caller, but demands %s and the request carries none", i+1, c.Key)
		}
	}
	var names []string
	for i := range trust.Statement {
		if p := trust.Statement[i].Principal; p != nil {
			names = append(names, p.all()...)
		}
	}
	if len(names) == 0 {
		return "the document names no Principal, so it trusts nobody"
	}
	return fmt.Sprintf("it trusts %s; list %s", short(strings.Join(names, ", ")), caller.ARN())
}

// all lists every entry.
func (p *Principals) all() []string {
	var out []string
	out = append(out, p.RAM...)
	out = append(out, p.Service...)
	return append(out, p.Federated...)
}
