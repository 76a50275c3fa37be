package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// paths refuses patterns that are relative, which would depend on where shipper was started, and those that lead to
// shipper's own files: it would read what it writes, for ever.
func (l *loader) paths(c *Config) {
	state := filepath.Clean(c.Agent.StateDir)
	for _, name := range sorted(c.Inputs) {
		in := c.Inputs[name]
		for i, p := range in.Paths {
			at := l.element([]string{"input", name, "paths"}, i)
			switch {
			case p == "":
			case !filepath.IsAbs(p):
				l.wrong(at, codePath, fmt.Sprintf("%q is not an absolute path", p), "begin with /")
			case filepath.IsAbs(state) && reaches(filepath.Clean(p), in.Exclude, state, c.DeadLetter.Dir):
				l.wrong(at, codePath, fmt.Sprintf("%q leads to shipper's own files in %s", p, state), fmt.Sprintf("narrow it, or add exclude = [%s]", quote(state+"/**")))
			}
		}
	}
}

// nuls refuses NUL bytes in whatever is a name, a path or an address: the kernel takes such a string for an error or for the part before
// the NUL. They can only be meant in text.
func (l *loader) nuls(n *node, path []string) {
	switch key := path[max(0, len(path)-1):]; {
	case len(path) == 1 && key[0] == "test":
		return
	case len(path) == 3 && slices.Contains([]string{"step", "multiline", "tags"}, key[0]):
		return
	}
	for _, k := range sorted(n.table) {
		l.nuls(n.table[k], append(clone(path), k))
	}
	for i, e := range n.list {
		l.nuls(e, append(clone(path), fmt.Sprint(i)))
	}
	l.nul(n, path)
}

// nul reports a string with a NUL byte in it.
func (l *loader) nul(n *node, path []string) bool {
	s, ok := n.leaf.(string)
	if !ok || !strings.Contains(s, "\x00") {
		return false
	}
	l.add(l.problem(n, true, codeValue, quoteKey(path)+" holds a NUL byte", "no name, path or address has one"))
	l.broken[join(path)] = true
	return true
}

// element is the path of element i of a list, or of the single value that stands for the list.
func (l *loader) element(path []string, i int) []string {
	if n := l.root.find(path); n != nil && n.list != nil {
		return append(clone(path), fmt.Sprint(i))
	}
	return path
}

// ownFiles is what shipper writes below its state directory, beside the letters.
var ownFiles = []string{"lock", "journal.*", "snap.*", "pack.*", "spool/*"}

// reaches reports whether a pattern can match what shipper writes below its state directory.
func reaches(pattern string, exclude []string, state, letters string) bool {
	for _, x := range exclude {
		if x == state || x == state+"/**" || x == state+"/**/*" {
			return false
		}
	}
	within := func(own string) bool { return overlap(pattern, filepath.Join(state, own)) }
	return strings.HasPrefix(pattern, state+"/") || within(letters+"/*") || slices.ContainsFunc(ownFiles, within)
}

// letters refuses a directory of dead letters that is not one of its own below the state directory.
func (l *loader) letters(c *Config) {
	dir := c.DeadLetter.Dir
	if dir == "" || forLetters(dir) {
		return
	}
	hint := `such as "dead-letter"`
	if was := strings.TrimLeft(dir, "/"); was != dir && forLetters(was) {
		hint = quote(was) + " is where its letters have been"
	}
	l.wrong([]string{"dead_letter", "dir"}, codePath, fmt.Sprintf("%q is not the name of a directory for the letters in state_dir", dir), hint)
}

// forLetters reports whether dir, below the state directory, is nothing else's.
func forLetters(dir string) bool {
	dir = filepath.Clean(dir)
	first, _, _ := strings.Cut(dir, "/")
	taken := slices.ContainsFunc(ownFiles, func(own string) bool { return overlap(own, first) || overlap(own, first+"/x") })
	return filepath.IsLocal(dir) && dir != "." && !taken
}

// overlaps warns where two inputs can read the same file for the same target.
func (l *loader) overlaps(c *Config) {
	names := sorted(c.Inputs)
	shapes := map[string][]shape{}
	for _, name := range names {
		for _, p := range c.Inputs[name].Paths {
			shapes[name] = append(shapes[name], shapeOf(filepath.Clean(p)))
		}
	}
	for i, a := range names {
		for _, b := range names[i+1:] {
			if target := common(c.Inputs[a].Target, c.Inputs[b].Target); target != "" {
				l.overlapping(c, a, b, target, shapes)
			}
		}
	}
}

func common(a, b []string) string {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return x
			}
		}
	}
	return ""
}

func (l *loader) overlapping(c *Config, a, b, target string, shapes map[string][]shape) {
	one, other := shapes[a], shapes[b]
	for i := range one {
		for k := range other {
			if !one[i].overlaps(other[k]) {
				continue
			}
			p, q := filepath.Clean(c.Inputs[a].Paths[i]), filepath.Clean(c.Inputs[b].Paths[k])
			if covered(q, c.Inputs[a].Exclude) || covered(p, c.Inputs[b].Exclude) {
				continue
			}
			at := l.element([]string{"input", b, "paths"}, k)
			first := l.problem(l.root.find(l.element([]string{"input", a, "paths"}, i)), true, "", "", "")
			n := l.root.find(at)
			w := l.problem(n, true, codeOverlap, fmt.Sprintf("[input.%s] and [input.%s] can match the same files and both send them to %q", a, b, target), "every such line is sent twice; narrow one, or add exclude")
			w.Warning = true
			if first.Line > 0 {
				w.Also = first.other("the other one")
			}
			l.add(w)
			return // one warning a pair
		}
	}
}

// covered reports whether one of the patterns keeps all of p out, as far as can be told from the text.
func covered(p string, exclude []string) bool {
	for _, x := range exclude {
		if x == p || !strings.ContainsAny(p, "*?[{") && overlap(x, p) || strings.HasPrefix(p, strings.TrimSuffix(x, "/**")+"/") {
			return true
		}
	}
	return false
}
