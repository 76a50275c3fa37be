package ram

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError says what is wrong with a document and where.
type SyntaxError struct {
	Line, Column int // from 1; columns count characters
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
}

// node is one JSON value with its place in the text. encoding/json keeps no places and lets duplicate keys and invalid
// UTF-8 pass, hence a scanner of our own.
type node struct {
	kind    byte // { [ " 0 (number) t (true, false) n (null)
	text    string
	items   []node   // of an array
	members []member // of an object
	at, end int      // offsets
}

type member struct {
	key string
	at  int
	val node
}

// depth is how deep a document may nest; a policy needs five levels.
const depth = 12

type scanner struct {
	src []byte
	at  int
}

// fail makes a SyntaxError for an offset.
func (s *scanner) fail(at int, format string, args ...any) error {
	line, column := place(s.src, at)
	return &SyntaxError{Line: line, Column: column, Message: fmt.Sprintf(format, args...)}
}

// place turns an offset into line and column.
func place(src []byte, at int) (line, column int) {
	at = min(at, len(src))
	before := string(src[:at])
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// scan reads one JSON value and nothing after it.
func scan(src []byte) (node, error) {
	s := &scanner{src: src}
	s.space()
	if s.at == len(src) {
		return node{}, s.fail(s.at, "the document is empty")
	}
	n, err := s.value("the document", 0)
	if err != nil {
		return node{}, err
	}
	s.space()
	if s.at < len(src) {
		return node{}, s.fail(s.at, "%s after the end of the document", s.token())
	}
	return n, nil
}

func (s *scanner) space() {
	for s.at < len(s.src) && strings.IndexByte(" \t\r\n", s.src[s.at]) >= 0 {
		s.at++
	}
}

// peek is the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

// value reads one value. what names it in messages: "the Action array", `the value of "Effect"`.
func (s *scanner) value(what string, level int) (node, error) {
	if level > depth {
		return node{}, s.fail(s.at, "nested too deeply")
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object(what, level)
	case c == '[':
		return s.array(what, level)
	case c == '"':
		return s.text()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't' || c == 'f' || c == 'n':
		return s.word()
	}
	return node{}, s.fail(s.at, "%s where %s is expected%s", s.token(), what, s.advice())
}

func (s *scanner) object(what string, level int) (node, error) {
	n := node{kind: '{', at: s.at}
	seen := map[string]bool{}
	s.at++
	for last := ""; ; {
		s.space()
		switch c := s.peek(); {
		case c == '}' && last != ",":
			s.at++
			n.end = s.at
			return n, nil
		case c == '}':
			return n, s.fail(s.at, "comma before the closing } of %s: remove the comma", what)
		case s.at == len(s.src):
			return n, s.fail(s.at, "%s ends without its closing }", what)
		case last != "" && last != ",":
			return n, s.fail(s.at, "%s", s.noComma(last, '}', what))
		case c != '"':
			return n, s.fail(s.at, "%s where the name of an element in double quotes is expected%s", s.token(), s.advice())
		}
		m := member{at: s.at}
		key, err := s.text()
		if err != nil {
			return n, err
		}
		m.key = key.text
		if seen[m.key] {
			return n, s.fail(m.at, "%q is in %s twice", m.key, what)
		}
		seen[m.key] = true
		s.space()
		if s.peek() != ':' {
			return n, s.fail(s.at, "missing colon after %q", m.key)
		}
		s.at++
		s.space()
		if s.at == len(s.src) {
			return n, s.fail(s.at, "the document ends after %q", m.key)
		}
		if m.val, err = s.value(label(m.key, s.peek()), level+1); err != nil {
			return n, err
		}
		n.members = append(n.members, m)
		last = label(m.key, m.val.kind)
		if s.space(); s.peek() == ',' {
			s.at++
			last = ","
		}
	}
}

func (s *scanner) array(what string, level int) (node, error) {
	n := node{kind: '[', at: s.at}
	s.at++
	for last := ""; ; {
		s.space()
		switch c := s.peek(); {
		case c == ']' && last == ",":
			return n, s.fail(s.at, "comma before the closing ] of %s: remove the comma", what)
		case c == ']':
			s.at++
			n.end = s.at
			return n, nil
		case s.at == len(s.src):
			return n, s.fail(s.at, "%s ends without its closing ]", what)
		case last != "" && last != ",":
			return n, s.fail(s.at, "%s", s.noComma(last, ']', what))
		}
		item, err := s.value("an entry of "+what, level+1)
		if err != nil {
			return n, err
		}
		n.items = append(n.items, item)
		last = "an entry of " + what
		if item.kind == '"' {
			last = fmt.Sprintf("%q in %s", short(item.text), what)
		}
		if s.space(); s.peek() == ',' {
			s.at++
			last = ","
		}
	}
}

// noComma says that something follows a value without a comma.
func (s *scanner) noComma(last string, closing byte, what string) string {
	if c := s.peek(); c == '}' || c == ']' {
		return fmt.Sprintf("%c where %s must be closed with %c", c, what, closing)
	}
	if strings.IndexByte(`"{[`, s.peek()) >= 0 {
		return "missing comma after " + last
	}
	return fmt.Sprintf("%s where a comma or %c is expected, after %s%s", s.token(), closing, last, s.advice())
}

func (s *scanner) text() (node, error) {
	start := s.at
	for i := start + 1; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case c == '\\':
			i++
		case c == '"':
			raw := s.src[start : i+1]
			if !utf8.Valid(raw) {
				return node{}, s.fail(start, "the string is not valid UTF-8")
			}
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return node{}, s.fail(start, "the string has an invalid escape")
			}
			s.at = i + 1
			return node{kind: '"', text: text, at: start, end: s.at}, nil
		case c < 0x20:
			return node{}, s.fail(start, "the string is not closed on its line")
		}
	}
	return node{}, s.fail(start, "the string is not closed")
}

func (s *scanner) number() (node, error) {
	start := s.at
	for s.at < len(s.src) && strings.IndexByte("+-0123456789.eE", s.src[s.at]) >= 0 {
		s.at++
	}
	text := string(s.src[start:s.at])
	if !json.Valid([]byte(text)) {
		return node{}, s.fail(start, "%s is not a number", short(text))
	}
	return node{kind: '0', text: text, at: start, end: s.at}, nil
}

func (s *scanner) word() (node, error) {
	for _, w := range []string{"true", "false", "null"} {
		if strings.HasPrefix(string(s.src[s.at:min(len(s.src), s.at+len(w))]), w) {
			n := node{kind: w[0], text: w, at: s.at, end: s.at + len(w)}
			if n.kind == 'f' {
				n.kind = 't'
			}
			s.at = n.end
			return n, nil
		}
	}
	return node{}, s.fail(s.at, "%s where a value is expected%s", s.token(), s.advice())
}
