package config

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"

	"shipper/internal/invalid"
)

// unmarshaler is what the toml library calls; owners implement it without importing the library.
type unmarshaler interface{ UnmarshalTOML(any) error }

// decoder fills structs from nodes. It differs from the toml library's in what it does with a mistake: it notes the place
// and goes on, so that one run reports them all.
type decoder struct {
	*loader
	defaults map[reflect.Type]reflect.Value // what an entry of a map begins as
}

// field is one key of a struct.
type field struct {
	name  string
	index []int
	typ   reflect.Type
}

// fields lists the keys of a struct type. Those of an embedded struct, or of one that is tagged ",inline", count as its own.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, option, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case f.Type.Kind() == reflect.Struct && (f.Anonymous && tag == "" || option == "inline"):
			for _, in := range fields(f.Type) {
				out = append(out, field{in.name, append([]int{i}, in.index...), in.typ})
			}
		case f.IsExported() && tag != "" && tag != "-":
			out = append(out, field{tag, []int{i}, f.Type})
		}
	}
	return out
}

// into decodes n into v, which is addressable and holds the default.
func (d *decoder) into(v reflect.Value, n *node, path []string) {
	if u, ok := v.Addr().Interface().(unmarshaler); ok {
		d.owner(u.UnmarshalTOML(n.any()), path)
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(v, u, n, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		e := reflect.New(v.Type().Elem())
		if def, ok := d.defaults[v.Type().Elem()]; ok {
			e.Elem().Set(def)
		}
		d.into(e.Elem(), n, path)
		v.Set(e)
	case reflect.Struct:
		d.structure(v, n, path)
	case reflect.Map:
		d.table(v, n, path)
	case reflect.Slice:
		d.list(v, n, path)
	case reflect.Interface:
		v.Set(reflect.ValueOf(n.any()))
	default:
		if !scalar(v, n) {
			d.mismatch(v, n, path)
		}
	}
}

// owner reports what a type's own UnmarshalTOML found.
func (d *decoder) owner(err error, path []string) {
	for _, e := range invalid.List(err) {
		at := path
		if e.Key != "" {
			at = append(clone(path), invalid.Parts(e.Key)...)
		}
		d.invalid(at, e, codeType)
	}
}

// text decodes a string into a type that reads text; a bare number is text too ("max_bytes = 1048576").
func (d *decoder) text(v reflect.Value, u encoding.TextUnmarshaler, n *node, path []string) {
	s, ok := n.leaf.(string)
	if i, isInt := n.leaf.(int64); isInt {
		s, ok = strconv.FormatInt(i, 10), true
	}
	if n.raw != "" {
		s = n.raw
	}
	if !ok {
		d.mismatch(v, n, path)
		return
	}
	if err := u.UnmarshalText([]byte(s)); err != nil {
		reason, hint, _ := strings.Cut(err.Error(), ": write ")
		if hint != "" {
			hint = "write " + hint
		}
		d.invalid(path, &invalid.Error{Reason: reason, Hint: hint}, codeType)
	}
}

func (d *decoder) structure(v reflect.Value, n *node, path []string) {
	if n.table == nil {
		d.mismatch(v, n, path)
		return
	}
	known := map[string]bool{}
	for _, f := range fields(v.Type()) {
		known[f.name] = true
		if in := n.table[f.name]; in != nil {
			d.into(v.FieldByIndex(f.index), in, append(clone(path), f.name))
		}
	}
	for _, k := range sorted(n.table) {
		if !known[k] {
			d.unknown(v.Type(), n.table[k], append(clone(path), k))
		}
	}
}

func (d *decoder) table(v reflect.Value, n *node, path []string) {
	if n.table == nil {
		d.mismatch(v, n, path)
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(n.table))
	for _, k := range sorted(n.table) {
		e := reflect.New(v.Type().Elem()).Elem()
		if def, ok := d.defaults[v.Type().Elem()]; ok {
			e.Set(def)
		}
		d.into(e, n.table[k], append(clone(path), k))
		out.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), e)
	}
	v.Set(out)
}

// list decodes a list; where strings are listed, one string will do.
func (d *decoder) list(v reflect.Value, n *node, path []string) {
	in := n.list
	if in == nil {
		if _, ok := n.leaf.(string); !ok || v.Type().Elem().Kind() != reflect.String {
			d.mismatch(v, n, path)
			return
		}
		in = []*node{n}
	}
	out := reflect.MakeSlice(v.Type(), len(in), len(in))
	for i, e := range in {
		at := append(clone(path), strconv.Itoa(i))
		if e == n {
			at = path
		}
		d.into(out.Index(i), e, at)
	}
	v.Set(out)
}

// scalar sets v from a leaf and reports whether the types fit. Text from a variable or a flag is read as what v takes.
func scalar(v reflect.Value, n *node) bool {
	leaf := n.leaf
	if n.loose && v.Kind() == reflect.String && leaf != nil {
		leaf = n.raw
	} else if s, ok := leaf.(string); ok && n.loose {
		leaf = reread(s, v.Kind())
	}
	switch x := leaf.(type) {
	case string:
		if v.Kind() != reflect.String {
			return false
		}
		v.SetString(x)
	case bool:
		if v.Kind() != reflect.Bool {
			return false
		}
		v.SetBool(x)
	case int64:
		switch {
		case v.CanInt() && !v.OverflowInt(x):
			v.SetInt(x)
		case v.CanUint() && x >= 0 && !v.OverflowUint(uint64(x)):
			v.SetUint(uint64(x))
		case v.CanFloat():
			v.SetFloat(float64(x))
		default:
			return false
		}
	case float64:
		if !v.CanFloat() || math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
		v.SetFloat(x)
	default:
		return false
	}
	return true
}

// reread reads text as the kind that a key takes.
func reread(s string, k reflect.Kind) any {
	switch {
	case k == reflect.Bool:
		if b, err := strconv.ParseBool(s); err == nil {
			return b
		}
	case k >= reflect.Int && k <= reflect.Uint64:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
	case k == reflect.Float32 || k == reflect.Float64:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	}
	return s
}
