package process

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// logfmt takes key=value pairs, as github.com/go-logfmt/logfmt writes them. A word without = is a field with an empty value, but
// a text without any = is not logfmt.
type logfmt struct{ prefix string }

func (x logfmt) extract(s *scratch, text []byte) string {
	if bytes.IndexByte(text, '=') < 0 {
		return "no key=value in it"
	}
	for {
		for len(text) > 0 && text[0] <= ' ' {
			text = text[1:]
		}
		if len(text) == 0 {
			return ""
		}
		n := 0
		for n < len(text) && text[n] > ' ' && text[n] != '=' && text[n] != '"' {
			n++
		}
		if n == 0 {
			return "a value without a key"
		}
		key := text[:n:n]
		value, rest, ok := logfmtValue(s, text[n:])
		if !ok {
			return "a quote in the wrong place or without its end"
		}
		if !s.add(s.join(x.prefix, key), value) {
			return tooMany
		}
		text = rest
	}
}

// logfmtValue reads what follows a key: nothing, =word or ="quoted words".
func logfmtValue(s *scratch, text []byte) (value, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '=' {
		return nil, text, len(text) == 0 || text[0] != '"'
	}
	text = text[1:]
	if len(text) > 0 && text[0] == '"' {
		return unquote(s, text[1:])
	}
	n := 0
	for n < len(text) && text[n] > ' ' {
		n++
	}
	return text[:n:n], text[n:], true
}

// unquote reads up to the closing quote of a string in the manner of JSON, before which text begins.
func unquote(s *scratch, text []byte) (value, rest []byte, ok bool) {
	i := bytes.IndexAny(text, `"\`)
	if i < 0 {
		return nil, nil, false
	}
	if text[i] == '"' { // nothing escaped: a view will do
		return text[:i:i], text[i+1:], true
	}
	from := len(s.arena)
	for {
		s.arena = append(s.arena, text[:i]...)
		if text[i] == '"' {
			return s.arena[from:len(s.arena):len(s.arena)], text[i+1:], true
		}
		if i+1 == len(text) {
			return nil, nil, false
		}
		n := 2
		switch c := text[i+1]; c {
		case 'n':
			s.arena = append(s.arena, '\n')
		case 't':
			s.arena = append(s.arena, '\t')
		case 'r':
			s.arena = append(s.arena, '\r')
		case 'u':
			if i+6 > len(text) {
				return nil, nil, false
			}
			r, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16)
			if err != nil {
				return nil, nil, false
			}
			s.arena = utf8.AppendRune(s.arena, rune(r))
			n = 6
		default:
			s.arena = append(s.arena, c)
		}
		text = text[i+n:]
		if i = bytes.IndexAny(text, `"\`); i < 0 {
			return nil, nil, false
		}
	}
}
