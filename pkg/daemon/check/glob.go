package check

import (
	"path"
	"regexp"
	"strings"
)

// glob is one pattern of paths or exclude: what pkg/tail reads, told without reading it. The tests compare it with the matcher
// that pkg/tail uses.
type glob struct {
	base string           // the longest directory without a wildcard
	segs []*regexp.Regexp // one for each part between slashes; nil is **
}

// maxAlternatives bounds what braces unfold to.
const maxAlternatives = 1024

// globs compiles a pattern; braces become one glob for each alternative. Patterns were validated with the configuration: one
// that cannot be compiled matches nothing.
func globs(pattern string) []glob {
	var out []glob
	for _, p := range unfold(pattern, maxAlternatives) {
		var g glob
		parts := strings.Split(strings.TrimPrefix(path.Clean(p), "/"), "/")
		var fixed []string
		for i, part := range parts {
			if len(fixed) == i && i < len(parts)-1 && !strings.ContainsAny(part, `*?[\`) {
				fixed = append(fixed, part)
			}
			if part == "**" {
				g.segs = append(g.segs, nil)
				continue
			}
			re, err := regexp.Compile(translate(part))
			if err != nil {
				g.segs = nil
				break
			}
			g.segs = append(g.segs, re)
		}
		if g.segs != nil {
			g.base = "/" + strings.Join(fixed, "/")
			out = append(out, g)
		}
	}
	return out
}

// unfold replaces {a,b} by its alternatives.
func unfold(p string, limit int) []string {
	open, depth := -1, 0
	var cuts []int
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '[':
			if end := strings.IndexByte(p[i:], ']'); end > 0 {
				i += end
			}
		case '{':
			if depth++; depth == 1 {
				open, cuts = i, []int{i}
			}
		case ',':
			if depth == 1 {
				cuts = append(cuts, i)
			}
		case '}':
			if depth--; depth != 0 || open < 0 {
				continue
			}
			var out []string
			cuts = append(cuts, i)
			for k := 1; k < len(cuts) && len(out) < limit; k++ {
				out = append(out, unfold(p[:open]+p[cuts[k-1]+1:cuts[k]]+p[i+1:], limit-len(out))...)
			}
			return out
		}
	}
	return []string{p}
}

// translate makes a regular expression of one part.
func translate(part string) string {
	var b strings.Builder
	b.WriteString(`^(?s:`)
	runes := []rune(part)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteString(`.`)
		case '\\':
			if i++; i < len(runes) {
				b.WriteString(regexp.QuoteMeta(string(runes[i])))
			}
		case '[':
			i = class(&b, runes, i)
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`)$`)
	return b.String()
}

// class copies a set of characters and returns where it ends.
func class(b *strings.Builder, runes []rune, i int) int {
	b.WriteByte('[')
	i++
	if i < len(runes) && (runes[i] == '!' || runes[i] == '^') {
		b.WriteByte('^')
		i++
	}
	for first := true; i < len(runes) && (runes[i] != ']' || first); i, first = i+1, false {
		switch {
		case runes[i] == '\\' && i+1 < len(runes):
			i++
			b.WriteString(`\` + string(runes[i]))
		case runes[i] == '-':
			b.WriteByte('-')
		default:
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		}
	}
	b.WriteByte(']')
	return i
}

func split(p string) []string { return strings.Split(strings.TrimPrefix(p, "/"), "/") }

// matches reports whether a path is one of the pattern's.
func (g glob) matches(p string) bool { return fits(g.segs, split(p)) }

func fits(segs []*regexp.Regexp, parts []string) bool {
	for i, s := range segs {
		if s == nil {
			for k := 0; k <= len(parts)-i; k++ {
				if fits(segs[i+1:], parts[i+k:]) {
					return true
				}
			}
			return false
		}
		if i >= len(parts) || !s.MatchString(parts[i]) {
			return false
		}
	}
	return len(segs) == len(parts)
}

// descends reports whether something below a directory can match.
func (g glob) descends(dir string) bool {
	if dir == "/" {
		return true
	}
	parts := split(dir)
	for i, part := range parts {
		switch {
		case i >= len(g.segs):
			return false
		case g.segs[i] == nil:
			return true
		case !g.segs[i].MatchString(part):
			return false
		}
	}
	return len(g.segs) > len(parts)
}

func anyMatches(list []glob, p string) bool {
	for _, g := range list {
		if g.matches(p) {
			return true
		}
	}
	return false
}
