package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
)

// TestReloadCommand asks a daemon's socket, and tells by its exit code what came of it.
func TestReloadCommand(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "shipper.toml")
	text := `agent.state_dir = "` + dir + `"
[target.central]
project = "sec-logs"
logstore = "web"
region = "cn-hangzhou"
[input.app]
paths = ["/var/log/app.log"]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) (code int, stdout, stderr string) {
		var out, errs bytes.Buffer
		code = run(t.Context(), append([]string{"reload", "-c", file}, args...), &out, &errs)
		return code, out.String(), errs.String()
	}
	if code, _, stderr := ask(); code != exitUnavailable || !strings.Contains(stderr, "no daemon answers") {
		t.Errorf("without a daemon: %d %s", code, stderr)
	}
	answer := make(chan admin.ReloadResult, 1)
	s, err := admin.Listen(t.Context(), admin.Options{
		Socket: filepath.Join(dir, "shipper.sock"), Listen: "127.0.0.1:0", Beats: admin.NewBeats(time.Now), Log: slog.New(slog.DiscardHandler),
		Look: func() admin.Snapshot { return admin.Snapshot{Status: admin.Status{Schema: admin.Schema}} },
		Reload: func(ctx context.Context) admin.ReloadResult {
			select {
			case r := <-answer:
				return r
			case <-ctx.Done():
				return admin.ReloadResult{Hash: "x"}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for _, row := range []struct {
		name   string
		answer admin.ReloadResult
		code   int
		out    string
		errs   string
	}{
		{"changes", admin.ReloadResult{OK: true, Hash: "h", Changes: []string{"~ target.central (batch.max_delay 1s → 2s)", "+ input.app"}}, 0,
			"~ target.central (batch.max_delay 1s → 2s)\n+ input.app\n", ""},
		{"none", admin.ReloadResult{OK: true, Hash: "h"}, 0, "nothing changed\n", ""},
		{"refused", admin.ReloadResult{Hash: "h", Error: "agent.state_dir needs a restart\nNothing was changed.\n"}, exitConfig,
			"", "agent.state_dir needs a restart\nNothing was changed.\n"},
	} {
		answer <- row.answer
		if code, stdout, stderr := ask(); code != row.code || stdout != row.out || stderr != row.errs {
			t.Errorf("%s: %d\n%s%s", row.name, code, stdout, stderr)
		}
	}
	if err := os.WriteFile(file, []byte(text+"unknown = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer <- admin.ReloadResult{Hash: "h", Error: "unknown key\n"}
	if code, _, stderr := ask(); code != exitConfig || stderr != "unknown key\n" {
		t.Errorf("a broken file: %d %s", code, stderr)
	}
	for _, args := range [][]string{{"status", "-c", file}, {"top", "--once", "-c", file}} {
		var out, errs bytes.Buffer
		code := run(t.Context(), args, &out, &errs)
		if code != exitOK || !strings.Contains(errs.String(), "the daemon goes on with what it had") {
			t.Errorf("%s beside a broken file: %d %s", args[0], code, &errs)
		}
		if code := run(t.Context(), append(args, "--set", "agent.state_dir="+t.TempDir(), "--set", "admin.listen="), &out, &errs); code != exitConfig || !strings.Contains(errs.String(), "SHP-C004") {
			t.Errorf("%s without a daemon: %d %s", args[0], code, &errs)
		}
	}
	if code, _, stderr := ask("--wait", "50ms"); code != exitUnavailable || !strings.Contains(stderr, "no answer within 50ms") {
		t.Errorf("a daemon that takes long: %d %s", code, stderr)
	}
}
