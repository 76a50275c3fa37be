package ram

import (
	"fmt"
	"slices"
	"strings"
)

// Parse reads one RAM document. It is strict: an unknown element, a duplicate, a wrong type or a missing element is an error,
// as is anything larger than MaxParse. Every error is a *SyntaxError.
func Parse(data []byte) (*Policy, error) {
	p := &parser{scanner{src: data}}
	if len(data) > MaxParse {
		return nil, p.fail(MaxParse, "the document is longer than the %d bytes that are read: RAM takes %d characters", MaxParse, MaxPolicy)
	}
	root, err := scan(data)
	if err != nil {
		return nil, err
	}
	return p.policy(root)
}

type parser struct{ scanner }

func (p *parser) policy(root node) (*Policy, error) {
	if root.kind != '{' {
		return nil, p.fail(root.at, "a policy is an object: { \"Version\": \"1\", \"Statement\": [ … ] }")
	}
	if err := p.known(root, "the document", "Version", "Statement"); err != nil {
		return nil, err
	}
	version, ok := root.get("Version")
	if !ok {
		return nil, p.fail(root.at, `"Version": "1" is missing`)
	}
	if version.kind != '"' || version.text != "1" {
		return nil, p.fail(version.at, `Version must be the string "1"`)
	}
	list, ok := root.get("Statement")
	if !ok {
		return nil, p.fail(root.at, "Statement is missing")
	}
	items := list.items
	switch {
	case list.kind == '{':
		items = []node{list}
	case list.kind != '[':
		return nil, p.fail(list.at, "Statement must be an array or an object")
	case len(items) == 0:
		return nil, p.fail(list.at, "Statement is empty")
	}
	out := &Policy{}
	for _, item := range items {
		s, err := p.statement(item)
		if err != nil {
			return nil, err
		}
		out.Statement = append(out.Statement, s)
	}
	return out, nil
}

var elements = []string{"Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"}

func (p *parser) statement(n node) (Statement, error) {
	s := Statement{}
	s.Line, _ = place(p.src, n.at)
	if n.kind != '{' {
		return s, p.fail(n.at, "a statement is an object")
	}
	if err := p.known(n, "a statement", elements...); err != nil {
		return s, err
	}
	effect, ok := n.get("Effect")
	switch {
	case !ok:
		return s, p.fail(n.at, "Effect is missing in this statement")
	case effect.kind == '"' && effect.text == "Allow":
		s.Effect = Allow
	case effect.kind == '"' && effect.text == "Deny":
		s.Effect = Deny
	default:
		return s, p.fail(effect.at, `Effect must be "Allow" or "Deny"`)
	}
	for _, e := range []struct {
		key string
		to  *[]string
	}{{"Action", &s.Action}, {"NotAction", &s.NotAction}, {"Resource", &s.Resource}, {"NotResource", &s.NotResource}} {
		if v, ok := n.get(e.key); ok {
			list, err := p.strings(v, e.key)
			if err != nil {
				return s, err
			}
			*e.to = list
		}
	}
	var err error
	if v, ok := n.get("Principal"); ok {
		if s.Principal, err = p.principals(v); err != nil {
			return s, err
		}
	}
	if v, ok := n.get("Condition"); ok {
		if s.Condition, err = p.conditions(v); err != nil {
			return s, err
		}
	}
	return s, p.complete(n, s)
}

// complete checks which elements stand together. Resource may be missing in a trust policy only.
func (p *parser) complete(n node, s Statement) error {
	switch {
	case s.Action != nil && s.NotAction != nil:
		return p.fail(n.at, "this statement has both Action and NotAction")
	case s.Action == nil && s.NotAction == nil:
		return p.fail(n.at, "Action is missing in this statement")
	case s.Resource != nil && s.NotResource != nil:
		return p.fail(n.at, "this statement has both Resource and NotResource")
	case s.Resource == nil && s.NotResource == nil && s.Principal == nil:
		return p.fail(n.at, "Resource is missing in this statement (only a trust policy, which has a Principal, goes without)")
	}
	return nil
}

