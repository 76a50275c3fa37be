package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// name writes a path at the beginning of a message: "[table] key", or "[table]" for a table.
func (l *loader) name(path []string) string {
	if n := l.root.find(path); n != nil && n.table != nil && !n.inline() {
		return "[" + dotted(path) + "]"
	}
	return quoteKey(path)
}

// owned reports what an owner's Validate said about the table at path.
func (l *loader) owned(err error, path ...string) {
	for _, e := range invalid.List(err) {
		l.invalid(append(clone(path), invalid.Parts(e.Key)...), e, codeValue)
	}
}

// invalid reports a wrong setting at the line of its key, or at the table that lacks it. A value that could not even be read
// is not reported again.
func (l *loader) invalid(path []string, e *invalid.Error, code string) {
	if l.spoilt(path) {
		return
	}
	n, covered := l.root.nearest(path)
	hint := e.Hint
	if code == codeValue {
		code = codeFor(path, covered == len(path))
		if text, ok := n.leaf.(string); ok && !strings.HasPrefix(hint, "did you mean") {
			hint = oneOfThese(text, hint)
		}
	}
	if code == codeType {
		l.broken[join(path)] = true
	}
	whole := covered == len(path) && (n.table == nil || n.inline())
	if i := quoted(n, e.Reason); whole && i >= 0 {
		n = n.list[i]
		l.broken[join(append(clone(path), strconv.Itoa(i)))] = true
	}
	l.add(l.problem(n, whole, code, sentence(l.name(path), e.Reason), hint))
}

// spoilt reports whether the value at path, what it is in, or what is in it was reported already: an owner that finds it wrong
// too has nothing to add.
func (l *loader) spoilt(path []string) bool {
	for i := range path {
		if l.broken[join(path[:i+1])] {
			return true
		}
	}
	for id := range l.broken {
		if strings.HasPrefix(id, join(path)+sep) {
			return true
		}
	}
	return false
}

// oneOfThese puts a suggestion before a hint that lists what is possible: `v1, v4 or v5`.
func oneOfThese(text, hint string) string {
	words := strings.FieldsFunc(hint, func(r rune) bool { return r == ' ' || r == ',' || r == '"' })
	if c := near(text, words); c != "" && len(c) > 2 && strings.Contains(hint, ",") {
		return "did you mean " + quote(c) + "?   (" + hint + ")"
	}
	return hint
}

// codeFor is the code of a setting that its owner refused.
func codeFor(path []string, present bool) string {
	switch key := path[len(path)-1]; {
	case !present:
		return codeMissing
	case key == "region":
		return codeRegion
	case key == "role_arn", key == "expect_account":
		return codeRole
	case key == "paths", key == "exclude", key == "state_dir", key == "socket":
		return codePath
	case key == "max_memory":
		return codeMemory
	}
	return codeValue
}

// quoted is the element of a list that a reason begins with, or -1: `"/a/[" is not a pattern`.
func quoted(n *node, reason string) int {
	prefix, err := strconv.QuotedPrefix(reason)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(n.list, func(e *node) bool {
		s, ok := e.leaf.(string)
		return ok && strconv.Quote(s) == prefix
	})
}

// sentence joins a key and what is wrong with it. Some reasons go on where the key ends: `region "x" is not a region`.
func sentence(name, reason string) string {
	if rest, ok := strings.CutPrefix(reason, "it "); ok {
		return name + " " + rest
	}
	first, _, _ := strings.Cut(reason, " ")
	switch first {
	case "is", "are", "has", "holds", "uses", "cannot", "must", "means", "says", "takes":
		return name + " " + reason
	}
	if value := strings.TrimLeft(reason, "-"); value != "" && (value[0] == '"' || value[0] >= '0' && value[0] <= '9' || first == "true" || first == "false") {
		return name + " " + reason
	}
	return name + ": " + reason
}

