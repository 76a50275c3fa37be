package tail

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// pattern is one alternative of a glob (braces that hold a slash are expanded), cut at its slashes.
type pattern struct {
	text string   // absolute and clean
	base string   // the longest directory without any wildcard
	segs []string // of text, without the leading empty one
}

// glob is the paths and the exclusions of one input.
type glob struct {
	include []pattern
	exclude []string
}

func newGlob(paths, exclude []string) (glob, error) {
	var g glob
	for _, p := range paths {
		for _, p := range expand(p) {
			if !doublestar.ValidatePattern(p) {
				return glob{}, fmt.Errorf("path %q: %w", p, doublestar.ErrBadPattern)
			}
			abs, err := filepath.Abs(p)
			if err != nil {
				return glob{}, fmt.Errorf("path %q: %w", p, err)
			}
			base, _ := doublestar.SplitPattern(abs)
			g.include = append(g.include, pattern{text: abs, base: filepath.Clean(base), segs: segments(abs)})
		}
	}
	for _, p := range exclude {
		if !doublestar.ValidatePattern(p) {
			return glob{}, fmt.Errorf("exclude %q: %w", p, doublestar.ErrBadPattern)
		}
		if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "**") {
			p = "**/" + p
		}
		g.exclude = append(g.exclude, p)
	}
	return g, nil
}

func segments(path string) []string {
	return strings.Split(strings.TrimPrefix(path, "/"), "/")
}

// matches reports whether path is one to read.
func (g glob) matches(path string) bool {
	for _, p := range g.include {
		if under(p.base, path) && doublestar.MatchUnvalidated(p.text, path) {
			return !g.excluded(path)
		}
	}
	return false
}

// excluded reports whether an exclusion names path itself.
func (g glob) excluded(path string) bool {
	for _, p := range g.exclude {
		if doublestar.MatchUnvalidated(p, path) {
			return true
		}
	}
	return false
}

// descends reports whether a file below dir could match.
func (g glob) descends(dir string) bool {
	parts := segments(dir)
	for _, p := range g.include {
		if len(dir) < len(p.base) || !under(p.base, dir) {
			continue
		}
		if leads(p.segs, parts) {
			return !g.excluded(dir)
		}
	}
	return false
}

// leads reports whether a path that begins with parts and has at least one more can match segs.
func leads(segs, parts []string) bool {
	for i, part := range parts {
		if i >= len(segs) {
			return false
		}
		if segs[i] == "**" {
			return true
		}
		if !doublestar.MatchUnvalidated(segs[i], part) {
			return false
		}
	}
	return len(segs) > len(parts)
}

// under reports whether path is dir or below it.
func under(dir, path string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/') || dir == "/"
}

// expand replaces braces that hold a slash by one pattern for each alternative; others are left to the matcher.
func expand(p string) []string {
	open, depth, slash := -1, 0, false
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '{':
			if depth++; depth == 1 {
				open, slash = i, false
			}
		case '/':
			slash = slash || depth > 0
		case '}':
			if depth--; depth == 0 && slash {
				var out []string
				for _, alt := range alternatives(p[open+1 : i]) {
					out = append(out, expand(p[:open]+alt+p[i+1:])...)
				}
				return out
			}
		}
	}
	return []string{p}
}

// alternatives splits the inside of a brace at its own commas.
func alternatives(s string) []string {
	var out []string
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth == 0 {
				out, from = append(out, s[from:i]), i+1
			}
		}
	}
	return append(out, s[from:])
}

// rotatedName reports whether name is one that rotation makes out of base: app.log -> app.log.1, app.log-20260101.gz,
// app.log.old, app-20260101.log, app.1.log; and app.log.2 out of app.log.1.
func rotatedName(base, name string) bool {
	if name == base {
		return false
	}
	if rotationOf(base, name) {
		return true
	}
	from := strings.TrimRight(plainName(base), generation)
	return from != plainName(base) && from != "" && name != from && rotationOf(from, name)
}

func rotationOf(base, name string) bool {
	if rest, ok := strings.CutPrefix(name, base); ok && rest != "" {
		return strings.ContainsRune(".-_~", rune(rest[0]))
	}
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	rest, ok := strings.CutPrefix(plainName(name), stem)
	if !ok || stem == "" || ext == "" {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ext)
	if !ok || len(rest) < 2 || !strings.ContainsRune(".-_@", rune(rest[0])) {
		return false
	}
	return strings.Trim(rest, generation) == ""
}

// plainName takes the suffix of a compressed file off.
func plainName(name string) string {
	switch ext := filepath.Ext(name); ext {
	case ".gz", ".zst", ".bz2", ".xz", ".lz4", ".Z", ".zip":
		return strings.TrimSuffix(name, ext)
	}
	return name
}
