package config

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// source is the text of one file and what is needed to point into it.
type source struct {
	path   string
	text   string
	places map[string]place // where each key stands, by joined path; see scan
}

// span is a run of bytes [start, end) of a source.
type span struct{ start, end int }

// place says where a key and its value stand.
type place struct {
	key   span // the last part of the key, or the part of a header that names the table
	value span // the value, without what surrounds it; a header for a table that has one
}

// position is the line and column (both from 1, columns in characters) of a byte offset.
func (s *source) position(off int) (line, col int) {
	off = min(max(off, 0), len(s.text))
	before := s.text[:off]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// line is the text of the line that holds off, without its end, and the offset at which it begins.
func (s *source) line(off int) (text string, start int) {
	off = min(max(off, 0), len(s.text))
	start = strings.LastIndexByte(s.text[:off], '\n') + 1
	text = s.text[start:]
	if end := strings.IndexByte(text, '\n'); end >= 0 {
		text = text[:end]
	}
	return strings.TrimSuffix(text, "\r"), start
}

// excerptWidth is the most characters of a line that are shown; more would wrap and carry the caret away.
const excerptWidth = 120

// excerpt returns the line that holds at and carets under the part of at on that line, both safe for a terminal and
// without secrets. The two have the same indentation: tabs stay tabs.
func (s *source) excerpt(at span) (text, carets string) {
	text, start := s.line(at.start)
	from, to := min(at.start-start, len(text)), min(at.end-start, len(text))
	from, to = max(from, 0), max(to, from)
	if s.insideSecret(start) {
		text, from, to = "***", 0, 3
	}
	text, from, to = maskLine(text, from, to)
	text, from, to = window(text, from, to)
	var b strings.Builder
	for _, r := range text[:from] {
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteString(strings.Repeat(" ", cells(r)))
		}
	}
	n := 0
	for _, r := range text[from:to] {
		n += cells(r)
	}
	b.WriteString(strings.Repeat("^", max(n, 1)))
	return printable(text), b.String()
}

// window cuts a long line around [from, to).
func window(text string, from, to int) (string, int, int) {
	if utf8.RuneCountInString(text) <= excerptWidth {
		return text, from, to
	}
	lo := max(0, from-excerptWidth/3)
	for lo > 0 && !utf8.RuneStart(text[lo]) {
		lo--
	}
	hi := min(len(text), lo+excerptWidth)
	for hi < len(text) && !utf8.RuneStart(text[hi]) {
		hi++
	}
	to = min(to, hi)
	head, tail := "", ""
	if lo > 0 {
		head = "..."
	}
	if hi < len(text) {
		tail = "..."
	}
	return head + text[lo:hi] + tail, from - lo + len(head), to - lo + len(head)
}

// printable replaces what a terminal would act on.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// cells is the number of terminal cells of r: two for the East Asian wide ranges.
func cells(r rune) int {
	if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 ||
		r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd) {
		return 2
	}
	return 1
}

var (
	// secretKey finds an assignment to a key that is likely to hold a secret, spelt right or nearly so.
	secretKey = regexp.MustCompile(`(?i)(?:[\w."'-]*(?:secr|passw|token)[\w."'-]*|\buri|\bcommand)\s*=\s*`)
	// secretReference is a value that says where a secret is.
	secretReference = regexp.MustCompile(`^\{\s*(?:file|env|credential)\s*=\s*(?:"[^"\\]*"|'[^']*')\s*\}`)
	// accessKey finds what looks like an AccessKey id or a temporary one.
	accessKey = regexp.MustCompile(`\b(?:LTAI|STS\.|TMP\.)[A-Za-z0-9]{8,}`)
)

// secretLine reports whether the line that holds off has a value that must not be shown.
func (s *source) secretLine(off int) bool {
	text, start := s.line(off)
	_, _, ok := secretValue(text)
	return ok || accessKey.MatchString(text) || s.insideSecret(start)
}

// insideSecret reports whether the value of a secret's key began on an earlier line and goes on at off.
func (s *source) insideSecret(off int) bool {
	for _, p := range s.places {
		if p.value.start < off && off < p.value.end && p.value.start > p.key.start && secretKey.MatchString(s.text[p.key.start:p.key.end]+" = ") {
			return true
		}
	}
	return false
}

// secretValue finds the value to hide: the rest of the line after a secret's key, unless it is a reference such as { file = ... }.
func secretValue(text string) (from, to int, ok bool) {
	for _, m := range secretKey.FindAllStringIndex(text, -1) {
		rest := text[m[1]:]
		if rest == "" || secretReference.MatchString(rest) {
			continue
		}
		end := len(text)
		if q := rest[0]; q == '"' || q == '\'' {
			// A quote inside of the secret ends the string early; what stands behind it then is secret, too.
			if i := closing(rest); i > 0 && endsValue(rest[i:]) {
				end = m[1] + i
			}
		}
		return m[1], end, true
	}
	return 0, 0, false
}

// endsValue reports whether s is what may follow a value on its line.
func endsValue(s string) bool {
	s = strings.TrimLeft(s, " \t")
	return s == "" || strings.ContainsRune("#,}]\r", rune(s[0]))
}

// closing is the length of the quoted string that s begins with, or 0 if it is not closed on this line.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] == '\\' && s[0] == '"' {
			i++
		} else if s[i] == s[0] {
			return i + 1
		}
	}
	return 0
}

// maskLine hides secrets in a line and moves [from, to) along.
func maskLine(text string, from, to int) (string, int, int) {
	hide := func(lo, hi int, with string) {
		text = text[:lo] + with + text[hi:]
		shift := func(at int, inside int) int {
			if at >= hi {
				return at + len(with) - (hi - lo)
			}
			if at > lo {
				return inside
			}
			return at
		}
		from, to = shift(from, lo), shift(to, lo+len(with))
	}
	if lo, hi, ok := secretValue(text); ok {
		hide(lo, hi, `"***"`)
	}
	for {
		m := accessKey.FindStringIndex(text)
		if m == nil {
			return text, from, to
		}
		id := text[m[0]:m[1]]
		hide(m[0], m[1], id[:4]+"…"+id[len(id)-2:])
	}
}
