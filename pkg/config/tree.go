package config

import (
	"slices"
	"strconv"
	"strings"
)

// node is one value of the merged configuration with the place it came from: a table, a list or a leaf. Files, environment
// and flags are laid over each other as nodes, and only the result is decoded into structs.
type node struct {
	table map[string]*node // a table, if not nil
	list  []*node          // a list, if not nil
	leaf  any              // string, int64, float64, bool or time.Time
	raw   string           // of a leaf that was not written in a file: the text as it was given
	loose bool             // leaf is text from a variable or a flag, so "8" may be a number
	from  origin
}

// origin says where a value came from.
type origin struct {
	src   *source // a file, and where in it
	place place
	env   string // or this environment variable
	set   string // or the --set flag for this key
}

// String is file:line, "env NAME", "--set" or "default".
func (o origin) String() string {
	switch {
	case o.set != "":
		return "--set"
	case o.env != "":
		return "env " + o.env
	case o.src != nil:
		line, _ := o.src.position(o.place.key.start)
		return o.src.path + ":" + strconv.Itoa(line)
	}
	return "default"
}

// build makes the node of what the toml library parsed.
func build(src *source, path []string, v any) *node {
	n := &node{from: origin{src: src, place: src.places[join(path)]}}
	sub := func(key string, v any) *node { return build(src, append(clone(path), key), v) }
	switch v := v.(type) {
	case map[string]any:
		n.table = map[string]*node{}
		for k, e := range v {
			n.table[k] = sub(k, e)
		}
	case []map[string]any:
		n.list = []*node{}
		for i, e := range v {
			n.list = append(n.list, sub(strconv.Itoa(i), e))
		}
	case []any:
		n.list = []*node{}
		for i, e := range v {
			n.list = append(n.list, sub(strconv.Itoa(i), e))
		}
	default:
		n.leaf = v
	}
	return n
}

// any is the value as the toml library would hand it over.
func (n *node) any() any {
	switch {
	case n.table != nil:
		m := make(map[string]any, len(n.table))
		for k, e := range n.table {
			m[k] = e.any()
		}
		return m
	case n.list != nil:
		l := make([]any, 0, len(n.list))
		for _, e := range n.list {
			l = append(l, e.any())
		}
		return l
	}
	return n.leaf
}

// find is the node at path, or nil.
func (n *node) find(path []string) *node {
	for _, p := range path {
		if n == nil {
			return nil
		}
		if n.list != nil {
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(n.list) {
				return nil
			}
			n = n.list[i]
		} else {
			n = n.table[p]
		}
	}
	return n
}

// nearest is the node at path, or the innermost one around it, and how much of path it covers.
func (n *node) nearest(path []string) (*node, int) {
	for k := len(path); k > 0; k-- {
		if m := n.find(path[:k]); m != nil {
			return m, k
		}
	}
	return n, 0
}

// inline reports whether n is a table that stands behind its key: { a = 1 }.
func (n *node) inline() bool {
	return n.table != nil && n.from.place.value.start > n.from.place.key.start
}

// kind names what n is, in the words of an error.
func (n *node) kind() string {
	switch n.leaf.(type) {
	case string:
		return "a string"
	case int64:
		return "a number"
	case float64:
		return "a fraction"
	case bool:
		return "true or false"
	}
	if n.table != nil {
		return "a table"
	}
	if n.list != nil {
		return "a list"
	}
	return "a date"
}

// merge lays src over dst: tables merge, anything else is there once. path is where both stand.
func (l *loader) merge(dst, src *node, path []string) {
	for _, k := range sorted(src.table) {
		in, path := src.table[k], append(clone(path), k)
		old := dst.table[k]
		switch {
		case old == nil:
			dst.table[k] = in
		case old.table != nil && in.table != nil:
			l.merge(old, in, path)
		case len(path) == 1 && k == "test" && old.list != nil && in.list != nil:
			old.list = append(old.list, in.list...) // tests stand beside the inputs that they are about
		default:
			p := l.problem(in, false, codeTwice, quoteKey(path)+" is set twice", "keep one of the two")
			p.Also = l.problem(old, false, codeTwice, "", "").other("the first one")
			l.add(p)
		}
	}
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// dotted writes a path as TOML writes a dotted key; numbers of list elements stand in brackets.
func dotted(path []string) string {
	var b strings.Builder
	for i, p := range path {
		if _, err := strconv.Atoi(p); err == nil && i > 0 {
			b.WriteString("[" + p + "]")
			continue
		}
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(bareOrQuoted(p))
	}
	return b.String()
}

// bareOrQuoted writes one part of a key.
func bareOrQuoted(p string) string {
	bare := p != ""
	for _, r := range p {
		if !(r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			bare = false
		}
	}
	if bare {
		return p
	}
	return quote(p)
}

// quoteKey names a key in a message: [table] key.
func quoteKey(path []string) string {
	n := len(path)
	for n > 1 {
		if _, err := strconv.Atoi(path[n-1]); err != nil {
			break
		}
		n--
	}
	if n <= 1 {
		return dotted(path)
	}
	return "[" + dotted(path[:n-1]) + "] " + dotted(path[n-1:])
}

// quote writes a TOML basic string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			b.WriteString(`\u00` + string("0123456789abcdef"[r>>4]) + string("0123456789abcdef"[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
