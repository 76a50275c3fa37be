package ram

import (
	"fmt"
	"strings"
)

// token shows what stands at the current place.
func (s *scanner) token() string {
	if s.at >= len(s.src) {
		return "the end of the document"
	}
	rest := s.src[s.at:]
	end := 0
	for end < len(rest) && end < 24 && strings.IndexByte(" \t\r\n,:{}[]\"", rest[end]) < 0 {
		end++
	}
	return fmt.Sprintf("%q", strings.ToValidUTF8(string(rest[:max(end, 1)]), "\uFFFD"))
}

// advice recognises what people paste.
func (s *scanner) advice() string {
	rest := string(s.src[s.at:min(len(s.src), s.at+8)])
	switch {
	case strings.HasPrefix(rest, "\ufeff"):
		return ": the file begins with a byte order mark, save it as UTF-8 without one"
	case strings.HasPrefix(rest, "'"), strings.HasPrefix(rest, "“"), strings.HasPrefix(rest, "”"), strings.HasPrefix(rest, "‘"):
		return `: JSON strings stand in straight double quotes "`
	case strings.HasPrefix(rest, "/"), strings.HasPrefix(rest, "#"):
		return ": JSON has no comments"
	case strings.HasPrefix(rest, "`"):
		return ": the marks of a Markdown code block are not part of the document"
	case strings.HasPrefix(rest, ","):
		return ": one comma too many"
	}
	return ""
}

// label names the value of an element in messages.
func label(key string, kind byte) string {
	switch kind {
	case '[':
		return "the " + short(key) + " array"
	case '{':
		return "the " + short(key) + " object"
	}
	return fmt.Sprintf("the value of %q", short(key))
}

// short keeps messages readable whatever the document holds.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
