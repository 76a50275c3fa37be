package ram

import (
	"fmt"
	"slices"
	"strings"
)

// statements looks at each statement of a permission policy by itself.
func (l *linter) statements() {
	for i := range l.policy.Statement {
		s := &l.policy.Statement[i]
		if s.Principal != nil {
			l.add("A212", s.Line, "", "remove the Principal here; put it into the trust policy of the role")
		}
		l.conditions(s)
		if s.Effect != Allow {
			continue
		}
		l.actions(s)
		for _, r := range s.Resource {
			l.resource(s, r)
		}
		if s.NotResource != nil {
			l.add("A206", s.Line, "NotResource allows everything but what it lists.", "list the Logstore in Resource")
		}
	}
}

// actions finds names that are wrong, wide or foreign.
func (l *linter) actions(s *Statement) {
	if s.NotAction != nil {
		l.add("A217", s.Line, "NotAction allows every action but "+strings.Join(s.NotAction, ", ")+".", "list the actions in Action")
	}
	var foreign []string
	for _, a := range s.Action {
		_, known := Lookup(a)
		right := meant(a)
		switch {
		case known:
			l.spelling(s, a)
		case a == "*":
			l.add("A217", s.Line, "A star on its own is every action of every service.", "list the actions: "+strings.Join(l.wanted(), ", "))
		case right != "" && right == strings.ReplaceAll(a, " ", ""):
			l.addAs("A216", Error, s.Line, fmt.Sprintf("%q has a blank in it.", short(a)), "write "+canonical(right))
		case right != "":
			l.add("A210", s.Line, fmt.Sprintf("%q is checked as %s.", a, right), "write "+right)
		case !strings.Contains(a, ":"):
			l.addAs("A216", Error, s.Line, fmt.Sprintf("%q is not of the form service:Name.", short(a)), "")
		case isLog(a) && strings.ContainsAny(a, "*?"):
			l.wild(s, a)
		case isLog(a):
			l.add("A216", s.Line, fmt.Sprintf("%q is not in it.", short(a)), "look the name up in the documentation of the API")
		case strings.EqualFold(a, AssumeRole):
		default:
			foreign = append(foreign, a)
		}
	}
	if len(foreign) == 0 {
		return
	}
	detail := "Here: " + short(strings.Join(foreign, ", ")) + "."
	if l.report.Document == CallerDocument && slices.ContainsFunc(s.Resource, namesRole) {
		l.add("A204", s.Line, detail, `write "Action": "`+AssumeRole+`"`+l.onRole())
		return
	}
	l.add("A224", s.Line, detail, "remove them, or put them into a policy of their own")
}

func (l *linter) onRole() string {
	if l.need.RoleARN == (ARN{}) {
		return ""
	}
	return `, "Resource": "` + l.need.RoleARN.String() + `"`
}

// spelling notes a name whose letters have another case than the service's.
func (l *linter) spelling(s *Statement, action string) {
	if name := canonical(action); name != action {
		l.addAs("A216", Note, s.Line, fmt.Sprintf("%q is written %s; RAM does not promise to ignore case.", action, name), "write "+name)
	}
}

func canonical(action string) string {
	if a, ok := Lookup(action); ok {
		return a.Name
	}
	return action
}

// wild warns of a pattern of log actions that matches more than is needed.
func (l *linter) wild(s *Statement, pattern string) {
	var more []string
	for _, a := range table {
		if MatchFold(pattern, a.Name) && !slices.Contains(l.wanted(), a.Name) {
			more = append(more, a.Name)
		}
	}
	if len(more) > 0 {
		l.add("A217", s.Line, fmt.Sprintf("%s also matches %s.", pattern, short(strings.Join(more, ", "))), "list the actions: "+strings.Join(l.wanted(), ", "))
	}
}

