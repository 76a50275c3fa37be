// Package invalid carries what is wrong with a setting from the package that owns it to the place that can point at the
// line in the file. Owners return it from Validate; pkg/config adds file, line, column and caret.
package invalid

import (
	"errors"
	"strconv"
	"strings"
)

// Error is one wrong setting.
type Error struct {
	Key    string // key relative to the table that was validated: "batch.max_bytes", "paths[1]"; "" is the table itself. See Quote
	Reason string // what is wrong, with the value: `"zip" is not a compression`
	Hint   string // what to write instead; may be empty
}

func (e *Error) Error() string {
	s := e.Reason
	if e.Key != "" {
		s = e.Key + ": " + s
	}
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Key returns an *Error for a key.
func Key(key, reason, hint string) error { return &Error{Key: key, Reason: reason, Hint: hint} }

// Quote writes a name that somebody chose, a tag's or a field's, as a part of a key: it may have dots in it.
func Quote(name string) string {
	if name == "" || strings.ContainsAny(name, `.[]"`) {
		return strconv.Quote(name)
	}
	return name
}

// Parts takes a key apart: step.0.rename."a.b" has four parts, paths[1] has two.
func Parts(key string) []string {
	var parts []string
	for key != "" {
		if strings.ContainsRune(".[]", rune(key[0])) {
			key = key[1:]
			continue
		}
		if quoted, err := strconv.QuotedPrefix(key); err == nil && key[0] == '"' {
			name, _ := strconv.Unquote(quoted) // a quoted prefix is quoted
			parts, key = append(parts, name), key[len(quoted):]
			continue
		}
		n := strings.IndexAny(key, ".[]")
		if n < 0 {
			n = len(key)
		}
		parts, key = append(parts, key[:n]), key[n:]
	}
	return parts
}

// Under returns err with prefix put before the key of every *Error in it.
func Under(prefix string, err error) error {
	var out []error
	for _, e := range List(err) {
		key := prefix
		if e.Key != "" {
			key += "." + e.Key
		}
		out = append(out, Key(key, e.Reason, e.Hint))
	}
	return errors.Join(out...)
}

// List returns every *Error in err, which may be joined from many. Another kind of error becomes one without a key.
func List(err error) []*Error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var out []*Error
		for _, sub := range e.Unwrap() {
			out = append(out, List(sub)...)
		}
		return out
	}
	return []*Error{{Reason: err.Error()}}
}
