// Package invalid carries what is wrong with a setting from the package that owns it to the place that can point at the
// line in the file. Owners return it from Validate; pkg/config adds file, line, column and caret.
package invalid

import "errors"

// Error is one wrong setting.
type Error struct {
	Key    string // key relative to the table that was validated: "batch.max_bytes", "paths"
	Reason string // what is wrong, with the value: `"zip" is not a compression`
	Hint   string // what to write instead; may be empty
}

func (e *Error) Error() string {
	s := e.Key + ": " + e.Reason
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Key returns an *Error for a key.
func Key(key, reason, hint string) error { return &Error{Key: key, Reason: reason, Hint: hint} }

// Under returns err with prefix and a dot put before the key of every *Error in it.
func Under(prefix string, err error) error {
	var out []error
	for _, e := range List(err) {
		out = append(out, &Error{Key: prefix + "." + e.Key, Reason: e.Reason, Hint: e.Hint})
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
