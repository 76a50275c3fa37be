package config

import (
	"strings"
)

// The question "can two path patterns match the same file?" is answered by walking both at once, as one walks two
// automata: a pair of positions is reached if some path leads to both.

// shape is a path pattern made ready to be compared with others: hundreds of inputs are compared each with each.
type shape []alternative

// alternative is a pattern without braces.
type alternative struct {
	head, tail string // what every path that matches begins and ends with
	tokens     []matcher
}

// matcher is what one step of a pattern takes.
type matcher struct {
	kind matchKind
	char byte
}

type matchKind uint8

const (
	oneChar matchKind = iota // this character
	anyChar                  // ? and [...]: one character other than a slash
	anyRun                   // *: any number of characters other than slashes
	anyTree                  // **: any number of characters
	maybe                    // the two steps behind it, or neither: **/ is nothing, or anything that ends in a slash
)

// maxPairs bounds the pairs of positions that are looked at; patterns so long are taken to overlap.
const maxPairs = 1 << 22

// overlap reports whether some path matches both patterns. Classes such as [a-z] count as any character, so it may say yes
// where the answer is no, never the other way round.
func overlap(a, b string) bool { return shapeOf(a).overlaps(shapeOf(b)) }

func shapeOf(p string) shape {
	var out shape
	for _, p := range alternatives(p) {
		head, tail := ends(p)
		out = append(out, alternative{head, tail, tokens(p)})
	}
	return out
}

func (s shape) overlaps(o shape) bool {
	for i := range s {
		for k := range o {
			if !s[i].apart(&o[k]) && meet(s[i].tokens, o[k].tokens) {
				return true
			}
		}
	}
	return false
}

// apart reports whether what two patterns begin or end with rules out a path that matches both. It is quick.
func (a *alternative) apart(b *alternative) bool {
	n, m := min(len(a.head), len(b.head)), min(len(a.tail), len(b.tail))
	return a.head[:n] != b.head[:n] || a.tail[len(a.tail)-m:] != b.tail[len(b.tail)-m:]
}

// ends is the text before the first wildcard of a pattern and the text behind the last.
func ends(p string) (head, tail string) {
	const meta = `*?[]{}\`
	i := strings.IndexAny(p, meta)
	if i < 0 {
		return p, p
	}
	last := strings.LastIndexAny(p, meta) + 1
	if head, tail = p[:i], p[last:]; strings.HasSuffix(p[:last], "**") {
		tail = strings.TrimPrefix(tail, "/") // **/ may stand for nothing at all
	}
	return head, tail
}

// alternatives expands {a,b}. A pattern with very many of them is cut short.
func alternatives(p string) []string {
	open := strings.IndexByte(p, '{')
	if open < 0 {
		return []string{p}
	}
	depth, from := 0, open+1
	var parts []string
	for i := open; i < len(p); i++ {
		switch p[i] {
		case '{':
			depth++
		case ',':
			if depth == 1 {
				parts, from = append(parts, p[from:i]), i+1
			}
		case '}':
			if depth--; depth == 0 {
				parts = append(parts, p[from:i])
				var out []string
				for _, part := range parts {
					if len(out) < maxAlternatives {
						out = append(out, alternatives(p[:open]+part+p[i+1:])...)
					}
				}
				return out[:min(len(out), maxAlternatives)]
			}
		}
	}
	return []string{p[:open]} // not closed: the owner of the pattern reports it
}

// maxAlternatives bounds what {a,b}{c,d}... is expanded to.
const maxAlternatives = 64

func tokens(p string) []matcher {
	var out []matcher
	for p != "" {
		switch {
		case strings.HasPrefix(p, "**/"):
			out, p = append(out, matcher{kind: maybe}, matcher{kind: anyTree}, matcher{char: '/'}), p[3:]
		case strings.HasPrefix(p, "**"):
			out, p = append(out, matcher{kind: anyTree}), strings.TrimLeft(p, "*")
		case p[0] == '*':
			out, p = append(out, matcher{kind: anyRun}), p[1:]
		case p[0] == '?':
			out, p = append(out, matcher{kind: anyChar}), p[1:]
		case p[0] == '[' && strings.IndexByte(p[1:], ']') >= 0:
			out, p = append(out, matcher{kind: anyChar}), p[2+strings.IndexByte(p[1:], ']'):]
		case p[0] == '\\' && len(p) > 1:
			out, p = append(out, matcher{char: p[1]}), p[2:]
		default: // bytes are compared, so a character of several is as good as several characters
			out, p = append(out, matcher{char: p[0]}), p[1:]
		}
	}
	return out
}

// meet reports whether some path leads to the end of both patterns.
func meet(a, b []matcher) bool {
	width := len(b) + 1
	if (len(a)+1)*width > maxPairs {
		return true
	}
	var few [1024]bool
	seen := few[:]
	if n := (len(a) + 1) * width; n > len(few) {
		seen = make([]bool, n)
	}
	todo := make([][2]int, 0, 64)
	reach := func(i, k int) {
		if at := i*width + k; !seen[at] {
			seen[at] = true
			todo = append(todo, [2]int{i, k})
		}
	}
	for reach(0, 0); len(todo) > 0; {
		i, k := todo[len(todo)-1][0], todo[len(todo)-1][1]
		todo = todo[:len(todo)-1]
		if i == len(a) && k == len(b) {
			return true
		}
		if i < len(a) && a[i].kind >= anyRun {
			reach(i+1, k)
			if a[i].kind == maybe {
				reach(i+3, k)
			}
		}
		if k < len(b) && b[k].kind >= anyRun {
			reach(i, k+1)
			if b[k].kind == maybe {
				reach(i, k+3)
			}
		}
		if i < len(a) && k < len(b) && a[i].agrees(b[k]) {
			reach(i+a[i].step(), k+b[k].step())
		}
	}
	return false
}

// step is how far a character that m takes leads.
func (m matcher) step() int {
	if m.kind >= anyRun {
		return 0
	}
	return 1
}

// agrees reports whether one character fits both.
func (m matcher) agrees(o matcher) bool {
	switch {
	case m.kind == maybe || o.kind == maybe:
		return false
	case m.kind == oneChar && o.kind == oneChar:
		return m.char == o.char
	case m.kind == oneChar && m.char == '/':
		return o.kind == anyTree
	case o.kind == oneChar && o.char == '/':
		return m.kind == anyTree
	}
	return true
}
