package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoted skips a string of any of the four kinds.
func (s *scanner) quoted() {
	q := s.text[s.i]
	triple := strings.Repeat(string(q), 3)
	if !strings.HasPrefix(s.text[s.i:], triple) {
		for s.i++; s.i < len(s.text) && s.text[s.i] != '\n'; s.i++ {
			if s.text[s.i] == '\\' && q == '"' && s.i+1 < len(s.text) {
				s.i++
			} else if s.text[s.i] == q {
				s.i++
				return
			}
		}
		return
	}
	for s.i += 3; s.i < len(s.text); s.i++ {
		if s.text[s.i] == '\\' && q == '"' {
			s.i++
		} else if strings.HasPrefix(s.text[s.i:], triple) {
			s.i += 3
			for n := 0; n < 2 && s.accept(q); n++ { // up to two quotes may stand right before the closing three
			}
			return
		}
	}
	s.i = min(s.i, len(s.text))
}

// key reads a dotted key; nil if there is none.
func (s *scanner) key() []part {
	var parts []part
	for {
		s.space()
		from := s.i
		if s.i >= len(s.text) {
			return nil
		}
		var name string
		if c := s.text[s.i]; c == '"' || c == '\'' {
			s.quoted()
			name = unquote(s.text[from:s.i])
		} else {
			for s.i < len(s.text) && !strings.ContainsRune(" \t\r\n=.[]{},#\"'", rune(s.text[s.i])) {
				s.i++
			}
			name = s.text[from:s.i]
			if name == "" {
				return nil
			}
		}
		parts = append(parts, part{name, span{from, s.i}})
		if len(parts) > maxDepth { // each is a table in the one before
			s.deep, s.i = from, len(s.text)
			return nil
		}
		s.space()
		if !s.accept('.') {
			return parts
		}
	}
}

// unquote reads the escapes of a quoted key.
func unquote(s string) string {
	if len(s) < 2 {
		return s
	}
	body := s[1 : len(s)-1]
	if s[0] == '\'' || !strings.Contains(body, `\`) {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' || i+1 >= len(body) {
			b.WriteByte(body[i])
			continue
		}
		i++
		width := 0
		switch c := body[i]; c {
		case 'b', 't', 'n', 'f', 'r', 'e':
			b.WriteByte("\b\t\n\f\r\x1b"[strings.IndexByte("btnfre", c)])
		case 'x':
			width = 2
		case 'u':
			width = 4
		case 'U':
			width = 8
		default:
			b.WriteByte(c)
		}
		if width > 0 {
			if n, err := strconv.ParseUint(body[i+1:min(i+1+width, len(body))], 16, 32); err == nil && n <= utf8.MaxRune {
				b.WriteRune(rune(n))
			}
			i = min(i+width, len(body)-1)
		}
	}
	return b.String()
}

func clone(path []string) []string { return append(make([]string, 0, len(path)+2), path...) }
