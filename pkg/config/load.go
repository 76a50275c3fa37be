package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// DefaultPath is where the configuration stands if neither a flag nor SHIPPER_CONFIG says otherwise.
const DefaultPath = "/etc/shipper/shipper.toml"

// maxFile bounds one configuration file; a larger one is a log file given by mistake.
const maxFile = 1 << 20

// Options says what to load.
type Options struct {
	Path string                           // the first file; "" = $SHIPPER_CONFIG, else DefaultPath
	Set  []string                         // --set flags: "target.central.batch.max_delay=2s"
	Env  func(name string) (string, bool) // the environment; nil = os.LookupEnv
}

// File is one file that was read.
type File struct {
	Path string // as it was opened
	Hash string // SHA-256 of its content, hexadecimal: a watcher compares it, because links are swapped under a ConfigMap
}

// loader collects what one Load finds.
type loader struct {
	env      func(string) (string, bool)
	main     string
	problems []Problem
	more     int // problems beyond maxProblems
	files    []File
	read     map[string]bool // by real path: a file that two globs match is read once
	broken   map[string]bool // values that were reported already; their owners need not complain again
	partial  bool            // a file could not be parsed: what refers to it cannot be judged
	root     *node
	trace    trace
}

// ReadOnce reports whether the first file is one that can be read only once, such as a pipe.
func (o Options) ReadOnce() bool {
	st, err := os.Stat(newLoader(o).main)
	return err == nil && !readAgain(st)
}

func readAgain(st fs.FileInfo) bool { return st.Mode().IsRegular() || st.IsDir() }

// Load reads the file, what it includes, the environment and the flags, and checks the whole. The error is Errors, with
// every problem in it; there is no Config then.
func Load(opts Options) (*Config, error) {
	c, err := Whereabouts(opts)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Whereabouts is Load that also returns what can be made of files with errors: enough to find a daemon, which goes on with the
// configuration that it had. What cannot be read of it is as if it was not there.
func Whereabouts(opts Options) (*Config, error) {
	l := newLoader(opts)
	l.file(l.main, nil)
	l.override(opts.Set)
	l.expandAll(l.root, nil)
	l.nuls(l.root, nil)
	c := l.compose()
	if l.more > 0 {
		l.problems = append(l.problems, Problem{File: l.main, Code: codeMore, Message: fmt.Sprintf("%d more errors are not shown", l.more)})
	}
	var bad Errors
	for _, p := range arrange(l.problems, l.files) {
		if p.Warning {
			c.Warnings = append(c.Warnings, p)
		} else {
			bad = append(bad, p)
		}
	}
	if len(bad) > 0 {
		return c, bad
	}
	return c, nil
}

// newLoader returns a loader that has read nothing yet.
func newLoader(opts Options) *loader {
	l := &loader{env: opts.Env, main: opts.Path, read: map[string]bool{}, broken: map[string]bool{}, root: &node{table: map[string]*node{}}}
	l.trace = trace{stamps: map[string]stamp{}, globs: map[string][]string{}}
	if l.env == nil {
		l.env = os.LookupEnv
	}
	if l.main == "" {
		l.main, _ = l.env("SHIPPER_CONFIG")
	}
	if l.main == "" {
		l.main = DefaultPath
	}
	return l
}

// maxProblems bounds what is reported: nobody reads more, and each is looked up in the text.
const maxProblems = 500

func (l *loader) add(p Problem) {
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, p)
	} else if !p.Warning {
		l.more++
	}
}

// problem makes an error that points at n: under its value, or under its key.
func (l *loader) problem(n *node, value bool, code, message, hint string) Problem {
	p := Problem{File: l.main, Code: code, Message: message, Hint: hint}
	if n == nil || len(l.problems) >= maxProblems {
		return p
	}
	switch o := n.from; {
	case o.set != "":
		p.File = "--set " + o.set
	case o.env != "":
		p.File = "environment " + o.env
	case o.src != nil && o.place.key.end > 0:
		key, mark := o.place.key, o.place.key
		if n.table != nil && o.place.value.start < key.start { // a header: the whole of it
			key, mark = o.place.value, o.place.value
		} else if value {
			mark = o.place.value
		}
		return at(o.src, key, mark, code, message, hint)
	case o.src != nil:
		p.File = o.src.path
	}
	return p
}

// file reads one file and what it includes, and merges both into the root. by is the chain of files that led here.
func (l *loader) file(path string, by []string) {
	text, ok := l.content(path)
	if !ok {
		return
	}
	src := &source{path: path, text: text}
	s := scan(text)
	src.places = s.places
	top := l.parse(src, s)
	if top == nil {
		l.partial = true
		return
	}
	inc := top.table["include"]
	delete(top.table, "include")
	l.merge(l.root, top, nil)
	if inc != nil {
		l.include(src, inc, append(slices.Clone(by), realPath(path)))
	}
}

