package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// host is one shipper with a state directory of its own.
type host struct {
	dir, config string
}

// settings are what differs between runs.
type settings struct {
	addr    string // of the sink
	paths   string // of the log files
	target  string // lines of [target.central]
	batch   string // lines of [target.central.batch]
	agent   string // lines of [agent]
	assume  string // the role to assume at the sink; "" signs with the key itself
	id, key string
}

func (b *bench) host(s settings) (*host, error) {
	dir, err := os.MkdirTemp(b.dir, "host")
	if err != nil {
		return nil, err
	}
	if s.id == "" {
		s.id, s.key = "LTAI5tFakeBench000000", "fake-secret-of-the-benchmark"
	}
	role := ""
	if s.assume != "" {
		role = fmt.Sprintf("role_arn = %q\n[target.central.assume_role]\nsts_endpoint = \"http://%s\"", s.assume, s.addr)
	}
	text := fmt.Sprintf(`
[agent]
name = "bench"
state_dir = %q
%s
[log]
level = "warn"
[admin]
listen = ""
socket = %q
[credentials.host]
source = "static"
access_key_id = %q
access_key_secret = %q
[target.central]
project = "sec-logs"
logstore = "web"
region = "cn-hangzhou"
endpoint = "http://%s"
%s
%s
[target.central.batch]
%s
[input.web]
paths = [%q]
start_at = "beginning"
`, filepath.Join(dir, "state"), s.agent, filepath.Join(dir, "sock"), s.id, s.key, s.addr, s.target, role, s.batch, s.paths)
	h := &host{dir: dir, config: filepath.Join(dir, "shipper.toml")}
	return h, os.WriteFile(h.config, []byte(strings.TrimLeft(text, "\n")), 0o600)
}

func (h *host) start(ctx context.Context, b *bench, args ...string) (*child, error) {
	return b.startPinned(ctx, b.bin["shipper"], append([]string{"-c", h.config, "run"}, args...)...)
}

func (h *host) remove() { os.RemoveAll(h.dir) }
