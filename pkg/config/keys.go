package config

import (
	"reflect"
	"strings"

	"shipper/pkg/creds"
)

// Key describes one key of the configuration: for the reference, and for the completion of --set.
type Key struct {
	Table   string // "target.NAME.batch"; "" for the top of a file
	Name    string // "max_delay"
	List    bool   // the table is written [[table]]
	Takes   string // `a duration such as "30s"`
	Default string // as TOML; "" if there is none
	Struct  string // where it is declared: "shipper/pkg/batch.Config"
	Field   string // "MaxDelay"
}

// Keys lists every key, in the order in which Print writes them.
func Keys() []Key {
	c := Default()
	c.Agent.Name = "${HOSTNAME}"
	var out []Key
	keysOf(reflect.ValueOf(c).Elem(), nil, false, &out)
	return out
}

func keysOf(v reflect.Value, path []string, list bool, out *[]Key) {
	var below []func()
	for _, f := range fields(v.Type()) {
		fv, at := v.FieldByIndex(f.index), append(clone(path), f.name)
		elem, inList := tableIn(fv)
		switch {
		case !elem.IsValid():
			*out = append(*out, keyOf(v, f, path, list))
		default:
			if fv.Kind() == reflect.Map {
				at = append(at, "NAME")
			}
			below = append(below, func() { keysOf(elem, at, inList, out) })
		}
	}
	for _, f := range below {
		f()
	}
}

// tableIn returns the table that a field holds, filled with defaults, and whether the field is a list of them.
func tableIn(v reflect.Value) (table reflect.Value, list bool) {
	t := v.Type()
	if isTable(v) {
		return v, false
	}
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Pointer:
		if zero := reflect.Zero(t.Elem()); isTable(zero) {
			elem := reflect.New(t.Elem()).Elem()
			if def, ok := elements()[t.Elem()]; ok {
				elem.Set(def)
			}
			return elem, t.Kind() == reflect.Slice
		}
	}
	return reflect.Value{}, false
}

func keyOf(v reflect.Value, f field, path []string, list bool) Key {
	in := v.Type()
	for _, i := range f.index[:len(f.index)-1] { // the struct that declares it, which may be embedded
		in = in.Field(i).Type
	}
	declared := in.Field(f.index[len(f.index)-1])
	value, def := v.FieldByIndex(f.index), ""
	if !value.IsZero() || isText(value) {
		def = strings.ReplaceAll(literal(value), "$${", "${")
	}
	takes := wants(f.typ)
	if c := choices(f.name); c != "" && f.typ.Kind() == reflect.String {
		takes = c
	}
	switch {
	case f.typ == reflect.TypeFor[creds.Secret]():
		takes = `{ file = "PATH" }, { env = "NAME" }, { credential = "NAME" } or a string`
	case f.typ.Kind() == reflect.Map:
		takes = "a table of strings"
	case len(path) == 2 && path[0] == "input" && f.name == "target":
		takes = "a name or a list of names"
	}
	return Key{Table: header(path), Name: f.name, List: list, Takes: takes, Default: def, Struct: in.PkgPath() + "." + in.Name(), Field: declared.Name}
}
