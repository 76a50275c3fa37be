package process

import (
	"regexp"
	"strings"

	"shipper/internal/invalid"
)

// compile makes a regular expression of a setting. The error is an *invalid.Error that names what the engine does not have.
func compile(key, pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, invalid.Key(key, "is missing", "a regular expression, best in single quotes")
	}
	re, err := regexp.Compile(pattern)
	if err == nil {
		return re, nil
	}
	if name, hint := foreign(pattern); name != "" {
		return nil, invalid.Key(key, "uses "+name+", which Go's regular expressions do not have", hint)
	}
	return nil, invalid.Key(key, strings.TrimPrefix(err.Error(), "error parsing regexp: "), "syntax: https://pkg.go.dev/regexp/syntax")
}

// Things that PCRE has and RE2 has not, with what to do instead. RE2 leaves them out because they make the time that a match
// takes depend on the content.
var (
	foreignGroups = []struct{ begin, name, hint string }{
		{"(?=", "a lookahead (?=...)", "match what follows and keep the wanted part in a group"},
		{"(?!", "a negative lookahead (?!...)", "put a drop_if step before this one"},
		{"(?<=", "a lookbehind (?<=...)", "match what comes before and keep the wanted part in a group"},
		{"(?<!", "a negative lookbehind (?<!...)", "put a drop_if step before this one"},
		{"(?>", "an atomic group (?>...)", "write (?:...): this engine never backtracks"},
		{"(?|", "a branch reset (?|...)", "use groups of different names"},
		{"(?(", "a conditional (?(...)...)", "write both ways as alternatives: a|b"},
		{"(?R)", "a recursion (?R)", ""},
		{"(?&", "a subroutine call (?&...)", "write the part again"},
		{"(?#", "a comment (?#...)", "leave it out"},
		{"(?P=", "a back-reference (?P=...)", ""},
		{"(?P>", "a subroutine call (?P>...)", "write the part again"},
	}
	foreignEscapes = map[byte][2]string{
		'k': {`a back-reference \k`, ""},
		'g': {`a back-reference \g`, ""},
		'K': {`\K`, "keep the wanted part in a group"},
		'G': {`\G`, "use ^"},
		'R': {`\R`, `write \r?\n`},
		'X': {`\X`, "write ."},
		'N': {`\N`, `write [^\n]`},
		'h': {`\h`, `write [ \t]`},
		'H': {`\H`, `write [^ \t]`},
		'V': {`\V`, `write [^\n]`},
		'Z': {`\Z`, `write \z`},
		'e': {`\e`, `write \x1b`},
	}
)

// foreign names the first PCRE feature in a pattern that did not compile; "" if there is none.
func foreign(pattern string) (name, hint string) {
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			if d := pattern[i]; !class && d >= '1' && d <= '9' {
				return `a back-reference \` + string(d), "write the part again"
			}
			if f, ok := foreignEscapes[pattern[i]]; ok {
				return f[0], f[1]
			}
		case class:
			class = c != ']'
		case c == '[':
			class = true
			if i+1 < len(pattern) && pattern[i+1] == '^' {
				i++
			}
			if i+1 < len(pattern) && pattern[i+1] == ']' { // a ] right after [ is a member
				i++
			}
		case c == '(':
			for _, g := range foreignGroups {
				if strings.HasPrefix(pattern[i:], g.begin) {
					return g.name, g.hint
				}
			}
		case c == '+' && i > 0 && strings.IndexByte("*+?}", pattern[i-1]) >= 0:
			return "a possessive repetition " + pattern[i-1:i+1], "leave out the second +: this engine never backtracks"
		}
	}
	return "", ""
}
