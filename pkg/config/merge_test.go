package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// load writes main (and files) and loads it, with an environment.
func load(t *testing.T, main string, env map[string]string, set ...string) (*Config, error) {
	t.Helper()
	dir := write(t, map[string]string{"shipper.toml": main})
	return Load(Options{Path: filepath.Join(dir, "shipper.toml"), Set: set, Env: func(name string) (string, bool) {
		v, ok := env[name]
		if !ok && name == "HOSTNAME" {
			return "web-1", true
		}
		return v, ok
	}})
}

func mustLoad(t *testing.T, main string, env map[string]string, set ...string) *Config {
	t.Helper()
	c, err := load(t, main, env, set...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPrecedence(t *testing.T) {
	file := minimal + "\n[agent]\nstate_dir = \"/file\"\n[log]\nlevel = \"warn\"\n"
	for _, tc := range []struct {
		name, state, level string
		env                map[string]string
		set                []string
	}{
		{"file", "/file", "warn", nil, nil},
		{"systemd", "/systemd", "warn", map[string]string{"STATE_DIRECTORY": "/systemd:/other"}, nil},
		{"env", "/env", "error", map[string]string{"STATE_DIRECTORY": "/systemd", "SHIPPER_STATE_DIR": "/env", "SHIPPER_LOG_LEVEL": "error"}, nil},
		{"empty env", "/file", "warn", map[string]string{"STATE_DIRECTORY": "", "SHIPPER_STATE_DIR": "", "SHIPPER_LOG_LEVEL": ""}, nil},
		{"set", "/set", "debug", map[string]string{"SHIPPER_STATE_DIR": "/env", "SHIPPER_LOG_LEVEL": "error"}, []string{"agent.state_dir=/set", `log.level="debug"`}},
		{"last set", "/set", "info", nil, []string{"agent.state_dir=/a", "agent.state_dir=/set", "log.level=info"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := mustLoad(t, file, tc.env, tc.set...)
			if c.Agent.StateDir != tc.state || c.Log.Level != tc.level {
				t.Errorf("state_dir %q, level %q", c.Agent.StateDir, c.Log.Level)
			}
		})
	}
}

func TestSet(t *testing.T) {
	c := mustLoad(t, minimal, nil,
		"target.central.batch.max_delay=2s",
		"target.central.batch.max_logs=10",
		"target.central.topic=123",
		"target.central.tags={env=\"prod\"}",
		"target.central.tags.\"a b\"=x=y",
		"agent.reload_on_change=false",
		"input.nginx.paths=[\"/a\", \"/b\"]",
		"input.nginx.paths.1=/c",
		"input.other.paths=/d",
		"input.nginx.max_line=1048576",
	)
	target, in := c.Targets["central"], c.Inputs["nginx"]
	if target.Batch.MaxDelay.String() != "2s" || target.Batch.MaxLogs != 10 || target.Topic != "123" || c.Agent.ReloadOnChange {
		t.Errorf("%+v", target)
	}
	if target.Tags["env"] != "prod" || target.Tags["a b"] != "x=y" {
		t.Errorf("tags %v", target.Tags)
	}
	if strings.Join(in.Paths, " ") != "/a /c" || in.MaxLine.String() != "1MiB" || c.Inputs["other"].Paths[0] != "/d" {
		t.Errorf("%+v", in)
	}
}

func TestEmulator(t *testing.T) {
	second := strings.ReplaceAll(minimal, "central", "other") + "target = [\"central\", \"other\"]\n"
	first, _, _ := strings.Cut(minimal, "\n[input")
	main := strings.Replace(second, "[input.nginx]", "endpoint = \"https://10.0.0.1\"\n[input.nginx]", 1)
	c := mustLoad(t, first+main, map[string]string{"SHIPPER_EMULATOR": "http://127.0.0.1:9999"})
	if e := c.Targets["central"]; e.Endpoint != "http://127.0.0.1:9999" || e.AssumeRole.STSEndpoint != "http://127.0.0.1:9999" {
		t.Errorf("central: %+v", e)
	}
	if e := c.Targets["other"]; e.Endpoint != "https://10.0.0.1" || e.AssumeRole.STSEndpoint != "http://127.0.0.1:9999" {
		t.Errorf("other: %+v", e)
	}
}

func TestExpand(t *testing.T) {
	env := map[string]string{"A": "x", "EMPTY": "", "INJECT": "\"\n[target.evil]\nproject = \"p", "N": "7", "B": "true"}
	for in, want := range map[string]string{
		"${A}":                   "x",
		"a${A}b${A}":             "axbx",
		"$1 $A ${1} $":           "$1 $A ${1} $",
		"$${A}":                  "${A}",
		"${EMPTY}":               "",
		"${EMPTY:-d}":            "d",
		"${NONE:-}":              "",
		"${NONE:-${A}-${NO:-y}}": "x-y",
		"${A:?why}":              "x",
		"${HOSTNAME}":            "web-1",
		"${INJECT}":              env["INJECT"],
	} {
		c, err := load(t, minimal, env, "target.central.topic="+quote(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := c.Targets["central"].Topic; got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	c := mustLoad(t, minimal+"[agent]\nmax_open_files = \"${N}7\"\nreload_on_change = \"${B}\"\nmax_memory = \"${N}MiB\"\n", env)
	if c.Agent.MaxOpenFiles != 77 || !c.Agent.ReloadOnChange || c.Agent.MaxMemory.String() != "7MiB" {
		t.Errorf("%+v", c.Agent)
	}
	if _, err := Load(Options{Path: write(t, map[string]string{"a": minimal}) + "/a", Env: func(string) (string, bool) { return "", false }}); err != nil {
		t.Errorf("the host's name is not taken from the kernel: %v", err)
	}
}

func TestInclude(t *testing.T) {
	dir := write(t, map[string]string{
		"shipper.toml":         "include = [\"conf.d/*.toml\", \"conf.d/10-*.toml\", \"none/*.toml\", \"${SITE}.toml\"]\n[target.central]\nproject = \"sec-logs\"\n",
		"conf.d/20-b.toml":     "[input.b]\npaths = \"/var/log/b\"\n",
		"conf.d/10-a.toml":     "include = \"../extra.toml\"\n[input.a]\npaths = [\"/var/log/a\"]\ntarget = [\"central\"]\n",
		"extra.toml":           "[target.central]\nlogstore = \"web\"\n",
		"site.toml":            "target.central.region = \"cn-hangzhou\"\n",
		"conf.d/sub.toml/x":    "",
		"conf.d/ignored.toml~": "x",
	})
	c, err := Load(Options{Path: filepath.Join(dir, "shipper.toml"), Env: func(n string) (string, bool) {
		if n == "SITE" {
			return "site", true
		}
		return noEnv(n)
	}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range c.Files {
		rel, err := filepath.Rel(dir, f.Path)
		if err != nil || len(f.Hash) != 64 {
			t.Errorf("%+v: %v", f, err)
		}
		names = append(names, rel)
	}
	if got, want := strings.Join(names, " "), "shipper.toml conf.d/10-a.toml extra.toml conf.d/20-b.toml site.toml"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
	if c.Inputs["b"].Target[0] != "central" || c.Targets["central"].Logstore != "web" || c.Targets["central"].Region != "cn-hangzhou" {
		t.Errorf("%+v", c.Targets)
	}
}

func TestSocketPaths(t *testing.T) {
	none := func(string) string { return "" }
	systemd := func(n string) string { return map[string]string{"RUNTIME_DIRECTORY": "/run/a:/run/b"}[n] }
	c := mustLoad(t, minimal, nil)
	if got := c.SocketPath(none); got != "/var/lib/shipper/shipper.sock" {
		t.Error(got)
	}
	if got := c.SocketPath(systemd); got != "/run/a/shipper.sock" {
		t.Error(got)
	}
	if got := strings.Join(c.SocketPaths(none), " "); got != "/var/lib/shipper/shipper.sock /run/shipper/shipper.sock" {
		t.Error(got)
	}
	c = mustLoad(t, minimal, nil, "admin.socket=/x/y.sock")
	if got := strings.Join(c.SocketPaths(systemd), " "); got != "/x/y.sock" {
		t.Error(got)
	}
}

func TestErrorsJSON(t *testing.T) {
	_, err := load(t, minimal+"start_att = \"end\"\n[credentials.a]\naccess_key_secret = hunter2\n", nil)
	bad, ok := errors.AsType[Errors](err)
	if !ok {
		t.Fatal(err)
	}
	var out struct {
		Errors []Problem `json:"errors"`
	}
	if err := json.Unmarshal(bad.JSON(), &out); err != nil || len(out.Errors) != 1 || out.Errors[0].Line != 11 {
		t.Errorf("%v: %s", err, bad.JSON())
	}
	if strings.Contains(string(bad.JSON())+bad.Error(), "hunter2") {
		t.Errorf("a secret is shown: %s", bad)
	}
}

// TestSecretsStayHidden puts a secret into every kind of mistake.
func TestSecretsStayHidden(t *testing.T) {
	const secret = "Zq9Zq9Zq9Zq9Zq9Zq9Zq9"
	for _, line := range []string{
		"access_key_secret = " + secret,
		"access_key_secret = '" + secret,
		"access_key_secret = \"" + secret + "\" x",
		"acess_key_secret = \"" + secret + "\"",
		"access_key_secrets = [\"" + secret + "\"]",
		"access_key_secret = [\"" + secret + "\"]",
		"access_key_secret = { file = \"" + secret + "\", x = 1 }",
		"access_key_secret = { value = \"" + secret + "\" }",
		"security_token = \"" + secret + "\"\nsecurity_token = \"" + secret + "\"",
		"'security_token' = \"" + secret + "\"\nsource = 5",
		"source = \"static\"\naccess_key_secret = \"" + secret + "\"",
		"password = \"" + secret + "\"",
		"access_key_secret = \"\"\"\nx\\d" + secret + "\n\"\"\"",
		"access_key_secret = [\n\"" + secret + "\",\n" + secret + "]",
	} {
		_, err := load(t, minimal+"[credentials.host]\n"+line+"\n", nil)
		if err == nil {
			t.Errorf("%s: no error", line)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s:\n%s", line, err)
		}
		_, err = load(t, minimal+"[agent]\nname = \"\"\n", nil, "credentials.host."+strings.Split(line, "\n")[0])
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("--set %s:\n%v", line, err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir := write(t, map[string]string{"big.toml": strings.Repeat("# x\n", 1<<19)})
	for path, want := range map[string]string{"big.toml": "larger than 1 MiB", ".": "is a directory", "none": "no such file"} {
		_, err := Load(Options{Path: filepath.Join(dir, path), Env: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if os.Getuid() != 0 {
		if err := os.Chmod(filepath.Join(dir, "big.toml"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Options{Path: filepath.Join(dir, "big.toml"), Env: noEnv}); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Error(err)
		}
	}
}

func TestManyMistakes(t *testing.T) {
	_, err := load(t, "[agent]\n"+manyKeys(20_000), nil)
	bad, ok := errors.AsType[Errors](err)
	if !ok || len(bad) != maxProblems+1 || !strings.Contains(err.Error(), "more errors are not shown") {
		t.Errorf("%d errors", len(bad))
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d=1\n", i)
	}
	return b.String()
}
