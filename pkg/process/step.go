package process

import (
	"errors"
	"fmt"
	"strings"

	"shipper/internal/invalid"
)

// Step is one [[input.NAME.step]] table. Exactly one of its keys is set.
type Step struct {
	// Parse takes fields out of the text of one field. What it finds replaces fields of the same name. A text that does not fit
	// stays as it is and is counted.
	Parse *Parse `toml:"parse"`
	// Time reads the log's time from a field. The field stays. A time that cannot be read, or lies outside 1970 to 2106, leaves
	// the log with the time at which its line was read and is counted.
	Time *Time `toml:"time"`
	// DropIf leaves out logs with a field that matches. They count as skipped.
	DropIf *Match `toml:"drop_if"`
	// KeepIf leaves out logs without a field that matches. They count as skipped.
	KeepIf *Match `toml:"keep_if"`
	// Redact replaces what matches in one field or in all of them.
	Redact *Redact `toml:"redact"`
	// Add sets fields to fixed values: add = { env = "prod" }.
	Add map[string]string `toml:"add"`
	// Rename gives fields other names: rename = { old = "new" }. A field that had the new name is replaced.
	Rename map[string]string `toml:"rename"`
	// Remove takes fields away: remove = ["a", "b"]. A log without any field is not sent.
	Remove []string `toml:"remove"`
}

// Parsers of a parse step.
const (
	AsRegex     = "regex"
	AsJSON      = "json"
	AsLogfmt    = "logfmt"
	AsDelimiter = "delimiter"
	AsNginx     = "nginx"
)

var parsers = []string{AsRegex, AsJSON, AsLogfmt, AsDelimiter, AsNginx}

// Parse takes fields out of a text.
type Parse struct {
	// As is the kind of text: "regex", "json" (an object), "logfmt" (key=value key="a b"), "delimiter" (columns) or "nginx".
	As string `toml:"as"`
	// Key is the field to parse. Default "content". A log without it is left alone.
	Key string `toml:"key"`
	// Keep keeps that field beside what was found in it. Default false.
	Keep bool `toml:"keep"`
	// Prefix is put before the name of every field that is found. Default "".
	Prefix string `toml:"prefix"`
	// Pattern, for regex: an expression with named groups, each a field: '^(?P<level>\w+) (?P<msg>.*)'. For nginx: a log_format
	// as it stands in nginx.conf, each $variable a field; default "combined", and "main" is that with $http_x_forwarded_for.
	Pattern string `toml:"pattern"`
	// Separator, for delimiter, stands between columns. Default ",". Others: "\t", " ", "|", "||".
	Separator string `toml:"separator"`
	// Quote, for delimiter, may stand around a column and is doubled inside it, as in CSV: '"'. Default "" (no quoting).
	Quote string `toml:"quote"`
	// Fields, for delimiter, names the columns; "" leaves one out, and the last takes the rest of the line.
	Fields []string `toml:"fields"`
}

// Time reads a time.
type Time struct {
	// Key is the field that holds it: one that a parse step found, or _time_.
	Key string `toml:"key"`
	// Layout is "rfc3339", "iso8601" (also with a blank for the T, or without fraction or zone), "unix" (seconds, with fraction),
	// "unix_ms", "unix_us", "unix_ns", a strftime layout ("%d/%b/%Y:%H:%M:%S %z") or a Go layout ("02/Jan/2006:15:04:05 -0700").
	// It has a month and a day, and AM or PM if its hours are of twelve. Without a year it takes the one that brings the time next to
	// the time of reading, not in the future.
	Layout string `toml:"layout"`
	// Zone is that of times which do not say theirs: "Asia/Shanghai", "UTC". Default "Local", the host's. Daylight saving is
	// that of each time, not of today.
	Zone string `toml:"zone"`
}

// Match is a condition on a field.
type Match struct {
	// Key is the field. Default "content". A log without it does not match.
	Key string `toml:"key"`
	// Regex matches anywhere in the field unless it says ^ or $.
	Regex string `toml:"regex"`
}

