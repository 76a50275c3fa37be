package ram

import (
	"fmt"
	"sort"
	"strings"
)

// RoleParts is Role in documents that RAM takes: one, or several if the Logstores are too many for one. Together they allow what
// Role allows; a Logstore is in one of them.
func (p Plan) RoleParts() []*Policy {
	var out []*Policy
	rest := p
	rest.Targets = unique(p.Targets)
	for len(rest.Targets) > 0 {
		one := rest
		one.Targets = rest.Targets[:rest.fitting()]
		rest.Targets = rest.Targets[len(one.Targets):]
		part := one.Role()
		part.Name = p.partName(len(out))
		out = append(out, part)
	}
	return out
}

// fitting is how many of the first targets fit into one document; at least one.
func (p Plan) fitting() int {
	return 1 + sort.Search(len(p.Targets)-1, func(n int) bool {
		more := p
		more.Targets = p.Targets[:n+2]
		return more.Role().Size() > MaxPolicy
	})
}

// partName is the name that a part gets as a custom policy: the first has the name that it would have alone, so that nothing has
// to be renamed when a second one comes.
func (p Plan) partName(i int) string {
	name := p.RoleARN.RoleName() + "-permissions"
	if i > 0 {
		name += fmt.Sprintf("-%d", i+1)
	}
	return policyName(name)
}

// partNames names them for people: "policy x", "policies x, x-2".
func (p Plan) partNames() string {
	var names []string
	for _, part := range p.RoleParts() {
		names = append(names, part.Name)
	}
	if len(names) == 1 {
		return "policy " + names[0]
	}
	return "policies " + strings.Join(names, ", ")
}

// partPurpose is a description for consoles: the Logstores would not fit once there are several parts.
func (p Plan) partPurpose(i, n int) string {
	if n == 1 {
		return p.purpose(RoleDocument)
	}
	return fmt.Sprintf("writes to %d Logstores, part %d of %d", len(unique(p.Targets)), i+1, n)
}

// parts are the documents of one kind: one, but for the role several if it has to be.
func (p Plan) parts(d Document) []*Policy {
	if d == RoleDocument {
		return p.RoleParts()
	}
	return []*Policy{p.Policy(d)}
}
