package ram

import "strings"

// token is one piece of a resource template: a byte, or a variable that stands for one or more characters of a name.
type token struct {
	lit    byte
	sample string // of a variable: what to put where nothing else is asked for
}

// tokens cuts a template. Variables become samples of vars, so that a witness looks like a real resource.
func tokens(template string, vars Vars) []token {
	pairs := vars.pairs()
	var out []token
	for template != "" {
		cut := false
		for i := 0; i < len(pairs) && !cut; i += 2 {
			if rest, ok := strings.CutPrefix(template, pairs[i]); ok {
				out, template, cut = append(out, token{sample: pairs[i+1]}), rest, true
			}
		}
		if !cut {
			out, template = append(out, token{lit: template[0]}), template[1:]
		}
	}
	return out
}

// overlap reports whether any resource of the template fits pattern, and gives one. This is how Lint finds out what a
// pattern allows without trying names: `…/logstore/web/*` overlaps no resource that a write is checked against.
func overlap(pattern string, template []token) (string, bool) {
	o := overlapper{pattern: pattern, template: template, dead: make([]bool, 2*(len(pattern)+1)*(len(template)+1))}
	if !o.walk(state{}) {
		return "", false
	}
	// the pieces were put down on the way back
	out := make([]byte, 0, len(o.out))
	for i := len(o.out) - 1; i >= 0; i-- {
		out = append(out, o.out[i]...)
	}
	return string(out), true
}

type state struct {
	p, t int  // how much of pattern and template is done
	name bool // the variable at t has a character already
}

type overlapper struct {
	pattern  string
	template []token
	dead     []bool // states that lead nowhere, so that each is tried once
	out      []string
}

func (o *overlapper) walk(s state) bool {
	at := 2 * (s.p*(len(o.template)+1) + s.t)
	if s.name {
		at++
	}
	if o.dead[at] {
		return false
	}
	o.dead[at] = !o.step(s)
	return !o.dead[at]
}

func (o *overlapper) step(s state) bool {
	if s.t == len(o.template) {
		return strings.Trim(o.pattern[s.p:], "*") == ""
	}
	next := state{p: s.p, t: s.t + 1}
	isName := o.template[s.t].lit == 0
	if s.name && o.walk(next) {
		return true
	}
	if s.p == len(o.pattern) {
		return false
	}
	c := o.pattern[s.p]
	skip := state{p: s.p + 1, t: s.t, name: true}
	switch {
	case c == '*' && isName:
		return !s.name && o.put(o.template[s.t].sample, state{p: s.p, t: s.t, name: true}) ||
			o.walk(state{p: s.p + 1, t: s.t, name: s.name})
	case c == '*':
		return o.walk(state{p: s.p + 1, t: s.t}) || o.put(string(rune(o.template[s.t].lit)), next)
	case isName && c == '?':
		return o.put("x", skip)
	case isName:
		return strings.IndexByte(nameChars, c) >= 0 && o.put(string(rune(c)), skip)
	case c == '?' || c == o.template[s.t].lit:
		return o.put(string(rune(o.template[s.t].lit)), state{p: s.p + 1, t: s.t + 1})
	}
	return false
}

// put goes on to s and, if that leads to the end, puts text before what came of it.
func (o *overlapper) put(text string, s state) bool {
	if !o.walk(s) {
		return false
	}
	o.out = append(o.out, text)
	return true
}
