package creds

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"
)

// fileSecret is { file = "PATH" }.
func fileSecret(path string) Secret { return Secret{kind: "file", where: path} }

func noEnv(string) string { return "" }

func environ(kv ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestSecretFromTOML(t *testing.T) {
	for text, want := range map[string]string{
		`s = "plain"`:                           "***",
		`s = ""`:                                "",
		`s = { file = "/etc/x" }`:               `{ file = "/etc/x" }`,
		`s = { env = "X" }`:                     `{ env = "X" }`,
		`s = { credential = "x" }`:              `{ credential = "x" }`,
		`s = { credential = "a/b" }`:            "error: a name without a slash",
		`s = { file = "" }`:                     "error: is empty",
		`s = { file = 5 }`:                      "error: is a string",
		`s = { vault = "x" }`:                   `error: no key "vault"`,
		`s = { file = "/etc/x", env = "X" }`:    "error: a secret is",
		`s = {}`:                                "error: a secret is",
		`s = 5`:                                 "error: a secret is",
		`s = ["a"]`:                             "error: a secret is",
		`s = { file = "/etc/hunter2" , b = 1 }`: "error: a secret is",
	} {
		var v struct{ S Secret }
		_, err := toml.Decode(text, &v)
		if wrong, ok := strings.CutPrefix(want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v", text, err)
			}
		} else if err != nil || v.S.String() != want {
			t.Errorf("%s: %s %v", text, v.S, err)
		}
	}
}

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)
	env := environ("X", "from env\n", "CREDENTIALS_DIRECTORY", dir)
	for name, row := range map[string]struct{ toml, want string }{
		"literal":            {`"abc"`, "abc"},
		"file":               {`{ file = "` + file("a", "abc\r\n \n") + `" }`, "abc"},
		"mark":               {`{ file = "` + file("bom", "\ufeffabc") + `" }`, "abc"},
		"env":                {`{ env = "X" }`, "from env"},
		"credential":         {`{ credential = "a" }`, "abc"},
		"no env":             {`{ env = "Y" }`, "error: environment variable Y is not set"},
		"no file":            {`{ file = "` + dir + `/none" }`, "error: no such file"},
		"no credential":      {`{ credential = "none" }`, "error: no such file"},
		"empty":              {`{ file = "` + file("e", " \n") + `" }`, "error: e is empty"},
		"directory":          {`{ file = "` + dir + `" }`, "error: is a directory"},
		"pipe":               {`{ file = "` + dir + `/pipe" }`, "error: is not a regular file"},
		"two lines":          {`{ file = "` + file("two", "a\nb\n") + `" }`, "error: more than one line"},
		"huge":               {`{ file = "` + file("huge", strings.Repeat("a", maxSecret+1)) + `" }`, "error: is larger than"},
		"file in file":       {`{ file = "` + file("f", "x") + `/y" }`, "error: not a directory"},
		"control characters": {`{ file = "` + file("nul", "a\x00b") + `" }`, "error: control character"},
	} {
		var v struct{ S Secret }
		if _, err := toml.Decode("s = "+row.toml, &v); err != nil {
			t.Fatal(err)
		}
		got, err := v.S.Read(env)
		if wrong, ok := strings.CutPrefix(row.want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s: %v", name, err)
			}
		} else if err != nil || got != row.want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if _, err := (Secret{}).Read(noEnv); err == nil {
		t.Error("nothing to read is an error")
	}
	var c struct{ S Secret }
	toml.Decode(`s = { credential = "x" }`, &c)
	if got := c.S.Path(noEnv); got != "/run/credentials/shipper.service/x" {
		t.Errorf("on a terminal: %q", got)
	}
	if _, err := c.S.Read(noEnv); err == nil || !strings.Contains(err.Error(), "LoadCredential=x:") || !strings.Contains(err.Error(), unitCredentials) {
		t.Error(err)
	}
}

func TestSecretUnreadable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become another user")
	}
	dir := t.TempDir()
	os.Chmod(filepath.Dir(dir), 0o755)
	os.Chmod(dir, 0o755)
	path := filepath.Join(dir, "key")
	os.WriteFile(path, []byte("x"), 0o600)
	if got := explain(path, os.ErrPermission).Error(); !strings.Contains(got, "0600, owner 0:0 and we are uid 0") {
		t.Error(got)
	}
	if got := explain(dir+"/none/x", os.ErrPermission).Error(); !strings.Contains(got, "a directory on the way") {
		t.Error(got)
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	os.WriteFile(path, []byte("x"), 0o600)
	for mode, want := range map[os.FileMode]string{0o600: "", 0o400: "", 0o640: "", 0o644: "everybody", 0o604: "everybody"} {
		os.Chmod(path, mode)
		got := strings.Join(Config{AccessKeySecret: fileSecret(path)}.Warnings(noEnv), "")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%o: %q", mode, got)
		}
	}
	if w := (Config{AccessKeySecret: LiteralSecret("hunter2")}).Warnings(noEnv); len(w) != 1 || strings.Contains(w[0], "hunter2") {
		t.Error(w)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := LiteralSecret("hunter2")
	c := Config{AccessKeyID: s, AccessKeySecret: s, SecurityToken: s}
	type outer struct {
		Public  Secret
		private Secret
		deep    *Config
		list    []Secret
		m       map[string]Secret
	}
	o := outer{s, s, &c, []Secret{s}, map[string]Secret{"a": s}}
	for _, v := range []any{s, &s, c, &c, o, &o, []any{s}, fixed{secret: s}, &fixed{secret: s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10.3s", "%t"} {
			if out := fmt.Sprintf(verb, v); strings.Contains(out, "hunter2") || strings.Contains(out, "68756e74657232") {
				t.Errorf("%T %s: %s", v, verb, out)
			}
		}
		if data, _ := json.Marshal(v); strings.Contains(string(data), "hunter2") {
			t.Errorf("%T JSON: %s", v, data)
		}
		var b strings.Builder
		if toml.NewEncoder(&b).Encode(v); strings.Contains(b.String(), "hunter2") {
			t.Errorf("%T TOML: %s", v, b.String())
		}
	}
}