func (p *parser) principals(n node) (*Principals, error) {
	out := &Principals{}
	if n.kind == '"' || n.kind == '[' {
		list, err := p.strings(n, "Principal")
		out.RAM = list
		return out, err
	}
	if n.kind != '{' {
		return nil, p.fail(n.at, "Principal must be an object with RAM, Service or Federated")
	}
	if err := p.known(n, "Principal", "RAM", "Service", "Federated"); err != nil {
		return nil, err
	}
	if len(n.members) == 0 {
		return nil, p.fail(n.at, "Principal names nobody")
	}
	for _, m := range n.members {
		list, err := p.strings(m.val, m.key)
		if err != nil {
			return nil, err
		}
		switch m.key {
		case "RAM":
			out.RAM = list
		case "Service":
			out.Service = list
		case "Federated":
			out.Federated = list
		}
	}
	return out, nil
}

func (p *parser) conditions(n node) ([]Condition, error) {
	if n.kind != '{' {
		return nil, p.fail(n.at, "Condition must be an object: { operator: { key: value } }")
	}
	var out []Condition
	for _, op := range n.members {
		if _, ok := operators[op.key]; !ok {
			return nil, p.fail(op.at, "unknown condition operator %q%s", short(op.key), suggest(op.key, operatorNames()))
		}
		if op.val.kind != '{' {
			return nil, p.fail(op.val.at, "%s must be an object: { key: value }", op.key)
		}
		for _, m := range op.val.members {
			c := Condition{Operator: op.key, Key: m.key}
			c.Line, _ = place(p.src, op.at)
			var err error
			if c.Values, err = p.scalars(m.val, m.key); err != nil {
				return nil, err
			}
			for _, v := range c.Values {
				if err := operators[op.key].check(v); err != nil {
					return nil, p.fail(m.val.at, "%s of %s: %v", op.key, short(m.key), err)
				}
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// strings reads a string or an array of them, not empty.
func (p *parser) strings(n node, what string) ([]string, error) {
	items := n.items
	if n.kind == '"' {
		items = []node{n}
	} else if n.kind != '[' {
		return nil, p.fail(n.at, "%s must be a string or an array of strings", what)
	}
	if len(items) == 0 {
		return nil, p.fail(n.at, "%s is empty", what)
	}
	out := make([]string, 0, len(items))
	for _, i := range items {
		if i.kind != '"' {
			return nil, p.fail(i.at, "an entry of %s is not a string", what)
		}
		if i.text == "" {
			return nil, p.fail(i.at, "an entry of %s is empty", what)
		}
		out = append(out, i.text)
	}
	return out, nil
}

// scalars reads the values of a condition key, where numbers and booleans are welcome too.
func (p *parser) scalars(n node, what string) ([]string, error) {
	items := n.items
	if n.kind != '[' {
		items = []node{n}
	}
	if len(items) == 0 {
		return nil, p.fail(n.at, "%q has no value", short(what))
	}
	out := make([]string, 0, len(items))
	for _, i := range items {
		if i.kind != '"' && i.kind != '0' && i.kind != 't' {
			return nil, p.fail(i.at, "the value of %q must be a string, a number or a boolean", short(what))
		}
		out = append(out, i.text)
	}
	return out, nil
}

// known refuses elements that RAM does not have.
func (p *parser) known(n node, where string, names ...string) error {
	for _, m := range n.members {
		if !slices.Contains(names, m.key) {
			return p.fail(m.at, "unknown element %q in %s%s", short(m.key), where, suggest(m.key, names))
		}
	}
	return nil
}

func (n node) get(key string) (node, bool) {
	for _, m := range n.members {
		if m.key == key {
			return m.val, true
		}
	}
	return node{}, false
}

// suggest finds the name that was probably meant.
func suggest(got string, names []string) string {
	switch got {
	case "Sid", "Id":
		return ": RAM has no such element, remove it"
	case "AWS":
		return `: here it is "RAM"`
	}
	for _, name := range names {
		g, n := strings.ToLower(got), strings.ToLower(name)
		if g == n || g == n+"s" || strings.ReplaceAll(g, "address", "addr") == strings.ReplaceAll(n, "address", "addr") {
			return fmt.Sprintf(", did you mean %q?", name)
		}
	}
	return ": it takes " + strings.Join(names, ", ")
}
