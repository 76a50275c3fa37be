package ram

import (
	"fmt"
	"slices"
	"strings"
)

// trust looks at the trust policy of the role in account A.
func (l *linter) trust() {
	trusted := l.trusted()
	for i := range l.policy.Statement {
		s := &l.policy.Statement[i]
		l.conditions(s)
		if s.Resource != nil || s.NotResource != nil {
			l.add("A211", s.Line, "", "remove the Resource")
		}
		if s.Effect != Allow {
			continue
		}
		if s.Principal == nil {
			l.addAs("A227", Warning, s.Line, "This statement has no Principal, so it trusts nobody.", "")
			continue
		}
		if !s.action(AssumeRole) {
			l.add("A204", s.Line, "Here: "+short(strings.Join(s.Action, ", "))+".", `write "Action": "`+AssumeRole+`"`)
			continue
		}
		if s.NotAction != nil || !slices.ContainsFunc(s.Action, func(a string) bool { return strings.EqualFold(a, AssumeRole) }) {
			l.add("A217", s.Line, "A trust policy needs "+AssumeRole+" only.", `write "Action": "`+AssumeRole+`"`)
		}
		for _, entry := range s.Principal.RAM {
			l.principal(s, entry, trusted)
		}
		for _, entry := range append(slices.Clone(s.Principal.Service), s.Principal.Federated...) {
			if !strings.EqualFold(entry, l.need.Caller.ARN()) {
				l.stranger(s, entry)
			}
		}
	}
	if l.need.Caller != (Principal{}) {
		l.externalID()
		if !trusted {
			l.untrusted()
		}
	}
}

// anyone are the callers for whom the plan's question is put: the named one, or, when only an account is known, anybody whom
// the document might mean in it.
func (l *linter) anyone() []Principal {
	c := l.need.Caller
	if c.Kind != Root && c.Kind != "" {
		return []Principal{c}
	}
	out := []Principal{{Account: c.Account, Kind: User, Name: anyName}}
	for i := range l.policy.Statement {
		if p := l.policy.Statement[i].Principal; p != nil {
			for _, entry := range p.RAM {
				if q, err := ParsePrincipal(entry); err == nil && q.Account == c.Account && q.Kind != Root {
					out = append(out, q)
				}
			}
		}
	}
	return out
}

// asked is what the configuration sends along with AssumeRole.
func (l *linter) asked() Context {
	if l.need.ExternalID == "" {
		return nil
	}
	return Context{KeyExternalID: l.need.ExternalID}
}

func (l *linter) trusted() bool { return l.lets(l.asked()) }

func (l *linter) lets(ctx Context) bool {
	return slices.ContainsFunc(l.anyone(), func(c Principal) bool { return TrustDecide(l.relaxed, c, ctx).Allowed })
}

// principal looks at one entry of Principal.RAM.
func (l *linter) principal(s *Statement, entry string, trusted bool) {
	caller := l.need.Caller
	fix := "the ARN of the user or role of the hosts"
	if caller.Account != "" {
		fix = caller.ARN()
	}
	if placeholder(entry) {
		l.add("A215", s.Line, fmt.Sprintf("%q is not a principal.", short(entry)), "write "+fix)
		return
	}
	if strings.ContainsAny(entry, "*?") {
		l.add("A225", s.Line, fmt.Sprintf("Here: %q.", short(entry)), "write "+fix)
		l.also(s, entry)
		return
	}
	q, err := ParsePrincipal(entry)
	switch {
	case err != nil:
		l.add("A227", s.Line, err.Error()+".", "write "+fix)
	case caller.Account != "" && q.Account != caller.Account && !trusted:
		detail := fmt.Sprintf("%s is trusted; the hosts are in account %s.", entry, caller.Account)
		if q.Account == l.need.owner() {
			detail += " This is the account of the Logstore itself."
		}
		l.add("A209", s.Line, detail, "write "+fix)
		l.also(s, entry)
	case q.Kind == Root:
		if caller.Kind == Root {
			fix = "acs:ram::" + q.Account + ":role/NAME or :user/NAME"
		}
		l.add("A205", s.Line, fmt.Sprintf("Here: account %s.", q.Account), "write "+fix)
		l.add("A213", s.Line, "", "use the key of a RAM user or a role")
		if caller.Kind != Root || caller.Account != q.Account {
			l.also(s, entry)
		}
	case caller.Account != "" && !(&Principals{RAM: []string{entry}}).trusts(l.named(q)):
		l.stranger(s, entry)
	}
}

// named is the caller, or q itself when the plan names an account only.
func (l *linter) named(q Principal) Principal {
	c := l.need.Caller
	if (c.Kind == Root || c.Kind == "") && c.Account == q.Account {
		return q
	}
	return c
}

// stranger records somebody who is trusted besides the caller.
func (l *linter) stranger(s *Statement, entry string) {
	l.add("A228", s.Line, fmt.Sprintf("Here: %s.", short(entry)), "remove it unless something else needs the role")
	l.also(s, entry)
}

// also lists somebody as trusted beyond what is needed.
func (l *linter) also(s *Statement, entry string) {
	l.report.Extra = append(l.report.Extra, Grant{Action: AssumeRole, Principal: entry, Line: s.Line})
}

// externalID compares what the document demands with what the configuration sends.
func (l *linter) externalID() {
	demanded, fits := "", false
	for i := range l.policy.Statement {
		for _, c := range l.policy.Statement[i].Condition {
			if c.Key == KeyExternalID {
				demanded = strings.Join(c.Values, " or ")
				fits = fits || c.Holds(l.asked())
			} else if strings.EqualFold(c.Key, KeyExternalID) {
				l.addAs("A219", Warning, c.Line, fmt.Sprintf("The key is spelt %q.", c.Key), "write "+KeyExternalID)
			}
		}
	}
	switch {
	case l.need.ExternalID != "" && l.lets(nil):
		l.add("A208", 0, "", `add "Condition": { "StringEquals": { "`+KeyExternalID+`": "`+l.need.ExternalID+`" } }`)
	case demanded != "" && l.need.ExternalID == "" && !l.lets(nil):
		l.add("A219", 0, "It sends none.", "set external_id in the configuration to the value that the trust policy demands")
	case demanded != "" && l.need.ExternalID != "" && !fits:
		l.add("A219", 0, fmt.Sprintf("Demanded: %s.", short(demanded)), "make the two equal")
	}
}

// untrusted says that the caller cannot assume the role, and why.
func (l *linter) untrusted() {
	d := TrustDecide(l.relaxed, l.anyone()[0], l.asked())
	if d.Explicit {
		l.add("A220", 0, "Here: "+d.By+".", "remove the Deny, or make it narrower")
	}
	l.add("A227", 0, "The hosts are "+l.need.Caller.ARN()+".", d.Hint)
	l.report.Missing = append(l.report.Missing, Grant{Action: AssumeRole, Principal: l.need.Caller.ARN(), Hint: d.Hint})
}
