package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"shipper/pkg/creds"
)

// PrintOptions says what Print writes. The zero value is all of it.
type PrintOptions struct {
	NoOrigin   bool // leave out the comments that say where each value came from
	NoDefaults bool // leave out what nobody set
}

// Print writes the merged configuration as TOML, each value with the place it came from as a comment: file:line,
// "env NAME", "--set" or "default". Secrets are ***; a file, variable or credential that holds one is shown. Reading the
// output again gives the same configuration, but for what is written as ***: secrets, and what may hold one (the path of a credentials
// URI, the arguments of a command).
func (c *Config) Print(w io.Writer, o PrintOptions) error {
	p := &printer{root: c.root, opt: o}
	p.table(reflect.ValueOf(c).Elem(), nil)
	_, err := w.Write(bytes.TrimLeft(p.out.Bytes(), "\n"))
	return err
}

// printer writes one configuration. The lines of a table are gathered first, so that their comments stand in one column.
type printer struct {
	root *node
	opt  PrintOptions
	out  bytes.Buffer
}

// table writes the keys of v, then the tables in it: in TOML a key behind a [table] belongs to that table.
func (p *printer) table(v reflect.Value, path []string) {
	type line struct{ text, origin string }
	var lines []line
	var below []func()
	width := 0
	for _, f := range fields(v.Type()) {
		fv, at := v.FieldByIndex(f.index), append(clone(path), f.name)
		for fv.Kind() == reflect.Pointer && !fv.IsNil() {
			fv = fv.Elem()
		}
		switch {
		case fv.Kind() == reflect.Pointer:
		case isTable(fv):
			below = append(below, func() { p.table(fv, at) })
		case fv.Kind() == reflect.Map && isTable(reflect.Zero(fv.Type().Elem())):
			below = append(below, func() {
				for _, k := range sortedKeys(fv) {
					p.table(fv.MapIndex(reflect.ValueOf(k)), append(clone(at), k))
				}
			})
		default:
			n := p.root.find(at)
			if n == nil && (p.opt.NoDefaults || fv.IsZero() && fv.Kind() != reflect.String && !isText(fv)) {
				continue // an empty list or table says nothing, and "nothing" has no other form
			}
			text := bareOrQuoted(f.name) + " = " + shown(at, fv)
			width = max(width, min(utf8.RuneCountInString(text), 60))
			lines = append(lines, line{text, from(n)})
		}
	}
	if len(lines) > 0 && len(path) > 0 {
		fmt.Fprintf(&p.out, "\n[%s]\n", header(path))
	}
	for _, l := range lines {
		if p.opt.NoOrigin {
			fmt.Fprintln(&p.out, l.text)
		} else {
			pad := max(width-utf8.RuneCountInString(l.text), 0)
			fmt.Fprintf(&p.out, "%s%s  # %s\n", l.text, strings.Repeat(" ", pad), l.origin)
		}
	}
	if len(lines) == 0 && len(path) == 2 && p.root.find(path) != nil {
		fmt.Fprintf(&p.out, "\n[%s]\n", header(path)) // a table that is there and empty still names something
	}
	for _, write := range below {
		write()
	}
}

// from says where n came from.
func from(n *node) string {
	if n == nil {
		return "default"
	}
	return n.from.String()
}

// isTable reports whether v is written as a [table] of its own.
func isTable(v reflect.Value) bool {
	if v.Kind() != reflect.Struct {
		return false
	}
	_, text := v.Interface().(interface{ MarshalText() ([]byte, error) })
	return !text && v.Type() != reflect.TypeFor[creds.Secret]()
}

// isText reports whether v writes itself, so that its zero value has a form: "0s".
func isText(v reflect.Value) bool {
	if _, ok := v.Interface().(creds.Secret); ok {
		return false
	}
	return v.Kind() != reflect.Slice && v.Kind() != reflect.Map && v.Kind() != reflect.Struct
}

func sortedKeys(m reflect.Value) []string {
	keys := map[string]bool{}
	for _, k := range m.MapKeys() {
		keys[k.String()] = true
	}
	return sorted(keys)
}

func header(path []string) string {
	parts := make([]string, len(path))
	for i, p := range path {
		parts[i] = bareOrQuoted(p)
	}
	return strings.Join(parts, ".")
}

// Hash identifies the effective configuration: the same for the same settings, wherever they stand and however they are written.
// A changed literal secret changes it too. Hexadecimal SHA-256.
func (c *Config) Hash() string {
	h := sha256.New()
	for _, v := range c.flat() {
		fmt.Fprintf(h, "%s=%s\n", v.path, v.exact)
	}
	return hex.EncodeToString(h.Sum(nil))
}
