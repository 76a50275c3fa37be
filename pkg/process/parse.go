package process

import (
	"bytes"
	"regexp"

	"github.com/valyala/fastjson"

	"shipper/internal/invalid"
	"shipper/pkg/batch"
)

// extractor finds fields in a text and adds them to s. It returns why the text does not fit, "" if it does; what it has added
// by then is taken back.
type extractor interface {
	extract(s *scratch, text []byte) string
}

// parse is the parse step: an extractor over one field.
type parse struct {
	key  string
	keep bool
	x    extractor
}

const (
	tooMany = "more than 1024 fields"
	nothing = "no field in it"
)

func (p *parse) apply(s *scratch) outcome {
	i := s.find(p.key)
	if i < 0 {
		return outcome{missing, "no field " + p.key}
	}
	old := len(s.fields)
	reason := p.x.extract(s, s.fields[i].Value)
	if reason == "" && len(s.fields) == old {
		reason = nothing
	}
	if reason != "" {
		s.fields = s.fields[:old]
		return outcome{failed, reason}
	}
	s.replace(old, i, p.keep)
	return outcome{}
}

// replace takes away those of the first old fields that were found anew, and the source unless it is kept.
func (s *scratch) replace(old, source int, keep bool) {
	found, n := s.fields[old:], 0
	for i, f := range s.fields[:old] {
		if i == source && !keep || has(found, f.Key) {
			continue
		}
		s.fields[n] = f
		n++
	}
	s.fields = append(s.fields[:n], found...)
}

func has(fields []batch.Field, key []byte) bool {
	for i := range fields {
		if bytes.Equal(fields[i].Key, key) {
			return true
		}
	}
	return false
}

// regex takes the named groups of an expression.
type regex struct {
	re    *regexp.Regexp
	names [][]byte // by group; nil for a group without a name
}

func newRegex(pattern, prefix string) (extractor, error) {
	re, err := compile("pattern", pattern)
	if err != nil {
		return nil, err
	}
	x, named := &regex{re: re}, false
	for _, n := range re.SubexpNames() {
		if n == "" {
			x.names = append(x.names, nil)
			continue
		}
		named = true
		x.names = append(x.names, []byte(prefix+n))
	}
	if !named {
		return nil, invalid.Key("pattern", "has no named group, so it finds no field", `(?P<level>\w+)`)
	}
	return x, nil
}

func (x *regex) extract(s *scratch, text []byte) string {
	m := x.re.FindSubmatchIndex(text)
	if m == nil {
		return "the pattern does not match"
	}
	for g, name := range x.names {
		if name == nil || m[2*g] < 0 {
			continue
		}
		if !s.add(name, text[m[2*g]:m[2*g+1]:m[2*g+1]]) {
			return tooMany
		}
	}
	return ""
}

// jsonObject takes the members of an object.
type jsonObject struct{ prefix string }

// noName stands for a member without a name, because a field needs one.
const noName = "_"

func (x jsonObject) extract(s *scratch, text []byte) string {
	v, err := s.parser().ParseBytes(text)
	if err != nil {
		return "not JSON" // err quotes the content
	}
	o, err := v.Object()
	if err != nil {
		return "JSON, but not an object"
	}
	if o.Len()+len(s.fields) > maxFields {
		return tooMany
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		if len(key) == 0 {
			key = []byte(noName)
		}
		var value []byte
		if v.Type() == fastjson.TypeString {
			value, _ = v.StringBytes()
		} else { // its JSON text
			from := len(s.arena)
			s.arena = v.MarshalTo(s.arena)
			value = s.arena[from:len(s.arena):len(s.arena)]
		}
		s.add(s.join(x.prefix, key), value)
	})
	return ""
}

// columns takes what stands between separators.
type columns struct {
	sep   []byte
	quote byte     // 0: none
	names [][]byte // nil: left out
}

func newColumns(p *Parse) (extractor, error) {
	x := &columns{sep: []byte(p.Separator)}
	if len(x.sep) == 0 {
		x.sep = []byte(",")
	}
	if len(p.Quote) > 1 || p.Quote != "" && bytes.Contains(x.sep, []byte(p.Quote)) {
		return nil, invalid.Key("quote", "must be one ASCII character that is not in separator", `quote = '"'`)
	}
	if p.Quote != "" {
		x.quote = p.Quote[0]
	}
	if len(p.Fields) == 0 {
		return nil, invalid.Key("fields", "is missing", `fields = ["time", "level", "message"]`)
	}
	for _, n := range p.Fields {
		if n == "" {
			x.names = append(x.names, nil)
			continue
		}
		x.names = append(x.names, []byte(p.Prefix+n))
	}
	return x, nil
}

func (x *columns) extract(s *scratch, text []byte) string {
	for i, name := range x.names {
		last := i == len(x.names)-1
		value, rest, more, ok := x.column(s, text, last)
		if !ok {
			return "a quote that does not end where a column does"
		}
		if !last && !more {
			return "fewer columns than fields"
		}
		if name != nil && !s.add(name, value) {
			return tooMany
		}
		text = rest
	}
	return ""
}

// column cuts the next column. The last one takes all the rest, unless that is one quoted column.
func (x *columns) column(s *scratch, text []byte, last bool) (value, rest []byte, more, ok bool) {
	if x.quote != 0 && len(text) > 0 && text[0] == x.quote {
		value, rest, ok = x.quoted(s, text[1:])
		switch {
		case ok && len(rest) == 0:
			return value, nil, false, true
		case ok && !last && bytes.HasPrefix(rest, x.sep):
			return value, rest[len(x.sep):], true, true
		case !last:
			return nil, nil, false, false
		}
	}
	if last {
		return text, nil, false, true
	}
	i := bytes.Index(text, x.sep)
	if i < 0 {
		return text, nil, false, true
	}
	return text[:i:i], text[i+len(x.sep):], true, true
}

// quoted reads up to the closing quote, before which text begins.
func (x *columns) quoted(s *scratch, text []byte) (value, rest []byte, ok bool) {
	end := bytes.IndexByte(text, x.quote)
	if end < 0 {
		return nil, nil, false
	}
	if end+1 == len(text) || text[end+1] != x.quote { // no doubled quote: a view will do
		return text[:end:end], text[end+1:], true
	}
	from := len(s.arena)
	for {
		s.arena = append(s.arena, text[:end]...)
		text = text[end+1:]
		if len(text) == 0 || text[0] != x.quote {
			return s.arena[from:len(s.arena):len(s.arena)], text, true
		}
		s.arena = append(s.arena, x.quote)
		text = text[1:]
		if end = bytes.IndexByte(text, x.quote); end < 0 {
			return nil, nil, false
		}
	}
}
