package config

import (
	"strconv"
	"strings"
)

// maxDepth bounds how deep lists and inline tables nest. The parser recurses once a level, so a file of brackets alone could
// otherwise exhaust the stack.
const maxDepth = 64

// scanner finds where every key and value of a TOML text stands. The toml library knows values and names unknown keys, yet
// gives no position for them. scanner knows positions and judges nothing: on text that is not TOML it stops early or skips
// to the next line, and what it found is used only for keys that the library found too.
type scanner struct {
	text   string
	i      int
	depth  int
	deep   int // offset at which the nesting became too deep; -1 if it did not
	places map[string]place
	kinds  map[string]kind // how each path came to be, to notice a key that is set twice
	counts map[string]int  // elements so far of each [[array of tables]]
	twice  []repeat
}

type kind uint8

const (
	isImplied kind = iota + 1 // a table that is only the beginning of another's name
	isHeader                  // [table]
	isElement                 // [[list]]
	isValue                   // key = value
)

// repeat is a key that is set a second time in the same file.
type repeat struct {
	path          []string
	first, second span
}

// part is one element of a dotted key.
type part struct {
	name string
	at   span
}

// sep stands between the parts of a path. It is no UTF-8, so no key of a TOML file holds it.
const sep = "\xff"

// join makes a map key of a path.
func join(path []string) string { return strings.Join(path, sep) }

// scan finds every key in text.
func scan(text string) *scanner {
	s := &scanner{text: text, deep: -1, places: map[string]place{}, kinds: map[string]kind{}, counts: map[string]int{}}
	s.i = len(text) - len(strings.TrimPrefix(text, "\ufeff"))
	var table []string
	for s.blank(); s.i < len(s.text); s.blank() {
		if s.text[s.i] == '[' {
			table = s.header()
		} else {
			s.pair(table)
		}
		s.restOfLine()
	}
	return s
}

// blank skips white space, line ends and comments.
func (s *scanner) blank() {
	for s.i < len(s.text) {
		switch c := s.text[s.i]; c {
		case ' ', '\t', '\r', '\n':
			s.i++
		case '#':
			s.restOfLine()
		default:
			return
		}
	}
}

// space skips white space within a line.
func (s *scanner) space() {
	for s.i < len(s.text) && (s.text[s.i] == ' ' || s.text[s.i] == '\t') {
		s.i++
	}
}

func (s *scanner) restOfLine() {
	if n := strings.IndexByte(s.text[s.i:], '\n'); n >= 0 {
		s.i += n
	} else {
		s.i = len(s.text)
	}
}

func (s *scanner) accept(c byte) bool {
	if s.i < len(s.text) && s.text[s.i] == c {
		s.i++
		return true
	}
	return false
}

// header reads [a.b] or [[a.b]] and returns the path of the table that it opens.
func (s *scanner) header() []string {
	start := s.i
	s.i++
	list := s.accept('[')
	parts := s.key()
	s.space()
	s.accept(']')
	if list {
		s.accept(']')
	}
	whole := span{start, s.i}
	if len(parts) == 0 {
		return []string{""}
	}
	var path []string
	for n, p := range parts {
		path = append(path, p.name)
		id := join(path)
		last := n == len(parts)-1
		switch {
		case last && list:
			if k := s.kinds[id]; k != 0 && k != isElement {
				s.twice = append(s.twice, repeat{path: clone(path), first: s.places[id].key, second: p.at})
			} else if k == 0 {
				s.put(path, isElement, p.at, whole)
			}
			path = append(path, strconv.Itoa(s.counts[id]))
			s.counts[id]++
			s.put(path, isHeader, p.at, whole)
		case last:
			s.note(path, isHeader, p.at, whole)
		default:
			if s.kinds[id] == 0 {
				s.put(path, isImplied, p.at, whole)
			}
			if c := s.counts[id]; c > 0 {
				path = append(path, strconv.Itoa(c-1))
			}
		}
	}
	return path
}

// pair reads key = value under a table.
func (s *scanner) pair(table []string) bool {
	parts := s.key()
	s.space()
	if len(parts) == 0 || !s.accept('=') {
		return false
	}
	s.space()
	path := clone(table)
	for _, p := range parts[:len(parts)-1] {
		path = append(path, p.name)
		if s.kinds[join(path)] == 0 {
			s.put(path, isImplied, p.at, p.at)
		}
	}
	last := parts[len(parts)-1]
	path = append(path, last.name)
	s.note(path, isValue, last.at, last.at)
	from := s.i
	s.value(path)
	id := join(path)
	if pl := s.places[id]; pl.key == last.at {
		pl.value = span{from, s.i}
		s.places[id] = pl
	}
	return true
}

// note enters a key and remembers when it was there before.
func (s *scanner) note(path []string, k kind, key, val span) {
	id := join(path)
	if old := s.kinds[id]; old > isImplied || old == isImplied && k == isValue {
		s.twice = append(s.twice, repeat{path: clone(path), first: s.places[id].key, second: key})
		return
	}
	s.put(path, k, key, val)
}

func (s *scanner) put(path []string, k kind, key, val span) {
	id := join(path)
	s.kinds[id], s.places[id] = k, place{key: key, value: val}
}

// value reads one value; what is inside a list or an inline table is entered under path.
func (s *scanner) value(path []string) {
	if s.i >= len(s.text) {
		return
	}
	switch c := s.text[s.i]; c {
	case '"', '\'':
		s.quoted()
	case '[', '{':
		if s.depth++; s.depth > maxDepth {
			if s.deep < 0 {
				s.deep = s.i
			}
			s.i = len(s.text)
		} else if s.i++; c == '[' {
			s.list(path)
		} else {
			s.inline(path)
		}
		s.depth--
	default:
		end := strings.IndexAny(s.text[s.i:], ",]}#\r\n")
		if end < 0 {
			end = len(s.text) - s.i
		}
		s.i += len(strings.TrimRight(s.text[s.i:s.i+end], " \t"))
	}
}

func (s *scanner) list(path []string) {
	for n := 0; ; n++ {
		s.blank()
		if s.i >= len(s.text) || s.accept(']') {
			return
		}
		from := s.i
		elem := append(clone(path), strconv.Itoa(n))
		s.value(elem)
		s.put(elem, isValue, span{from, s.i}, span{from, s.i})
		s.blank()
		if !s.accept(',') {
			s.accept(']')
			return
		}
	}
}

func (s *scanner) inline(path []string) {
	for {
		s.blank()
		if s.i >= len(s.text) || s.accept('}') {
			return
		}
		if !s.pair(path) {
			return
		}
		s.blank()
		if !s.accept(',') {
			s.accept('}')
			return
		}
	}
}
