package ram

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Report is what Lint found out about a document.
type Report struct {
	Document Document  `json:"document,omitempty"` // what it was taken for; empty when it cannot be read
	Allows   bool      `json:"allows"`             // everything that the configuration needs of such a document
	Missing  []Grant   `json:"missing,omitempty"`
	Extra    []Grant   `json:"extra,omitempty"` // what it allows beyond that
	Findings []Finding `json:"findings,omitempty"`
}

// Errors counts the findings that are errors.
func (r Report) Errors() int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == Error {
			n++
		}
	}
	return n
}

// Lint answers for an existing document: would it allow what the configuration needs, what else does it allow, and into which
// of the known traps does it fall? What the plan leaves empty is not checked. The kind of document is told from its content:
// a Principal makes a trust policy, an action of STS or the ARN of a role a caller policy, anything else a role policy.
// Several documents of a role are judged together; see ParseList.
func Lint(data []byte, need Plan) Report {
	parts, err := ParseList(data)
	if err != nil {
		f := trap("A201")
		f.Title = err.Error()
		if e, ok := errors.AsType[*SyntaxError](err); ok {
			f.Line, f.Column, f.Title = e.Line, e.Column, e.Message
		}
		f.Fix = "mend line " + fmt.Sprint(f.Line) + ", or take the document that `shipper policy` writes"
		return Report{Findings: []Finding{f}}
	}
	p := joined(parts)
	l := &linter{policy: p, parts: parts, need: need, report: Report{Document: kindOf(p)}}
	l.relaxed = relax(p)
	switch l.report.Document {
	case TrustDocument:
		l.trust()
	case CallerDocument:
		l.statements()
		l.caller()
	default:
		l.statements()
		l.role()
	}
	l.size()
	l.session()
	r := l.report
	r.Allows = len(r.Missing) == 0
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Code, b.Code))
	})
	r.Findings = slices.Compact(r.Findings)
	return r
}

type linter struct {
	policy  *Policy
	parts   []*Policy // what policy was joined from
	relaxed *Policy   // the same without conditions
	need    Plan
	report  Report
}

// add records a finding. detail is put after the catalogue's explanation.
func (l *linter) add(code string, line int, detail, fix string) {
	l.addAs(code, "", line, detail, fix)
}

func (l *linter) addAs(code string, s Severity, line int, detail, fix string) {
	f := trap(code)
	if s != "" {
		f.Severity = s
	}
	if detail != "" {
		f.Explanation += " " + detail
	}
	f.Line, f.Fix = line, fix
	l.report.Findings = append(l.report.Findings, f)
}

// kindOf guesses what a document is meant to be.
func kindOf(p *Policy) Document {
	kind := RoleDocument
	for i := range p.Statement {
		s := &p.Statement[i]
		if s.Principal != nil && (s.action(AssumeRole) || s.Resource == nil && s.NotResource == nil) {
			return TrustDocument
		}
		for _, a := range s.Action {
			if strings.HasPrefix(strings.ToLower(a), "sts:") {
				kind = CallerDocument
			}
		}
		for _, r := range s.Resource {
			if namesRole(r) {
				kind = CallerDocument
			}
		}
	}
	return kind
}

// namesRole reports whether a resource is a role, or the words that stand for one in examples.
func namesRole(resource string) bool {
	return strings.HasPrefix(resource, "acs:ram:") && strings.Contains(resource, ":role/") ||
		strings.EqualFold(strings.ReplaceAll(resource, " ", ""), "rolearn")
}

// relax drops the conditions: those of Allow are taken to hold, those of Deny not to. The external id stays, it is decided.
func relax(p *Policy) *Policy {
	out := &Policy{Name: p.Name}
	for _, s := range p.Statement {
		rest := slices.DeleteFunc(slices.Clone(s.Condition), func(c Condition) bool { return c.Key != KeyExternalID })
		if s.Effect == Deny && len(rest) < len(s.Condition) {
			continue
		}
		s.Condition = rest
		out.Statement = append(out.Statement, s)
	}
	return out
}

// conditions notes those that Lint cannot decide.
func (l *linter) conditions(s *Statement) {
	for _, c := range s.Condition {
		if c.Key != KeyExternalID {
			l.add("A221", s.Line, fmt.Sprintf("Here: %s only if %s.", s.Effect, c), "")
		}
	}
}

func (l *linter) size() {
	for _, part := range l.parts {
		l.sizeOf(part.Size())
	}
}

func (l *linter) sizeOf(n int) {
	switch {
	case n > MaxPolicy:
		l.add("A218", 0, fmt.Sprintf("This one has %d.", n), "split it into several policies")
	case n > MaxSession && l.report.Document == RoleDocument:
		l.addAs("A218", Note, 0, fmt.Sprintf("This one has %d: fine for a role, too long for a session policy.", n), "")
	}
}

// session looks at what the configuration asks of STS besides documents.
func (l *linter) session() {
	if l.report.Document == RoleDocument {
		return
	}
	if l.need.Duration > DefaultDuration {
		l.add("A214", 0, fmt.Sprintf("The configuration asks for %v.", l.need.Duration),
			fmt.Sprintf("account %s: set the role's maximum session duration to at least %d seconds", l.need.owner(), l.need.maxSession()))
	}
	if l.need.SessionName != "" && !validSession(l.need.SessionName) {
		l.add("A222", 0, fmt.Sprintf("The configuration says %q.", short(l.need.SessionName)), "replace other characters by a hyphen and cut it")
	}
	noted := slices.ContainsFunc(l.report.Findings, func(f Finding) bool { return f.Code == "SHP-A213" })
	if !noted && l.need.Caller.Account != "" && (l.need.Caller.Kind == Root || l.need.Caller.Kind == "") {
		l.add("A213", 0, "", "use the key of a RAM user or a role of account "+l.need.Caller.Account)
	}
}
