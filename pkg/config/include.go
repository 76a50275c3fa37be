package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// include reads the files that a file names.
func (l *loader) include(src *source, n *node, chain []string) {
	patterns := n.list
	if patterns == nil {
		patterns = []*node{n}
	}
	for _, p := range patterns {
		if _, ok := p.leaf.(string); !ok {
			l.add(l.problem(p, true, codeType, "include takes a list of strings, not "+p.kind(), `for example include = ["conf.d/*.toml"]`))
			continue
		}
		l.expandAll(p, []string{"include"})
		if l.broken["include"] {
			delete(l.broken, "include")
			continue
		}
		pattern := p.leaf.(string)
		path := pattern
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(src.path), path)
		}
		matches, err := filepath.Glob(path)
		if err != nil {
			l.add(l.problem(p, true, codeInclude, fmt.Sprintf("include: %q is not a pattern", pattern), `a "[" begins a set of characters and must be closed`))
			continue
		}
		l.trace.globs[path] = matches
		if len(matches) == 0 && !strings.ContainsAny(pattern, "*?[") {
			l.add(l.problem(p, true, codeInclude, fmt.Sprintf("include: %s does not exist", path), ""))
			l.partial = true
		}
		for _, m := range matches { // Glob sorts within each directory
			l.included(p, m, chain)
		}
	}
}

// included reads one file that n names.
func (l *loader) included(n *node, path string, chain []string) {
	l.trace.file(path)
	real := realPath(path)
	if slices.Contains(chain, real) {
		l.add(l.problem(n, true, codeInclude, fmt.Sprintf("include: %s includes itself", path), "files can not include each other in a circle"))
		return
	}
	if st, err := os.Stat(path); l.read[real] || err == nil && st.IsDir() && strings.ContainsAny(n.leaf.(string), "*?[") {
		return
	}
	l.file(path, chain)
}