// unknown reports a key that a table of type t does not have.
func (d *decoder) unknown(t reflect.Type, n *node, path []string) {
	if len(d.problems) >= maxProblems {
		d.more++
		return
	}
	key, in := path[len(path)-1], path[:len(path)-1]
	var names []string
	for _, f := range fields(t) {
		names = append(names, f.name)
	}
	message := "unknown key " + quote(key)
	if len(in) > 0 {
		message += " in [" + dotted(in) + "]"
	} else if n.table != nil || len(n.list) > 0 && n.list[0].table != nil {
		message = "unknown table [" + dotted(path) + "]"
	}
	hint := didYouMean(key, names)
	d.broken[join(path)] = true
	if hint != "" {
		d.broken[join(append(clone(in), near(key, names)))] = true // that it is missing is no news
		if c := takes(t, near(key, names)); c != "" {
			hint += "   (" + c + ")"
		}
	} else if name, where := elsewhere(t, key, in); name == key {
		hint = "it belongs in " + where
	} else if name != "" {
		hint = "did you mean " + quote(name) + " in " + where + "?"
	} else if len(names) <= 12 {
		hint = "known here: " + strings.Join(names, ", ")
	}
	d.add(d.problem(n, false, codeUnknown, message, hint))
}

// takes says what a key of a table takes, "" if its name says enough.
func takes(t reflect.Type, key string) string {
	if c := choices(key); c != "" {
		return c
	}
	for _, f := range fields(t) {
		if f.name != key {
			continue
		}
		switch k := f.typ.Kind(); {
		case f.typ == reflect.TypeFor[units.Duration](), f.typ == reflect.TypeFor[units.Bytes](), k == reflect.Bool, k >= reflect.Int && k <= reflect.Float64:
			return wants(f.typ)
		case k == reflect.Slice && f.typ.Elem().Kind() == reflect.String:
			return wants(f.typ)
		}
	}
	return ""
}

// choices lists what a key with few answers takes.
func choices(key string) string {
	switch key {
	case "start_at":
		return `"end", "beginning", or a size such as "64KiB"`
	case "drain":
		return anyOf(drains())
	case "level":
		return anyOf(levels())
	case "network":
		return `"public", "intranet" or "accelerate"`
	case "compression":
		return `"lz4", "zstd" or "none"`
	case "signature":
		return `"v1" or "v4"`
	case "long_line":
		return `"split", "truncate" or "skip"`
	case "session_policy":
		return `"auto", "off" or a file`
	}
	return ""
}

// elsewhere finds the table that has a key, spelt like it but for dashes and case: one below the table of type t at path, or one
// of the same kind further up, or any.
func elsewhere(t reflect.Type, key string, path []string) (name, table string) {
	type start struct {
		t    reflect.Type
		path []string
	}
	places := []start{{t, path}}
	if len(path) >= 2 {
		for _, f := range fields(reflect.TypeFor[Config]()) {
			if f.name == path[0] && f.typ.Kind() == reflect.Map {
				places = append(places, start{f.typ.Elem(), path[:2]})
			}
		}
	}
	places = append(places, start{reflect.TypeFor[Config](), nil})
	for _, p := range places {
		if name, at := below(p.t, key, p.path, 0); at != nil {
			return name, "[" + dotted(at) + "]"
		}
	}
	return "", ""
}

// below searches the tables in a struct type for a key.
func below(t reflect.Type, key string, path []string, depth int) (name string, table []string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth > 3 {
		return "", nil
	}
	for _, f := range fields(t) {
		if depth > 0 && flat(f.name) == flat(key) {
			return f.name, path
		}
	}
	for _, f := range fields(t) {
		at, e := append(clone(path), f.name), f.typ
		if e.Kind() == reflect.Map {
			e, at = e.Elem(), append(at, "NAME")
		}
		if name, table := below(e, key, at, depth+1); table != nil {
			return name, table
		}
	}
	return "", nil
}
