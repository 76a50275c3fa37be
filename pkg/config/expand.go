package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// expandAll expands references in every string of n.
func (l *loader) expandAll(n *node, path []string) {
	for _, k := range sorted(n.table) {
		l.expandAll(n.table[k], append(clone(path), k))
	}
	for i, e := range n.list {
		l.expandAll(e, append(clone(path), fmt.Sprint(i)))
	}
	s, ok := n.leaf.(string)
	if !ok || !strings.Contains(s, "${") {
		return
	}
	out, err := l.expand(s, 0)
	if err != nil {
		hint := ""
		if v, ok := errors.AsType[*variableError](err); ok {
			hint = v.hint
		}
		l.add(l.problem(n, true, codeVariable, quoteKey(path)+": "+err.Error(), hint))
		l.broken[join(path)] = true
		return
	}
	n.leaf, n.raw, n.loose = out, out, true
}

// variableError is a reference that cannot be expanded.
type variableError struct{ text, hint string }

func (e *variableError) Error() string { return e.text }

// expand replaces ${VAR}, ${VAR:-default} and ${VAR:?message} in s. $${ stands for a literal ${, and ${1} stays for the
// replacement templates of regular expressions. A default may hold references itself.
func (l *loader) expand(s string, depth int) (string, error) {
	if depth > 8 {
		return "", &variableError{"references are nested too deeply", ""}
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' { // $${ is a literal ${
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		body, rest, ok := braces(s[i+2:])
		if !ok {
			return "", &variableError{`a reference "${" is not closed`, "write } behind the name, or $${ for a literal ${"}
		}
		v, err := l.variable(body, depth)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		s = rest
	}
}

// braces splits s at the brace that closes the reference it begins inside of.
func braces(s string) (body, rest string, ok bool) {
	open := 1
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '}':
			if open--; open == 0 {
				return s[:i], s[i+1:], true
			}
		case s[i] == '$' && i+1 < len(s) && s[i+1] == '{':
			open++
			i++
		}
	}
	return "", "", false
}

// variable is the value of the reference with this body.
func (l *loader) variable(body string, depth int) (string, error) {
	end := 0
	for end < len(body) && (body[end] == '_' || body[end] >= '0' && body[end] <= '9' ||
		body[end] >= 'A' && body[end] <= 'Z' || body[end] >= 'a' && body[end] <= 'z') {
		end++
	}
	name, rest := body[:end], body[end:]
	if name != "" && rest == "" && strings.Trim(name, "0123456789") == "" {
		return "${" + name + "}", nil
	}
	if name == "" || name[0] >= '0' && name[0] <= '9' ||
		rest != "" && !strings.HasPrefix(rest, ":-") && !strings.HasPrefix(rest, ":?") {
		return "", &variableError{fmt.Sprintf("%q is not a reference", "${"+body+"}"), "write ${NAME}, ${NAME:-default} or ${NAME:?message}; a literal ${ is written $${"}
	}
	v, set := l.lookup(name)
	switch {
	case set && (v != "" || rest == ""):
		return v, nil
	case strings.HasPrefix(rest, ":-"):
		return l.expand(rest[2:], depth+1)
	case strings.HasPrefix(rest, ":?"):
		why := strings.TrimSpace(rest[2:])
		if why == "" {
			why = "it must be set"
		}
		return "", &variableError{fmt.Sprintf("environment variable %s is not set: %s", name, why), ""}
	}
	return "", &variableError{fmt.Sprintf("environment variable %s is not set", name), "set it, or give a default: ${" + name + ":-default}"}
}

// lookup reads a variable. HOSTNAME is the shell's and often not exported, so the kernel's answer stands in.
func (l *loader) lookup(name string) (string, bool) {
	v, ok := l.env(name)
	if (!ok || v == "") && name == "HOSTNAME" {
		if h, err := os.Hostname(); err == nil {
			return h, true
		}
	}
	return v, ok
}
