package reference

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shipper/pkg/config"
)

const root = "../../../.."

func env(name string) (string, bool) {
	if name == "HOSTNAME" {
		return "web-1", true
	}
	return "", false
}

func TestFilesAreFresh(t *testing.T) {
	keys, err := Keys(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"docs/configuration.md": Markdown(keys), "configs/shipper.toml": TOML(keys)} {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale: run go generate ./pkg/config (%v)\n%s", name, err, cmp.Diff(string(got), string(want)))
		}
	}
}

// TestConfigs loads what is shipped, and then the same with every setting that is commented out.
func TestConfigs(t *testing.T) {
	for _, name := range []string{"minimal.toml", "shipper.toml"} {
		c, err := config.Load(config.Options{Path: filepath.Join(root, "configs", name), Env: env})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) > 0 {
			t.Errorf("%s:\n%s", name, c.Warnings)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "configs", "shipper.toml"))
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^#([a-z\[])`).ReplaceAllString(string(text), "$1")
	path := filepath.Join(t.TempDir(), "shipper.toml")
	if err := os.WriteFile(path, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{Path: path, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Print(&b, config.PrintOptions{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "# default") {
		t.Errorf("configs/shipper.toml leaves keys out:\n%s", b.String())
	}
	for i, test := range c.Tests {
		v, err := test.Run(c.Inputs[test.Input].Process, time.Now())
		if err != nil || len(v.Differences) > 0 {
			t.Errorf("test %d of configs/shipper.toml: %v %+v", i+1, err, v)
		}
	}
	for _, verb := range []string{"parse", "time", "drop_if", "keep_if", "redact", "add", "rename", "remove"} {
		if !strings.Contains(b.String(), "{ "+verb+" = ") {
			t.Errorf("no step shows %s", verb)
		}
	}
}

// TestTables checks that every table is introduced and that no introduction is left over.
func TestTables(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range config.Keys() {
		seen[k.Table] = true
		if tables()[k.Table] == "" {
			t.Errorf("[%s] is not introduced", k.Table)
		}
	}
	for name := range tables() {
		if !seen[name] {
			t.Errorf("[%s] does not exist", name)
		}
	}
}
