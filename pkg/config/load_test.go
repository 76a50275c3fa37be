package config

import (
	"os"
	"path/filepath"
	"testing"
)

// noEnv is an empty environment but for the host's name.
func noEnv(name string) (string, bool) {
	if name == "HOSTNAME" {
		return "web-1", true
	}
	return "", false
}

// write puts files into a fresh directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const minimal = `[target.central]
project  = "sec-logs"
logstore = "web"
region   = "cn-hangzhou"
role_arn = "acs:ram::1111111111111111:role/shipper-writer"

[input.nginx]
paths = ["/var/log/nginx/*.log"]
`

func TestMinimal(t *testing.T) {
	c, err := Load(Options{Path: "../../configs/minimal.toml", Env: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings:\n%s", c.Warnings)
	}
	in, target := c.Inputs["nginx"], c.Targets["central"]
	if len(in.Target) != 1 || in.Target[0] != "central" || in.StartAt != "beginning" {
		t.Errorf("input: %+v", in)
	}
	if target.Expected() != "1111111111111111" || target.Compression != "lz4" {
		t.Errorf("target: %+v", target)
	}
	if c.Agent.Name != "web-1" || c.Admin.Listen != "127.0.0.1:9620" {
		t.Errorf("agent %+v, admin %+v", c.Agent, c.Admin)
	}
}