// wanted are the actions that the role needs.
func (l *linter) wanted() []string {
	out := []string{WriteAction}
	if l.need.readsAny() {
		out = append(out, ReadActions()...)
	}
	for _, a := range l.need.Actions {
		if name := canonical(a); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// resource looks at one pattern of an Allow statement.
func (l *linter) resource(s *Statement, pattern string) {
	if placeholder(pattern) {
		l.add("A215", s.Line, fmt.Sprintf("%q is not a resource.", short(pattern)), "put the real name in its place")
	}
	if eaten(pattern) {
		l.add("A203", s.Line, fmt.Sprintf("%q", short(pattern)), "write "+restore(pattern))
		return
	}
	if l.report.Document == CallerDocument && namesRole(pattern) {
		return
	}
	part := strings.SplitN(pattern, ":", 5)
	owner := l.need.owner()
	if len(part) == 5 && part[1] == "log" && isAccount(part[3]) && isAccount(owner) && part[3] != owner {
		whose := "which the configuration does not know"
		if part[3] == l.need.Caller.Account {
			whose = "the account of the hosts"
		}
		l.add("A209", s.Line, fmt.Sprintf("%s names %s, %s; the project belongs to %s.", short(pattern), part[3], whose, owner), "write "+owner+" in its place")
	}
	l.width(s, pattern)
	l.below(s, pattern)
}

// width warns of patterns that reach beyond one Logstore.
func (l *linter) width(s *Statement, pattern string) {
	v := others(l.need)
	reach := func(project, logstore string) bool {
		v.Project, v.Logstore = project, logstore
		list, err := Resources(WriteAction, v)
		return err == nil && Match(pattern, list[0])
	}
	if !slices.ContainsFunc(s.Action, func(a string) bool { return a == "*" || isLog(a) }) && s.NotAction == nil {
		return
	}
	const odd = "q-zz-9" // fits a pattern only if anything does
	if reach(odd, odd) {
		l.add("A206", s.Line, fmt.Sprintf("%q covers every project of the account.", pattern), l.bare())
		return
	}
	for _, t := range l.targets(pattern) {
		if reach(t, odd) {
			l.add("A206", s.Line, fmt.Sprintf("%q covers every Logstore of project %s.", pattern, t), l.bare())
			return
		}
	}
}

// targets are the projects that a pattern may be about: the plan's, and the one that it spells out.
func (l *linter) targets(pattern string) []string {
	var out []string
	for _, t := range l.need.Targets {
		out = append(out, t.Project)
	}
	if _, rest, ok := strings.Cut(pattern, ":project/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		out = append(out, name)
	}
	return out
}

func (l *linter) bare() string {
	if len(l.need.Targets) == 0 {
		return "write acs:log:*:UID:project/PROJECT/logstore/LOGSTORE"
	}
	return "write " + strings.Join(l.need.logstores(""), ", ")
}

// below finds the two halves of one trap: NAME/* does not match NAME, and NAME does not match what is below it.
func (l *linter) below(s *Statement, pattern string) {
	bare, star := strings.CutSuffix(pattern, "/*")
	_, name, ok := strings.Cut(bare, "/logstore/")
	if !ok || strings.Contains(name, "/") {
		return
	}
	if star {
		if denied := l.unreached(s, bare, oneLogstore); len(denied) > 0 {
			l.add("A202", s.Line, fmt.Sprintf("%s does not permit %s.", pattern, strings.Join(denied, ", ")),
				"list "+bare+" as well (or instead, if there is nothing to read back)")
		}
		return
	}
	if strings.ContainsAny(name, "*") {
		return
	}
	if denied := l.unreached(s, bare+"/*", oneConsumer, allConsumer); len(denied) > 0 {
		l.add("A229", s.Line, fmt.Sprintf("%s does not permit %s.", pattern, strings.Join(denied, ", ")), "list "+bare+"/* as well")
	}
}

// unreached lists the actions that the statement names, or that are needed and it allows, which are checked against one of
// the templates and which nothing in the document allows there.
func (l *linter) unreached(s *Statement, pattern string, templates ...string) []string {
	var out []string
	for _, a := range table {
		named := matchAny(strings.EqualFold, s.Action, a.Name) || slices.Contains(l.wanted(), a.Name)
		if !named || !s.action(a.Name) || len(a.Resources) != 1 || !slices.Contains(templates, a.Resources[0]) {
			continue
		}
		witness, ok := overlap(pattern, tokens(a.Resources[0], others(l.need)))
		if ok && l.relaxed.Evaluate(Request{Action: a.Name, Resource: witness}) == NoMatch {
			out = append(out, a.Name)
		}
	}
	return out
}

// placeholder recognises the text of examples: <account id>, {projectName}, ${logstoreName}, Role Arn.
func placeholder(s string) bool {
	return strings.ContainsAny(s, "<>{}") || strings.Contains(s, " ") || namesRole(s) && !strings.HasPrefix(s, "acs:")
}

// role puts the questions of the configuration and lists what else is allowed.
func (l *linter) role() {
	var hints []string
	for _, r := range l.need.Needs() {
		e, at := l.relaxed.find(r)
		if e == Allow {
			continue
		}
		g := Grant{Action: r.Action, Resource: r.Resource}
		if e == Deny {
			g.Line = l.relaxed.Statement[at].Line
			g.Hint = "remove the Deny, or make it narrower"
			l.add("A220", g.Line, fmt.Sprintf("Here: %s on %s.", r.Action, r.Resource), g.Hint)
		} else {
			g.Hint = Hint(r, l.relaxed)
		}
		if g.Hint != "" && !slices.Contains(hints, g.Hint) {
			hints = append(hints, g.Hint)
		}
		l.report.Missing = append(l.report.Missing, g)
	}
	l.missing(hints)
	l.report.Extra = extra(l.policy, l.need)
}

// missing sums up what is not allowed in one finding.
func (l *linter) missing(hints []string) {
	if len(l.report.Missing) == 0 {
		return
	}
	var list []string
	for _, g := range l.report.Missing {
		list = append(list, g.Action+" on "+g.Resource)
	}
	const most = 8
	if n := len(list) - most; n > 0 {
		list = append(list[:most], fmt.Sprintf("and %d more", n))
	}
	l.add("A226", 0, strings.Join(list, "; ")+".", strings.Join(hints, "; "))
}
