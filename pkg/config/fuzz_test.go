package config

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/rogpeppe/go-internal/txtar"
)

// seeds gives every file of the broken cases, and some that are hard to scan, to a fuzz target.
func seeds(f *testing.F) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range cases {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if file.Name != "want" {
				f.Add(string(file.Data))
			}
		}
	}
	for _, s := range []string{
		minimal, rich,
		"--target.central.batch.max_delay=2s", "--input.nginx.paths.0=/x", "--a.\"b c\".d=[1, {x = 2}]", "--agent.name=\"${X:-${HOSTNAME}}\"",
		"a.b.c = 1\na.b.d = 2\n[x.y]\n[x]\nz.w = 3",
		"[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\nf = 4",
		"a = [1, [2, 3], {b = 4, c.d = 5},]\n",
		"a = [ # comment ]\n  \"x\", # }\n  'y'\n]\nb = 1",
		"a = \"\"\"\nb = 1\n[c]\n\\\"\"\" still\"\"\"\"\"\nd = 2",
		"a = '''\nb = 1''''\nc = '\\'\nd = \"\\\\\"",
		"\"a.b\".'c d'.\"\\u00e9\\t\" = 1\n\"\" = 2",
		"a = { b = { c = 1 }, \"d e\" = [ { f = 2 } ] }",
		"a = {\n b = 1, # x\n c = 2,\n}\n",
		"d = 1979-05-27 07:32:00\nt = 07:32:00\nf = 1e6\ni = 0x_f\n",
		"\ufeffa = 1\r\n[b]\r\nc = \"x\"\r\n",
		"[a . b . \"c\"]\nd=1#x\n",
		"a = \"\\x41\\e\"\n3.14 = 1\n",
	} {
		f.Add(s)
	}
}

// FuzzScan checks on every text that is TOML that the scanner finds the keys that the library finds, no more and no fewer.
func FuzzScan(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFile {
			return
		}
		text = strings.TrimPrefix(text, "\ufeff")
		s := scan(text)
		if s.deep >= 0 {
			return
		}
		var top map[string]any
		if _, err := toml.Decode(text, &top); err != nil {
			return
		}
		want := map[string]bool{}
		paths(build(&source{}, nil, top), nil, want)
		for id := range want {
			if _, ok := s.places[id]; !ok {
				t.Errorf("the scanner has not found %q in\n%s", id, text)
			}
		}
		for id, p := range s.places {
			if !want[id] {
				t.Errorf("the scanner found %q, which is not in\n%s", id, text)
			}
			if p.key.start < 0 || p.key.end > len(text) || p.key.start >= p.key.end || p.value.start > p.value.end || p.value.end > len(text) {
				t.Errorf("%q stands at %+v", id, p)
				continue
			}
			last := id[strings.LastIndex(id, sep)+1:]
			if got := (&scanner{text: text[p.key.start:p.key.end] + " ", deep: -1}).key(); !number(last) && (len(got) != 1 || got[0].name != last) {
				t.Errorf("%q: the text at its place is %q", id, text[p.key.start:p.key.end])
			}
		}
	})
}

func number(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func paths(n *node, path []string, out map[string]bool) {
	if len(path) > 0 {
		out[join(path)] = true
	}
	for k, e := range n.table {
		paths(e, append(clone(path), k), out)
	}
	for i, e := range n.list {
		paths(e, append(clone(path), strconv.Itoa(i)), out)
	}
}

// FuzzLoad checks that no file and no flag makes Load panic, and that what comes out is either whole errors or a configuration
// that can be printed and read again.
func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		set := []string{}
		if i := strings.IndexByte(text, '='); i >= 0 && i < 100 && strings.HasPrefix(text, "--") {
			line, _, _ := strings.Cut(text, "\n")
			set = []string{strings.TrimPrefix(line, "--")}
			text = minimal
		}
		if strings.Contains(text, "include") {
			return // the fuzzer should not read this machine
		}
		path := filepath.Join(write(t, map[string]string{"a.toml": text}), "a.toml")
		c, err := Load(Options{Path: path, Env: noEnv, Set: set})
		if err != nil {
			bad, ok := errors.AsType[Errors](err)
			if !ok || len(bad) == 0 || c != nil {
				t.Fatalf("%T %v", err, c)
			}
			for _, p := range bad {
				if p.Code == "" || p.Message == "" || strings.ContainsAny(p.head(), "\n\x00") {
					t.Errorf("%+v", p)
				}
			}
			if !strings.HasSuffix(bad.Error(), "Nothing was changed.\n") {
				t.Error(bad)
			}
			bad.JSON()
			return
		}
		again := filepath.Join(write(t, map[string]string{"b.toml": printed(t, c, PrintOptions{})}), "b.toml")
		if c2, err := Load(Options{Path: again, Env: noEnv}); err != nil {
			t.Errorf("what was printed cannot be read:\n%s\n%v", printed(t, c, PrintOptions{}), err)
		} else if d := Diff(c, c2); len(d) > 0 && !strings.Contains(printed(t, c, PrintOptions{}), "***") {
			t.Errorf("%v", d)
		}
	})
}
