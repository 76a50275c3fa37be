package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"

	"shipper/internal/invalid"
	"shipper/pkg/creds"
)

// advice passes on what the owners of credentials warn about.
func (l *loader) advice(c *Config) {
	for _, name := range sorted(c.Credentials) {
		for _, w := range c.Credentials[name].Warnings(l.getenv) {
			if text, ok := strings.CutPrefix(w, "file: "); ok { // the others are about secrets: below, with their place
				l.warn([]string{"credentials", name, "file"}, codeReadable, fmt.Sprintf("[credentials.%s] file: %s", name, text), "")
			}
		}
	}
	for _, name := range sorted(c.Targets) {
		for _, w := range c.Targets[name].RoleConfig.Warnings() {
			key, _, _ := strings.Cut(w, " ")
			l.warn(append([]string{"target", name}, invalid.Parts(key)...), codeLuck, fmt.Sprintf("[target.%s] %s", name, w), "")
		}
	}
}

// secrets warns about secrets that stand in the configuration, and about files with secrets that everybody can read.
func (l *loader) secrets(c *Config) {
	open := map[string]bool{}
	l.eachSecret(reflect.ValueOf(c).Elem(), nil, func(s creds.Secret, path []string) {
		n := l.root.find(path)
		switch {
		case n == nil || !s.IsSet() || strings.HasSuffix(path[len(path)-1], "_id"): // an id is no secret
		case !s.Literal():
			for _, w := range s.Warnings(l.getenv) {
				l.warn(path, codeReadable, l.name(path)+": "+w, "")
			}
		case n.from.set != "":
			l.warn(path, codeLiteral, quoteKey(path)+" is visible in the list of processes", `write { file = "PATH" }`)
		case n.loose: // from a variable
		default:
			l.warn(path, codeLiteral, quoteKey(path)+" is written out in the file", `move it to a file that only the service can read (0440 root:shipper): { file = "/etc/shipper/credentials/secret" }`)
			if n.from.src != nil && !open[n.from.src.path] {
				open[n.from.src.path] = true
				l.worldReadable(n)
			}
		}
	})
}

func (l *loader) worldReadable(n *node) {
	st, err := os.Stat(n.from.src.path)
	if err != nil || st.Mode().Perm()&0o004 == 0 {
		return
	}
	w := l.problem(n, false, codeReadable, fmt.Sprintf("every user of this host can read this file (%#o), and a secret is in it", st.Mode().Perm()), "chmod 640 "+n.from.src.path)
	w.Warning = true
	l.add(w)
}

// eachSecret visits every creds.Secret below v.
func (l *loader) eachSecret(v reflect.Value, path []string, visit func(creds.Secret, []string)) {
	if s, ok := v.Interface().(creds.Secret); ok {
		visit(s, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range fields(v.Type()) {
			l.eachSecret(v.FieldByIndex(f.index), append(clone(path), f.name), visit)
		}
	case reflect.Map:
		for _, k := range sortedKeys(v) {
			l.eachSecret(v.MapIndex(reflect.ValueOf(k)), append(clone(path), k), visit)
		}
	}
}
