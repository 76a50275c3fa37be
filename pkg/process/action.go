package process

import (
	"regexp"
	"slices"
	"strings"

	"shipper/internal/invalid"
	"shipper/pkg/batch"
)

// outcome is what a step did to a log. Reason is for people; it never holds content.
type outcome struct {
	result result
	reason string
}

type result uint8

const (
	done    result = iota // done, or there was nothing to do
	missing               // the log has not got the field
	failed                // the field's text did not fit
	dropped               // the log is left out
)

// verb is what a step does.
type verb interface{ apply(s *scratch) outcome }

// action is one step at run time.
type action struct {
	name  string // "parse json", "drop_if"
	whole bool   // works on whole events only, not on the pieces after the first
	verb  verb
}

// filter is drop_if and keep_if.
type filter struct {
	key  string
	re   *regexp.Regexp
	drop bool
}

func (m *Match) build(drop bool) (verb, error) {
	re, err := compile("regex", m.Regex)
	if err != nil {
		return nil, err
	}
	return &filter{key: orContent(m.Key), re: re, drop: drop}, nil
}

func (f *filter) apply(s *scratch) outcome {
	found, matched := false, false
	for i := range s.fields { // a name may be there twice, as in JSON that says it twice
		if string(s.fields[i].Key) == f.key {
			found, matched = true, matched || f.re.Match(s.fields[i].Value)
		}
	}
	switch {
	case !found && f.drop:
		return outcome{missing, "no field " + f.key}
	case matched == f.drop:
		return outcome{result: dropped}
	}
	return outcome{}
}

// redact replaces matches in one field or in all.
type redact struct {
	key     string // "" is every field
	re      *regexp.Regexp
	replace []byte
}

func (r *Redact) build() (verb, error) {
	re, err := compile("regex", r.Regex)
	if err != nil {
		return nil, err
	}
	if re.MatchString("") {
		return nil, invalid.Key("regex", "matches nothing at all, and so between any two letters", "use + for *")
	}
	replace := "***"
	if r.Replace != nil {
		replace = *r.Replace
	}
	return &redact{key: r.Key, re: re, replace: []byte(replace)}, nil
}

func (r *redact) apply(s *scratch) outcome {
	found := r.key == ""
	for i := range s.fields {
		if r.key == "" || string(s.fields[i].Key) == r.key {
			r.field(s, i)
			found = true
		}
	}
	if !found {
		return outcome{missing, "no field " + r.key}
	}
	return outcome{}
}

func (r *redact) field(s *scratch, i int) {
	if !r.re.Match(s.fields[i].Value) { // the common case costs no memory
		return
	}
	s.fields[i].Value = r.re.ReplaceAll(s.fields[i].Value, r.replace)
	s.tally.redacted++
}

// adder sets fields to fixed values.
type adder []batch.Field

func newAdd(m map[string]string) (verb, error) {
	if len(m) == 0 {
		return nil, invalid.Key("", "names no field", `add = { env = "prod" }`)
	}
	var a adder
	for _, k := range sorted(m) {
		if k == "" {
			return nil, invalid.Key("", "a field needs a name", "")
		}
		a = append(a, batch.Field{Key: []byte(k), Value: []byte(m[k])})
	}
	return a, nil
}

func (a adder) apply(s *scratch) outcome {
	for _, f := range a {
		s.set(f.Key, f.Value)
	}
	return outcome{}
}

// renamer gives fields other names, all at once: two fields can change places.
type renamer []struct {
	from string
	to   []byte
}

func newRename(m map[string]string) (verb, error) {
	if len(m) == 0 {
		return nil, invalid.Key("", "names no field", `rename = { old = "new" }`)
	}
	var r renamer
	to := map[string]string{}
	for _, k := range sorted(m) {
		if other, twice := to[m[k]]; twice {
			return nil, invalid.Key(invalid.Quote(k), "gets the same name as "+other, "")
		}
		if k == "" || m[k] == "" {
			return nil, invalid.Key("", "a field needs a name", "")
		}
		to[m[k]] = k
		r = append(r, struct {
			from string
			to   []byte
		}{k, []byte(m[k])})
	}
	return r, nil
}

func (r renamer) apply(s *scratch) outcome {
	for _, n := range r { // fields that are in the way of a new name, unless they get another themselves
		if s.find(n.from) >= 0 && !r.renames(string(n.to)) {
			s.remove(string(n.to))
		}
	}
	found := false
	for i := range s.fields {
		for _, n := range r {
			if string(s.fields[i].Key) == n.from {
				s.fields[i].Key, found = n.to, true
				break
			}
		}
	}
	if !found {
		return outcome{missing, "no such field"}
	}
	return outcome{}
}

func (r renamer) renames(key string) bool {
	for _, n := range r {
		if n.from == key {
			return true
		}
	}
	return false
}

// remover takes fields away.
type remover []string

func newRemove(keys []string) (verb, error) {
	if len(keys) == 0 {
		return nil, invalid.Key("", "names no field", `remove = ["a", "b"]`)
	}
	return remover(slices.Clone(keys)), nil
}

func (r remover) apply(s *scratch) outcome {
	found := false
	for _, k := range r {
		found = s.remove(k) || found
	}
	if !found {
		return outcome{missing, "no such field"}
	}
	return outcome{}
}

func sorted(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, strings.Clone(k))
	}
	slices.Sort(keys)
	return keys
}
