package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what is printed into testdata")

// TestBroken loads each testdata/*.txtar and compares what is printed, to the letter. A case holds the files; lines of its
// comment may say "set KEY=VALUE", "env NAME=VALUE" and "mode FILE" (chmod 644); "want" is the text of errors and warnings.
func TestBroken(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 60 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			path, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got, want := []byte(run(t, ar)), []byte(nil)
			for i, f := range ar.Files {
				if f.Name != "want" {
					continue
				}
				want = f.Data
				ar.Files[i].Data = got
			}
			if bytes.Equal(got, want) {
				return
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("printed (-want +got):\n%s", cmp.Diff(string(want), string(got)))
		})
	}
}

// run loads the files of a case in a directory of their own and returns what the user sees.
func run(t *testing.T, ar *txtar.Archive) string {
	files := map[string]string{}
	for _, f := range ar.Files {
		if f.Name != "want" {
			files[f.Name] = string(f.Data)
		}
	}
	t.Chdir(write(t, files))
	env := map[string]string{"HOSTNAME": "web-1"}
	opts := Options{Path: "shipper.toml", Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	for line := range strings.Lines(string(ar.Comment)) {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "set":
			opts.Set = append(opts.Set, rest)
		case "env":
			name, v, _ := strings.Cut(rest, "=")
			env[name] = v
		case "mode":
			if err := os.Chmod(rest, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, err := Load(opts)
	if err == nil {
		return c.Warnings.String()
	}
	bad, ok := errors.AsType[Errors](err)
	if !ok || c != nil {
		t.Fatalf("%T: %v, %v", err, err, c)
	}
	for _, p := range bad {
		if p.Code == "" || p.Message == "" || !known(p.Code) {
			t.Errorf("a problem without a code or message: %+v", p)
		}
	}
	return bad.Error()
}

func known(code string) bool {
	for _, c := range Codes() {
		if c.Code == code {
			return true
		}
	}
	return false
}
