package ram

import (
	"strings"
	"unicode/utf8"
)

// Match reports whether s fits pattern: `*` stands for any run of characters, none and `:` and `/` included, `?` for exactly
// one. The pieces between stars are searched once each from left to right, without going back, so that a hostile pattern
// costs no more than one pass over s (times the length of a piece, for a piece that contains `?`).
func Match(pattern, s string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	n, ok := prefix(first, s)
	if !ok {
		return false
	}
	s = s[n:]
	if !star {
		return s == ""
	}
	for {
		piece, tail, more := strings.Cut(rest, "*")
		if !more {
			return suffix(piece, s)
		}
		if n, ok = index(piece, s); !ok {
			return false
		}
		s, rest = s[n:], tail
	}
}

// MatchFold is Match without regard to case, as actions are compared.
func MatchFold(pattern, s string) bool { return Match(strings.ToLower(pattern), strings.ToLower(s)) }

// prefix reports whether s begins with piece, and how many bytes of s that takes.
func prefix(piece, s string) (int, bool) {
	if !strings.Contains(piece, "?") {
		return len(piece), strings.HasPrefix(s, piece)
	}
	n := 0
	for piece != "" {
		if n == len(s) {
			return 0, false
		}
		if piece[0] == '?' {
			_, w := utf8.DecodeRuneInString(s[n:])
			n, piece = n+w, piece[1:]
			continue
		}
		if piece[0] != s[n] {
			return 0, false
		}
		n, piece = n+1, piece[1:]
	}
	return n, true
}

// suffix reports whether s ends with piece.
func suffix(piece, s string) bool {
	if !strings.Contains(piece, "?") {
		return strings.HasSuffix(s, piece)
	}
	at := len(s)
	for range utf8.RuneCountInString(piece) {
		if at == 0 {
			return false
		}
		_, w := utf8.DecodeLastRuneInString(s[:at])
		at -= w
	}
	n, ok := prefix(piece, s[at:])
	return ok && at+n == len(s)
}

// index finds the first place where piece fits in s and returns where it ends.
func index(piece, s string) (int, bool) {
	if !strings.Contains(piece, "?") {
		i := strings.Index(s, piece)
		return i + len(piece), i >= 0
	}
	for at := 0; at <= len(s); {
		if n, ok := prefix(piece, s[at:]); ok {
			return at + n, true
		}
		if at == len(s) {
			break
		}
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return 0, false
}

// matchAny reports whether one of the patterns fits.
func matchAny(match func(pattern, s string) bool, patterns []string, s string) bool {
	for _, p := range patterns {
		if match(p, s) {
			return true
		}
	}
	return false
}
