package config

import (
	"strings"
)

// The question "can two path patterns match the same file?" is answered by walking both at once, as one walks two
// automata: a pair of positions is reached if some path leads to both.

// matcher is what one step of a pattern takes.
type matcher struct {
	kind matchKind
	char rune
}

type matchKind uint8

const (
	oneChar  matchKind = iota // this character
	anyChar                   // ? and [...]: one character other than a slash
	anyRun                    // *: any number of characters other than slashes
	anyTree                   // ** at the end: anything
	anyDepth                  // **/: nothing, or anything that ends in a slash
)

// overlap reports whether some path matches both patterns. Classes such as [a-z] count as any character, so it may say yes
// where the answer is no, never the other way round.
func overlap(a, b string) bool {
	if apart(a, b) {
		return false
	}
	for _, x := range alternatives(a) {
		for _, y := range alternatives(b) {
			if meet(tokens(x), tokens(y)) {
				return true
			}
		}
	}
	return false
}

// apart reports whether what two patterns begin or end with rules out a path that matches both. It is quick: hundreds of inputs
// are compared each with each.
func apart(a, b string) bool {
	const meta = `*?[]{}\`
	ends := func(p string) (head, tail string) {
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
	headA, tailA := ends(a)
	headB, tailB := ends(b)
	n, m := min(len(headA), len(headB)), min(len(tailA), len(tailB))
	return headA[:n] != headB[:n] || tailA[len(tailA)-m:] != tailB[len(tailB)-m:]
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
		switch r := []rune(p[:1])[0]; {
		case strings.HasPrefix(p, "**/"):
			out, p = append(out, matcher{kind: anyDepth}), p[3:]
		case strings.HasPrefix(p, "**"):
			out, p = append(out, matcher{kind: anyTree}), strings.TrimLeft(p, "*")
		case r == '*':
			out, p = append(out, matcher{kind: anyRun}), p[1:]
		case r == '?':
			out, p = append(out, matcher{kind: anyChar}), p[1:]
		case r == '[' && strings.IndexByte(p[1:], ']') >= 0:
			out, p = append(out, matcher{kind: anyChar}), p[2+strings.IndexByte(p[1:], ']'):]
		case r == '\\' && len(p) > 1:
			out, p = append(out, matcher{char: rune(p[1])}), p[2:]
		default: // bytes are compared, so a character of several is as good as several characters
			out, p = append(out, matcher{char: rune(p[0])}), p[1:]
		}
	}
	return out
}

// step is a position in a pattern: before token at, or inside the directories that token at (a **/) has begun to take.
type step struct {
	at     int
	inside bool
}

// edge leads to a position by a character: this one, any but a slash, or any.
type edge struct {
	char rune // 0 = any
	file bool // a slash does not count
	to   step
}

func (s step) edges(p []matcher) []edge {
	if s.at >= len(p) {
		return nil
	}
	next := step{at: s.at + 1}
	switch t := p[s.at]; t.kind {
	case oneChar:
		return []edge{{char: t.char, to: next}}
	case anyChar:
		return []edge{{file: true, to: next}}
	case anyRun:
		return []edge{{file: true, to: s}}
	case anyTree:
		return []edge{{to: s}}
	}
	return []edge{{to: step{s.at, true}}, {char: '/', to: next}}
}

// free reports whether the position after this token is reached without a character.
func (s step) free(p []matcher) bool {
	return s.at < len(p) && !s.inside && p[s.at].kind >= anyRun
}

func meet(a, b []matcher) bool {
	type pair struct{ x, y step }
	seen := map[pair]bool{}
	todo := []pair{{}}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p] {
			continue
		}
		seen[p] = true
		if p.x.at == len(a) && p.y.at == len(b) {
			return true
		}
		if p.x.free(a) {
			todo = append(todo, pair{step{at: p.x.at + 1}, p.y})
		}
		if p.y.free(b) {
			todo = append(todo, pair{p.x, step{at: p.y.at + 1}})
		}
		for _, e := range p.x.edges(a) {
			for _, f := range p.y.edges(b) {
				if e.agrees(f) {
					todo = append(todo, pair{e.to, f.to})
				}
			}
		}
	}
	return false
}

// agrees reports whether one character fits both edges.
func (e edge) agrees(f edge) bool {
	switch {
	case e.char != 0 && f.char != 0:
		return e.char == f.char
	case e.char == '/':
		return !f.file
	case f.char == '/':
		return !e.file
	}
	return true
}
