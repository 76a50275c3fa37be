package config

import (
	"reflect"
	"strings"

	"shipper/pkg/creds"
)

// Change is one difference between two configurations.
type Change struct {
	Op   string // "+" a table was added, "-" it was removed, "~" a value is another
	Path string // "target.central.batch.max_delay", or "input.app" for a whole table
	Old  string // as TOML, secrets as ***; "" for a table
	New  string
}

// Table is the table that the change is in: "target.central", "agent".
func (c Change) Table() string {
	parts := strings.SplitN(c.Path, ".", 3)
	switch parts[0] {
	case "target", "input", "credentials":
		return strings.Join(parts[:min(2, len(parts))], ".")
	}
	return parts[0]
}

// String is `~ target.central (batch.max_delay 1s → 2s)` or `+ input.app`.
func (c Change) String() string {
	table := c.Table()
	if c.Op != "~" || table == c.Path {
		return c.Op + " " + c.Path
	}
	return c.Op + " " + table + " (" + strings.TrimPrefix(c.Path, table+".") + " " + bare(c.Old) + " → " + bare(c.New) + ")"
}

// bare leaves out the quotes of a simple string.
func bare(s string) string {
	if len(s) > 2 && s[0] == '"' && !strings.ContainsAny(s[1:len(s)-1], `" \`) {
		return s[1 : len(s)-1]
	}
	if s == "" {
		return "none"
	}
	return s
}

// Diff lists what changed from old to new, tables in alphabetical order. A table that came or went is one change. A literal secret
// that changed shows as *** → ***.
func Diff(old, new *Config) []Change {
	before, after := old.flat(), new.flat()
	had, has := tables(before), tables(after)
	var out []Change
	for _, t := range sorted(union(had, has)) {
		switch {
		case !had[t]:
			out = append(out, Change{Op: "+", Path: t})
		case !has[t]:
			out = append(out, Change{Op: "-", Path: t})
		default:
			out = append(out, within(t, before, after)...)
		}
	}
	return out
}

// within lists the values of one table that differ.
func within(table string, before, after []value) []Change {
	was, is := map[string]value{}, map[string]value{}
	for _, v := range before {
		if v.table == table {
			was[v.path] = v
		}
	}
	for _, v := range after {
		if v.table == table {
			is[v.path] = v
		}
	}
	var out []Change
	for _, p := range sorted(union(was, is)) {
		if was[p].exact != is[p].exact {
			out = append(out, Change{Op: "~", Path: p, Old: was[p].shown, New: is[p].shown})
		}
	}
	return out
}

func union[V any](a, b map[string]V) map[string]bool {
	out := map[string]bool{}
	for k := range a {
		out[k] = true
	}
	for k := range b {
		out[k] = true
	}
	return out
}

func tables(list []value) map[string]bool {
	out := map[string]bool{}
	for _, v := range list {
		out[v.table] = true
	}
	return out
}

// value is one setting of the effective configuration.
type value struct {
	table string // "target.central"
	path  string
	shown string // as TOML, secrets masked
	exact string // with secrets: for comparing only
}

// flat lists every setting in the order of the structs, entries of maps by name.
func (c *Config) flat() []value {
	var out []value
	flatten(reflect.ValueOf(c).Elem(), nil, &out)
	return out
}

func flatten(v reflect.Value, path []string, out *[]value) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch {
	case isTable(v):
		for _, f := range fields(v.Type()) {
			if len(path) == 0 && f.name == "test" {
				continue // no setting: a daemon is the same with other tests
			}
			flatten(v.FieldByIndex(f.index), append(clone(path), f.name), out)
		}
	case v.Kind() == reflect.Map && isTable(reflect.Zero(v.Type().Elem())):
		for _, k := range sortedKeys(v) {
			flatten(v.MapIndex(reflect.ValueOf(k)), append(clone(path), k), out)
		}
	default:
		name := header(path)
		exact := literal(v)
		if s, ok := v.Interface().(creds.Secret); ok && s.Literal() {
			if text, err := s.Read(func(string) string { return "" }); err == nil {
				exact = quote(text)
			}
		}
		*out = append(*out, value{Change{Path: name}.Table(), name, shown(path, v), exact})
	}
}
