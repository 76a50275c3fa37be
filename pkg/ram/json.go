package ram

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// The shapes below fix the order of the elements: the one RAM's own pages and console use.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect      string
	Action      any            `json:",omitempty"`
	NotAction   any            `json:",omitempty"`
	Principal   map[string]any `json:",omitempty"`
	Resource    any            `json:",omitempty"`
	NotResource any            `json:",omitempty"`
	Condition   map[string]any `json:",omitempty"`
}

// JSON is the document, indented by two blanks, ending with a newline. The same policy gives the same bytes.
func (p *Policy) JSON() []byte { return p.encode("  ") }

// Compact is the document without blanks, as it travels in a parameter of an API.
func (p *Policy) Compact() []byte { return bytes.TrimSuffix(p.encode(""), []byte("\n")) }

// MarshalJSON is Compact.
func (p *Policy) MarshalJSON() ([]byte, error) { return p.Compact(), nil }

// UnmarshalJSON is Parse.
func (p *Policy) UnmarshalJSON(data []byte) error {
	q, err := Parse(data)
	if err != nil {
		return err
	}
	p.Statement = q.Statement
	return nil
}

// Size is the number of characters of the compact form, which is what the limits count.
func (p *Policy) Size() int { return utf8.RuneCount(p.Compact()) }

func (p *Policy) encode(indent string) []byte {
	d := document{Version: "1", Statement: []statement{}}
	for i := range p.Statement {
		d.Statement = append(d.Statement, p.Statement[i].shape())
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(d); err != nil {
		return nil // strings, slices and maps of them always encode
	}
	return b.Bytes()
}

func (s *Statement) shape() statement {
	out := statement{
		Effect:      s.Effect.String(),
		Action:      scalar(s.Action),
		NotAction:   scalar(s.NotAction),
		Resource:    scalar(s.Resource),
		NotResource: scalar(s.NotResource),
	}
	if p := s.Principal; p != nil {
		out.Principal = map[string]any{}
		for kind, list := range map[string][]string{"RAM": p.RAM, "Service": p.Service, "Federated": p.Federated} {
			if len(list) > 0 {
				out.Principal[kind] = list // an array even for one: the console's editor writes it so
			}
		}
	}
	for _, c := range s.Condition {
		if out.Condition == nil {
			out.Condition = map[string]any{}
		}
		keys, _ := out.Condition[c.Operator].(map[string]any)
		if keys == nil {
			keys = map[string]any{}
			out.Condition[c.Operator] = keys
		}
		keys[c.Key] = scalar(c.Values)
	}
	return out
}

// scalar writes a list of one as its entry, and nothing for an empty list.
func scalar(list []string) any {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return list
}
