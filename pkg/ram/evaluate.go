package ram

import "fmt"

// Decision is an answer with its reason.
type Decision struct {
	Allowed  bool
	Explicit bool   // a statement said so: true for every Allow and for a Deny statement, false when nothing allowed it
	By       string // which document and statement decided: `policy "writer", statement 2`
	Hint     string // for a denial: what nearly matched, and what would; may be empty
}

// Evaluate asks this document alone: Deny if any statement denies, else Allow if any allows, else NoMatch. A nil document
// and statements with a Principal (RAM refuses those in a permission policy) match nothing.
func (p *Policy) Evaluate(r Request) Effect {
	e, _ := p.find(r)
	return e
}

// find is Evaluate that also returns the index of the statement that decided.
func (p *Policy) find(r Request) (Effect, int) {
	if p == nil {
		return NoMatch, -1
	}
	answer, at := NoMatch, -1
	for i := range p.Statement {
		s := &p.Statement[i]
		if s.Principal != nil || !s.action(r.Action) || !s.resource(r.Resource) || !s.holds(r.Context) {
			continue
		}
		if s.Effect == Deny {
			return Deny, i
		}
		if answer == NoMatch {
			answer, at = s.Effect, i
		}
	}
	return answer, at
}

func (s *Statement) action(action string) bool {
	if s.NotAction != nil {
		return !matchAny(MatchFold, s.NotAction, action)
	}
	return matchAny(MatchFold, s.Action, action)
}

func (s *Statement) resource(resource string) bool {
	if s.NotResource != nil {
		return !matchAny(Match, s.NotResource, resource)
	}
	return matchAny(Match, s.Resource, resource)
}

func (s *Statement) holds(ctx Context) bool {
	for _, c := range s.Condition {
		if !c.Holds(ctx) {
			return false
		}
	}
	return true
}

// Decide answers for a caller with these identity policies, whose session may carry a policy of its own (nil: it does not).
// The session policy is asked first and can only narrow: unless it allows, the answer is no. Then a Deny of any identity
// policy beats every Allow. (RAM: policy evaluation process.)
func Decide(r Request, session *Policy, identity ...*Policy) Decision {
	if session != nil {
		e, at := session.find(r)
		switch e {
		case Deny:
			return Decision{Explicit: true, By: named(session, "session policy", at), Hint: "a session policy narrows the role; this one denies it"}
		case NoMatch:
			return Decision{By: "session policy, no statement allows it", Hint: Hint(r, session)}
		}
	}
	var allowed *Decision
	for i, p := range identity {
		title := "identity policy"
		if len(identity) > 1 {
			title = fmt.Sprintf("identity policy %d", i+1)
		}
		e, at := p.find(r)
		switch {
		case e == Deny:
			return Decision{Explicit: true, By: named(p, title, at), Hint: "an explicit Deny beats every Allow"}
		case e == Allow && allowed == nil:
			allowed = &Decision{Allowed: true, Explicit: true, By: named(p, title, at)}
		}
	}
	if allowed != nil {
		return *allowed
	}
	if len(identity) == 0 {
		return Decision{By: "no policy is attached"}
	}
	return Decision{By: "no statement of the attached policies allows it", Hint: Hint(r, identity...)}
}

// named says which statement of which document.
func named(p *Policy, title string, at int) string {
	if p.Name != "" {
		title = fmt.Sprintf("%s %q", title, p.Name)
	}
	return fmt.Sprintf("%s, statement %d", title, at+1)
}
