package config

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"shipper/internal/units"
)

// mismatch reports a value of the wrong type.
func (d *decoder) mismatch(v reflect.Value, n *node, path []string) {
	hint, key := "", bareOrQuoted(lastName(path))
	switch {
	case v.Kind() == reflect.Struct || v.Kind() == reflect.Map:
		if n.table == nil {
			hint = "a table begins with [" + dotted(path) + "] on a line of its own"
		}
		if v.Kind() == reflect.Map && isTable(reflect.Zero(v.Type().Elem())) {
			hint = "keys stand in tables with a name: [" + dotted(path) + ".NAME]"
		}
	case v.Kind() == reflect.String && n.table == nil && n.list == nil && n.from.src != nil:
		value := n.from.place.value
		hint = "in quotes: " + key + " = " + quote(n.from.src.text[value.start:value.end])
	default:
		if s := sample(v); s != "" {
			hint = "for example " + key + " = " + s
		}
	}
	if len(path) == 2 && n.table == nil && v.Kind() == reflect.Struct {
		hint = "keys stand in tables with a name: [" + path[0] + ".NAME]"
	}
	d.broken[join(path)] = true
	message := fmt.Sprintf("%s takes %s, not %s", quoteKey(path), wants(v.Type()), n.kind())
	if _, ok := n.leaf.(int64); ok && v.CanInt() {
		message = fmt.Sprintf("%s: %v is out of range", quoteKey(path), n.leaf)
	}
	d.add(d.problem(n, n.table == nil, codeType, message, hint))
}

// lastName is the last part of a path that is not the number of an element.
func lastName(path []string) string {
	for i := len(path) - 1; i > 0; i-- {
		if _, err := strconv.Atoi(path[i]); err != nil {
			return path[i]
		}
	}
	return path[0]
}

// wants names what a type takes.
func wants(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[units.Duration]():
		return `a duration such as "30s"`
	case reflect.TypeFor[units.Bytes]():
		return `a size such as "64KiB"`
	case reflect.TypeFor[time.Time]():
		return "a date"
	}
	switch k := t.Kind(); {
	case k == reflect.Pointer:
		return wants(t.Elem())
	case k == reflect.Bool:
		return "true or false"
	case k >= reflect.Int && k <= reflect.Uint64:
		return "a whole number"
	case k == reflect.Float32 || k == reflect.Float64:
		return "a number"
	case k == reflect.Slice && t.Elem().Kind() == reflect.String:
		return "a list of strings"
	case k == reflect.Slice && (t.Elem().Kind() == reflect.Struct || t.Elem().Kind() == reflect.Map):
		return "a list of tables"
	case k == reflect.Slice:
		return "a list"
	case k == reflect.Struct || k == reflect.Map:
		return "a table"
	}
	return "a string"
}

// sample writes a value that would fit: the default if there is one.
func sample(v reflect.Value) string {
	if s := literal(v); s != "" && !v.IsZero() {
		return s
	}
	switch k := v.Kind(); {
	case v.Type() == reflect.TypeFor[units.Duration]():
		return `"30s"`
	case v.Type() == reflect.TypeFor[units.Bytes]():
		return `"64KiB"`
	case k == reflect.String:
		return `"..."`
	case k == reflect.Bool:
		return "true"
	case k == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		return `["..."]`
	}
	return ""
}
