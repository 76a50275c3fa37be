package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
		if l.nul(p, []string{"include"}) {
			delete(l.broken, "include")
			l.partial = true
			continue
		}
		path := pattern
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(src.path), path)
		}
		matches, err := glob(path)
		if errors.Is(err, filepath.ErrBadPattern) {
			l.add(l.problem(p, true, codeInclude, fmt.Sprintf("include: %q is not a pattern", pattern), `a "[" begins a set of characters and must be closed`))
			continue
		}
		if err != nil {
			at := path
			if e, ok := errors.AsType[*fs.PathError](err); ok {
				at = e.Path
			}
			hint := unreadable(at, err)
			if hint == "" {
				hint = "what it includes is not known"
			}
			l.add(l.problem(p, true, codeInclude, fmt.Sprintf("include: %s: %s", at, reason(err)), hint))
			l.partial, l.trace.failed = true, true
			continue
		}
		l.trace.globs[path] = matches
		if len(matches) == 0 && !isPattern(pattern) {
			l.add(l.problem(p, true, codeInclude, fmt.Sprintf("include: %s does not exist", path), ""))
			l.partial = true
		}
		for _, m := range matches {
			l.included(p, m, chain)
		}
	}
}

// isPattern reports whether a path has something in it that stands for something else.
func isPattern(path string) bool { return strings.ContainsAny(path, `*?[\`) }

// glob is filepath.Glob, sorted within each directory, but a directory that cannot be read is an error: it is not an empty one. One
// that does not exist is.
func glob(pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, err
	}
	if !isPattern(pattern) {
		if _, err := os.Lstat(pattern); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return []string{pattern}, nil // whatever else is wrong with it is said when it is opened
	}
	dir, last := filepath.Split(pattern)
	dirs, err := glob(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range dirs {
		entries, err := os.ReadDir(d)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		case err != nil:
			return nil, err
		}
		for _, e := range entries {
			if ok, _ := filepath.Match(last, e.Name()); ok {
				out = append(out, filepath.Join(d, e.Name()))
			}
		}
	}
	return out, nil
}

// included reads one file that n names.
func (l *loader) included(n *node, path string, chain []string) {
	l.trace.file(path)
	real := realPath(path)
	if slices.Contains(chain, real) {
		l.add(l.problem(n, true, codeInclude, fmt.Sprintf("include: %s includes itself", path), "files can not include each other in a circle"))
		return
	}
	if st, err := os.Stat(path); l.read[real] || err == nil && st.IsDir() && isPattern(n.leaf.(string)) {
		return
	}
	l.file(path, chain)
}
