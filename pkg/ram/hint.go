package ram

import (
	"fmt"
	"strings"
)

// Hint explains a denial: it looks for the Allow statement that came nearest and says what would have to change. It is empty
// when nothing came near.
func Hint(r Request, policies ...*Policy) string {
	best := ""
	for _, p := range policies {
		if p == nil {
			continue
		}
		for i := range p.Statement {
			s := &p.Statement[i]
			if s.Effect != Allow {
				continue
			}
			switch act, res := s.action(r.Action), s.resource(r.Resource); {
			case act && res && s.Principal != nil:
				return fmt.Sprintf("statement %d has a Principal, which only a trust policy may have", i+1)
			case act && res:
				return conditionHint(s, i, r.Context)
			case act:
				if h := resourceHint(s, r.Resource); h != "" {
					return h
				}
				if best == "" {
					best = fmt.Sprintf("statement %d allows %s, but not on %s", i+1, r.Action, r.Resource)
				}
			case res && best == "":
				best = actionHint(s, i, r.Action)
			}
		}
	}
	return best
}

func conditionHint(s *Statement, at int, ctx Context) string {
	for _, c := range s.Condition {
		if !c.Holds(ctx) {
			return fmt.Sprintf("statement %d would allow it, but its condition does not hold: %s", at+1, c)
		}
	}
	return ""
}

// resourceHint recognises the usual ways to miss a resource.
func resourceHint(s *Statement, resource string) string {
	for _, pattern := range s.Resource {
		if bare, ok := strings.CutSuffix(pattern, "/*"); ok && Match(bare, resource) {
			return fmt.Sprintf("would match if %s were listed too: %s stands for what is below it, not for itself", bare, pattern)
		}
		if Match(pattern+"/*", resource) {
			return fmt.Sprintf("would match if %s/* were listed too", pattern)
		}
		if eaten(pattern) && Match(restore(pattern), resource) {
			return fmt.Sprintf("%s has lost its asterisks: write %s", pattern, restore(pattern))
		}
		if MatchFold(pattern, resource) {
			return fmt.Sprintf("resources are compared with regard to case: %s is not %s", pattern, resource)
		}
		p, q := strings.SplitN(pattern, ":", 5), strings.SplitN(resource, ":", 5)
		if len(p) != 5 || len(q) != 5 || !Match(p[4], q[4]) || p[1] != q[1] {
			continue
		}
		switch {
		case !Match(p[3], q[3]):
			return fmt.Sprintf("would match if the account in %s were %s, the owner", pattern, q[3])
		case !Match(p[2], q[2]):
			return fmt.Sprintf("would match if the region in %s were * or %s", pattern, q[2])
		}
	}
	return ""
}

// actionHint recognises names of actions that are nearly right.
func actionHint(s *Statement, at int, action string) string {
	for _, a := range s.Action {
		if meant := meant(a); meant != "" && strings.EqualFold(meant, action) {
			return fmt.Sprintf("statement %d says %q; the action is called %s", at+1, a, meant)
		}
	}
	return fmt.Sprintf("statement %d allows the resource, but not %s", at+1, action)
}

// eaten reports whether a pattern looks as if a Markdown renderer had swallowed its asterisks: acs:log::UID:project/.
// An empty region is legal for RAM only.
func eaten(pattern string) bool {
	p := strings.SplitN(pattern, ":", 5)
	return len(p) == 5 && p[0] == "acs" && p[1] == "log" && (p[2] == "" || strings.HasSuffix(p[4], "/"))
}

// restore puts the asterisks back.
func restore(pattern string) string {
	p := strings.SplitN(pattern, ":", 5)
	if p[2] == "" {
		p[2] = "*"
	}
	if p[3] == "" {
		p[3] = "*"
	}
	if rest := p[4]; strings.HasSuffix(rest, "/") {
		// project/ meant every project; project/P/logstore/L/ meant one Logstore, which is checked without the slash
		if strings.Count(rest, "/") == 1 || strings.HasSuffix(rest, "/logstore/") {
			p[4] += "*"
		} else {
			p[4] = strings.TrimSuffix(rest, "/")
		}
	}
	return strings.Join(p, ":")
}

// meant turns the spellings that circulate into the name that the service checks: the consumer-group actions without their
// prefix (help: action list), blanks after the colon (translated tables). It is empty when the name is fine or unknown.
func meant(action string) string {
	tidy := strings.ReplaceAll(action, " ", "")
	switch strings.ToLower(tidy) {
	case "log:updatecheckpoint":
		return "log:ConsumerGroupUpdateCheckPoint"
	case "log:heartbeat":
		return "log:ConsumerGroupHeartBeat"
	case "log:getcheckpoint":
		return "log:GetConsumerGroupCheckPoint"
	case "log:putlogs", "log:postlogs":
		return "log:PostLogStoreLogs"
	}
	if tidy != action {
		return tidy
	}
	return ""
}