// Redact replaces text.
type Redact struct {
	// Key is the field. Default "": every field. A text that could not be parsed is still in content, where a step for a field
	// that should have been found in it does not look: leave Key out for what must never leave the host.
	Key string `toml:"key"`
	// Regex finds what is replaced, every time it occurs. Where a line or an event is cut (max_line, multiline.max_bytes or max_lines)
	// the 64 KiB before and after the cut are looked through as one, if Key is "" or "content". What can be sent in part all the same:
	// a value that runs through two cuts or farther from one; one at whose end long_line = "truncate" cuts, as nobody reads on; one
	// whose rest comes later than multiline.timeout, or in a container's file behind much of the other stream; and one with a restart
	// between its pieces. Set max_line and max_bytes above what a line with secrets may take.
	Regex string `toml:"regex"`
	// Replace is what stands there then; $1 or ${name} is what a group matched, $$ a dollar. Default "***".
	Replace *string `toml:"replace"`
}

// Validate returns an error for every wrong setting, joined.
func (s Step) Validate() error {
	_, err := s.build()
	return err
}

// verbs names the keys that are set, in the order of the struct.
func (s Step) verbs() []string {
	var out []string
	for _, v := range []struct {
		name string
		set  bool
	}{
		{"parse", s.Parse != nil}, {"time", s.Time != nil}, {"drop_if", s.DropIf != nil}, {"keep_if", s.KeepIf != nil},
		{"redact", s.Redact != nil}, {"add", s.Add != nil}, {"rename", s.Rename != nil}, {"remove", s.Remove != nil},
	} {
		if v.set {
			out = append(out, v.name)
		}
	}
	return out
}

const allVerbs = "one of parse, time, drop_if, keep_if, redact, add, rename, remove"

// build makes the running form of s; its errors are those of Validate.
func (s Step) build() (*action, error) {
	verbs := s.verbs()
	switch len(verbs) {
	case 0:
		return nil, invalid.Key("", "says nothing to do", allVerbs)
	case 1:
	default:
		return nil, invalid.Key(verbs[1], "cannot stand beside "+verbs[0], "a step does one thing; write another [[step]]")
	}
	a, err := &action{name: verbs[0]}, error(nil)
	switch {
	case s.Parse != nil:
		a.name, a.whole = "parse "+s.Parse.As, true
		a.verb, err = s.Parse.build()
	case s.Time != nil:
		a.whole = true
		a.verb, err = s.Time.build()
	case s.DropIf != nil:
		a.whole = true
		a.verb, err = s.DropIf.build(true)
	case s.KeepIf != nil:
		a.whole = true
		a.verb, err = s.KeepIf.build(false)
	case s.Redact != nil:
		a.verb, err = s.Redact.build()
	case s.Add != nil:
		a.verb, err = newAdd(s.Add)
	case s.Rename != nil:
		a.verb, err = newRename(s.Rename)
	default:
		a.verb, err = newRemove(s.Remove)
	}
	if err != nil {
		return nil, invalid.Under(verbs[0], err)
	}
	return a, nil
}

func (p *Parse) build() (verb, error) {
	var errs []error
	unused := func(set bool, key string) {
		if set {
			errs = append(errs, invalid.Key(key, fmt.Sprintf("means nothing to a %q parser", p.As), ""))
		}
	}
	if p.As != AsDelimiter {
		unused(p.Separator != "", "separator")
		unused(p.Quote != "", "quote")
		unused(p.Fields != nil, "fields")
	}
	if p.As != AsRegex && p.As != AsNginx {
		unused(p.Pattern != "", "pattern")
	}
	var x extractor
	var err error
	switch p.As {
	case AsRegex:
		x, err = newRegex(p.Pattern, p.Prefix)
	case AsJSON:
		x = jsonObject{prefix: p.Prefix}
	case AsLogfmt:
		x = logfmt{prefix: p.Prefix}
	case AsDelimiter:
		x, err = newColumns(p)
	case AsNginx:
		x, err = newNginx(p.Pattern, p.Prefix)
	case "":
		err = invalid.Key("as", "is missing", oneOf(parsers))
	default:
		err = invalid.Key("as", fmt.Sprintf("%q is not a parser", p.As), oneOf(parsers))
		errs = nil // what its keys mean is not known
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return &parse{key: orContent(p.Key), keep: p.Keep, x: x}, nil
}

func orContent(key string) string {
	if key == "" {
		return ContentKey
	}
	return strings.Clone(key)
}
