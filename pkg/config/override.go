package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// override lays the environment and then the flags over the files.
func (l *loader) override(set []string) {
	l.fromEnv("SHIPPER_STATE_DIR", "agent", "state_dir")
	if dir := firstDir(l.getenv("STATE_DIRECTORY")); dir != "" && l.getenv("SHIPPER_STATE_DIR") == "" {
		if !slices.ContainsFunc(set, func(arg string) bool { return strings.HasPrefix(arg, "agent.state_dir") }) {
			l.outdone(dir, "agent", "state_dir")
		}
		l.put(dir, origin{env: "STATE_DIRECTORY"}, "agent", "state_dir")
	}
	l.fromEnv("SHIPPER_ADMIN_LISTEN", "admin", "listen")
	l.fromEnv("SHIPPER_LOG_LEVEL", "log", "level")
	for _, arg := range set {
		l.flag(arg)
	}
	l.emulator()
}

// outdone warns of a directory that a file names and systemd overrides: commands that do not run under systemd would look into the
// one of the file.
func (l *loader) outdone(dir string, path ...string) {
	n := l.root.find(path)
	if n == nil {
		return
	}
	if text, ok := n.leaf.(string); ok && !strings.Contains(text, "${") && filepath.Clean(text) != filepath.Clean(dir) {
		l.warn(path, codeOutdone, fmt.Sprintf("[agent] state_dir %q is not used: systemd gives %s ($STATE_DIRECTORY)", text, dir),
			"remove the line, or put Environment=SHIPPER_STATE_DIR="+text+" and ReadWritePaths="+text+" into a drop-in of the unit")
	}
}

// getenv is a variable's value, or "" where it is empty or not set: an empty SHIPPER_ variable in a manifest means none.
func (l *loader) getenv(name string) string {
	v, _ := l.env(name)
	return v
}

func (l *loader) fromEnv(name string, path ...string) {
	if v := l.getenv(name); v != "" {
		l.put(v, origin{env: name}, path...)
	}
}

// empty reports whether nothing, or "", stands at path.
func (l *loader) empty(path ...string) bool {
	n := l.root.find(path)
	return n == nil || n.leaf == "" && n.table == nil && n.list == nil
}

// put sets a string at path. Text from outside is taken as it is, without expansion.
func (l *loader) put(text string, from origin, path ...string) {
	l.replace(&node{leaf: strings.ReplaceAll(text, "${", "$${"), raw: text, loose: true, from: from}, path)
}

// emulator points every target that says nothing else at SHIPPER_EMULATOR=http://host:port.
func (l *loader) emulator() {
	url := l.getenv("SHIPPER_EMULATOR")
	targets := l.root.table["target"]
	if url == "" || targets == nil {
		return
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	for _, name := range sorted(targets.table) {
		if targets.table[name].table == nil {
			continue
		}
		for _, path := range [][]string{{"target", name, "endpoint"}, {"target", name, "assume_role", "sts_endpoint"}} {
			if l.empty(path...) {
				l.put(url, origin{env: "SHIPPER_EMULATOR"}, path...)
			}
		}
	}
}

// flag applies one --set KEY=VALUE. The value is TOML if it reads as such, else the string as it stands.
func (l *loader) flag(arg string) {
	s := &scanner{text: arg, deep: -1}
	parts := s.key()
	s.space()
	if len(parts) == 0 || !s.accept('=') {
		key, _, _ := strings.Cut(arg, "=")
		l.add(Problem{File: "--set", Code: codeOverride, Message: quote(key) + " is not KEY=VALUE", Hint: "for example --set target.central.batch.max_delay=2s"})
		return
	}
	path := make([]string, len(parts))
	for i, p := range parts {
		path[i] = p.name
	}
	n := parseValue(strings.TrimSpace(arg[s.i:]))
	n.tag(origin{set: dotted(path)})
	if path[0] == "include" { // the files are read by now
		l.add(l.problem(n, true, codeOverride, "include can only stand in a file", "write it into the file that --config names"))
		return
	}
	l.replace(n, path)
}

// parseValue reads the text of a flag.
func parseValue(text string) *node {
	var top map[string]any
	if scan("v = "+text).deep < 0 {
		if _, err := toml.Decode("v = "+text, &top); err == nil && len(top) == 1 && top["v"] != nil {
			n := build(&source{}, []string{"v"}, top["v"])
			if n.raw = text; n.table == nil && n.list == nil && strings.ContainsAny(text[:1], `"'`) {
				n.raw = fmt.Sprint(n.leaf)
			}
			n.loose = true
			return n
		}
	}
	return &node{leaf: text, raw: text, loose: true}
}

// tag gives n and all in it one origin.
func (n *node) tag(o origin) {
	n.from = o
	for _, e := range n.table {
		e.tag(o)
	}
	for _, e := range n.list {
		e.tag(o)
	}
}

// replace puts n at path, making the tables on the way.
func (l *loader) replace(n *node, path []string) {
	in := l.root
	for i, p := range path {
		last := i == len(path)-1
		if in.list != nil {
			k, err := strconv.Atoi(p)
			if err != nil || k < 0 || k >= len(in.list) {
				l.add(l.problem(n, true, codeOverride, fmt.Sprintf("%s has no element %s", dotted(path[:i]), p), fmt.Sprintf("it has %d, counted from 0", len(in.list))))
				return
			}
			if last {
				in.list[k] = n
			}
			in = in.list[k]
			continue
		}
		if in.table == nil {
			l.add(l.problem(n, true, codeOverride, dotted(path[:i])+" is "+in.kind()+" and has no keys", ""))
			return
		}
		if last {
			in.table[p] = n
			return
		}
		if in.table[p] == nil {
			in.table[p] = &node{table: map[string]*node{}, from: n.from}
		}
		in = in.table[p]
	}
}
