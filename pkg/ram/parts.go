package ram

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// MaxList is what ParseList accepts at all, in bytes.
const MaxList = MaxAttached * MaxParse

// ParseList reads one document, or an array of documents that belong together, as `shipper policy role` writes it for many
// Logstores. Lines are those of the whole text. Every error is a *SyntaxError.
func ParseList(data []byte) ([]*Policy, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) || len(data) > MaxList {
		p, err := Parse(data)
		if err != nil {
			return nil, err
		}
		return []*Policy{p}, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, &SyntaxError{Line: 1, Column: 1, Message: err.Error()}
	}
	var out []*Policy
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			_, err := Parse(data) // it names the place
			return nil, err
		}
		above := bytes.Count(data[:int(d.InputOffset())-len(raw)], []byte("\n"))
		p, err := Parse(raw)
		if e, ok := errors.AsType[*SyntaxError](err); ok {
			e.Line += above
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p.lower(above))
	}
	_, closed := d.Token()
	if _, end := d.Token(); closed != nil || end != io.EOF || len(out) == 0 {
		_, err := Parse(data)
		return nil, err
	}
	return out, nil
}

// lower moves a document down by so many lines.
func (p *Policy) lower(lines int) *Policy {
	for i := range p.Statement {
		s := &p.Statement[i]
		s.Line += lines
		for k := range s.Condition {
			s.Condition[k].Line += lines
		}
	}
	return p
}

// joined is what several documents allow and deny together.
func joined(list []*Policy) *Policy {
	if len(list) == 1 {
		return list[0]
	}
	out := &Policy{}
	for _, p := range list {
		out.Statement = append(out.Statement, p.Statement...)
	}
	return out
}
