package config

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"shipper/pkg/creds"
)

// literal writes a value as TOML on one line; "" for what has no such form (a table with keys of its own, nothing).
func literal(v reflect.Value) string {
	if s, ok := v.Interface().(creds.Secret); ok {
		return secret(s)
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return ""
		}
		return str(plain(string(text)))
	}
	switch v.Kind() {
	case reflect.String:
		return str(plain(v.String()))
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		s := strconv.FormatFloat(v.Float(), 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, literal(v.Index(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		return inlineMap(v)
	case reflect.Struct:
		return inlineStruct(v)
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return ""
		}
		return literal(v.Elem())
	}
	return ""
}

// plain escapes what would be a reference when it is read again.
func plain(s string) string { return strings.ReplaceAll(s, "${", "$${") }

// str writes a string so that it is easy to read: a regular expression keeps its backslashes.
func str(s string) string {
	if strings.ContainsAny(s, `\"`) && !strings.ContainsFunc(s, func(r rune) bool { return r == '\'' || r < ' ' || r == 0x7f }) {
		return "'" + s + "'"
	}
	return quote(s)
}

// secret writes where a secret comes from, never a value.
func secret(s creds.Secret) string {
	if !s.IsSet() {
		return `""`
	}
	if s.Literal() {
		return `"***"`
	}
	return s.String()
}

func inlineMap(v reflect.Value) string {
	entries := map[string]string{}
	for _, k := range v.MapKeys() {
		entries[fmt.Sprint(k.Interface())] = literal(v.MapIndex(k))
	}
	var parts []string
	for _, k := range sorted(entries) {
		parts = append(parts, bareOrQuoted(k)+" = "+entries[k])
	}
	return braced(parts)
}

// inlineStruct leaves out what is zero: it writes elements of lists, whose keys mostly are alternatives.
func inlineStruct(v reflect.Value) string {
	var parts []string
	for _, f := range fields(v.Type()) {
		if e := v.FieldByIndex(f.index); !e.IsZero() {
			parts = append(parts, f.name+" = "+literal(e))
		}
	}
	return braced(parts)
}

func braced(parts []string) string {
	if len(parts) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// QuoteKey writes a key as it stands before the = of a configuration: bare if it can.
func QuoteKey(key string) string { return bareOrQuoted(key) }

// QuoteString writes a value as it stands behind the =, in whichever quotes read best.
func QuoteString(value string) string { return str(plain(value)) }

// shown is literal for eyes: what is no secret by its type and may hold one by its nature is cut. Of a credentials URI the host
// remains, of a command the program.
func shown(path []string, v reflect.Value) string {
	if len(path) == 3 && path[0] == "credentials" {
		switch path[2] {
		case "uri":
			return str(plain(hostOnly(v.String())))
		case "command":
			var parts []string
			for i := range v.Len() {
				text := "***"
				if i == 0 {
					text = v.Index(i).String()
				}
				parts = append(parts, str(plain(text)))
			}
			return "[" + strings.Join(parts, ", ") + "]"
		}
	}
	return literal(v)
}

// hostOnly is an address without user, path and query.
func hostOnly(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return ""
	case err != nil:
		return "***"
	case u.User == nil && u.RawQuery == "" && u.Fragment == "" && strings.Trim(u.Path, "/") == "":
		return address
	}
	return u.Scheme + "://" + u.Host + "/***"
}