// content reads a file and enters it in the list of files.
func (l *loader) content(path string) (string, bool) {
	fail := func(message, hint string) (string, bool) {
		l.partial, l.trace.failed = true, true
		l.add(Problem{File: path, Code: codeFile, Message: message, Hint: hint})
		return "", false
	}
	l.trace.file(path)
	if st, err := os.Stat(path); err == nil && path != l.main && !readAgain(st) {
		return fail("is not a regular file", "") // to open a pipe is to wait for who writes to it; the first file may be one: <(...)
	}
	f, err := os.Open(path)
	if err != nil {
		hint := unreadable(path, err)
		if errors.Is(err, fs.ErrNotExist) && path == l.main {
			hint = "name another file with --config or SHIPPER_CONFIG"
		}
		return fail(reason(err), hint)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.IsDir() {
		return fail("is a directory", "name a file; a file can include others: include = [\"conf.d/*.toml\"]")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fail(reason(err), "")
	}
	if len(data) > maxFile {
		return fail("is larger than 1 MiB, which no configuration is", "")
	}
	sum := sha256.Sum256(data)
	l.files = append(l.files, File{Path: path, Hash: hex.EncodeToString(sum[:])})
	l.read[realPath(path)] = true
	return string(bytes.TrimPrefix(data, []byte("\ufeff"))), true
}

// reason is the system's word for err without the operation and the path, which the message has already.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// unreadable is the hint for a path that the user of this process may not read; "" if that is not what err says.
func unreadable(path string, err error) string {
	if !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	who := fmt.Sprint(os.Geteuid())
	if u, err := user.LookupId(who); err == nil {
		who = u.Username
	}
	return fmt.Sprintf("user %[1]s may not read it; if that is the service's user: chgrp $(id -gn %[1]s) %[2]s && chmod g+rX %[2]s", who, quoteIfNeeded(path))
}

// quoteIfNeeded is path as a word of a shell's command.
func quoteIfNeeded(path string) string {
	if strings.Trim(path, "/._-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// realPath resolves links, so that a file is recognised under another name.
func realPath(path string) string {
	if p, err := filepath.EvalSymlinks(path); err == nil {
		path = p
	}
	if p, err := filepath.Abs(path); err == nil {
		path = p
	}
	return path
}

// parse returns the tables of one file, or nil after a syntax error.
func (l *loader) parse(src *source, s *scanner) *node {
	if s.deep >= 0 {
		at1 := span{s.deep, s.deep + 1}
		l.add(at(src, at1, at1, codeSyntax, "lists and tables are nested too deeply", ""))
		return nil
	}
	var top map[string]any
	_, err := toml.Decode(src.text, &top)
	if err == nil {
		if top == nil {
			top = map[string]any{}
		}
		return build(src, nil, top)
	}
	e, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		l.add(Problem{File: src.path, Code: codeSyntax, Message: err.Error()})
		return nil
	}
	if len(s.twice) > 0 {
		for _, r := range s.twice {
			if line, _ := src.position(r.second.start); line == e.Position.Line {
				p := at(src, r.second, r.second, codeTwice, quoteKey(r.path)+" is set twice", "keep one of the two")
				first := at(src, r.first, r.first, "", "", "")
				p.Also = first.other("the first one")
				l.add(p)
				return nil
			}
		}
	}
	l.add(syntaxProblem(src, e))
	return nil
}

// syntaxProblem turns the toml library's error into one of ours.
func syntaxProblem(src *source, e toml.ParseError) Problem {
	start := min(max(e.Position.Start, 0), len(src.text))
	mark := span{start, min(start+max(e.Position.Len, 1), len(src.text))}
	message, hint := strings.TrimSuffix(e.Message, "."), ""
	switch {
	case src.secretLine(start):
		message = "not valid TOML near a secret, which is not shown" // the library quotes what it could not read
	case strings.Contains(message, "expected value"):
		hint = `strings stand in quotes: key = "value"`
	case strings.Contains(message, "expected '.' or '='"):
		hint = "a line is key = value, [table] or a # comment"
	case strings.Contains(message, "invalid UTF-8"), strings.Contains(message, "NULL bytes"):
		hint = "save the file as UTF-8"
	case strings.Contains(message, "escape"):
		hint = `write \\ for a backslash, or use '...', which knows no escapes`
	}
	return at(src, mark, mark, codeSyntax, message, hint)
}
