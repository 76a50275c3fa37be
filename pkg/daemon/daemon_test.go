package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/internal/durable"
	"shipper/pkg/admin"
	"shipper/pkg/config"
	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// world is an emulator and a directory of a host.
type world struct {
	cloud *emulator.Emulator
	addr  string
	dir   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := emulatortest.Start(t, emulator.Options{})
	return &world{cloud: c.Emulator, addr: c.Addr, dir: t.TempDir()}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// load makes a configuration whose inputs are the given TOML.
func (w *world) load(t *testing.T, inputs string, set ...string) *config.Config {
	t.Helper()
	text := fmt.Sprintf(`
[agent]
state_dir = %q
drain_limit = "5s"
drain_idle = "100ms"
[admin]
listen = ""
[credentials.host]
%s
[target.central]
%s
batch.max_delay = "50ms"
%s`, w.path("state"), emulatortest.Key(), emulatortest.Target(w.addr), strings.ReplaceAll(inputs, "DIR", w.dir))
	path := w.path("shipper.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.Options{Path: path, Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, cfg *config.Config, once bool) *Daemon {
	t.Helper()
	d, err := New(t.Context(), cfg, Options{Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Once: once})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w *world) contents() []string {
	var out []string
	for _, g := range w.cloud.ReadAll("sec-logs", "web") {
		for _, l := range g.Logs {
			out = append(out, l.Value("content"))
		}
	}
	return out
}

func TestOnceThroughSteps(t *testing.T) {
	w := newWorld(t)
	w.write(t, "app.log", "2026-01-01 first\n  of two lines\n2026-01-02 password=hunter2\n2026-01-03 debug noise\n")
	cfg := w.load(t, `
[input.app]
paths = ["DIR/*.log"]
multiline.start = '^\d{4}-'
[[input.app.step]]
drop_if = { regex = "debug" }
[[input.app.step]]
redact = { regex = 'password=\S+' }
`)
	if err := build(t, cfg, true).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := w.contents()
	want := []string{"2026-01-01 first\n  of two lines", "2026-01-02 ***"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingMatches(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, "[input.app]\npaths = [\"DIR/*.log\"]\n")
	if err := build(t, cfg, true).Run(t.Context()); !errors.Is(err, ErrNoInput) {
		t.Errorf("got %v", err)
	}
}

func TestStateDirectoryBelongsToOne(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, "[input.app]\npaths = [\"DIR/*.log\"]\n")
	d := build(t, cfg, false)
	defer d.release()
	_, err := New(t.Context(), cfg, Options{Log: slog.New(slog.DiscardHandler)})
	if e, ok := errors.AsType[*durable.LockedError](err); !ok || !strings.Contains(e.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second daemon: %v", err)
	}
}

// TestStopLeavesTheRestInTheFiles stops while the service is dead: nothing is lost, and the error says what waits.
func TestStopLeavesTheRestInTheFiles(t *testing.T) {
	w := newWorld(t)
	w.cloud.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerError})
	w.write(t, "app.log", strings.Repeat("a line\n", 1000))
	cfg := w.load(t, "[input.app]\npaths = [\"DIR/*.log\"]\n", "agent.drain_limit=300ms", "agent.drain=host")
	d := build(t, cfg, false)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); bytesRead(d) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("nothing is read")
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := <-ended; !errors.Is(err, ErrUnsent) {
		t.Errorf("got %v", err)
	}
	w.cloud.Faults().Clear()
	if err := build(t, cfg, true).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(w.contents()); n != 1000 {
		t.Errorf("%d of 1000 lines", n)
	}
}

func TestSummaryNamesTheTrouble(t *testing.T) {
	if got := summary(admin.Status{Reasons: []string{"target central: denied"}}); got != "target central: denied" {
		t.Error(got)
	}
	got := summary(admin.Status{Inputs: []admin.InputStatus{{Files: []admin.FileStatus{{LagBytes: 5}, {LagBytes: 7}}}}})
	if got != "2 files, 12 bytes behind" {
		t.Error(got)
	}
}

func bytesRead(d *Daemon) (n int64) {
	for _, in := range d.Snapshot().Inputs {
		for _, f := range in.Files {
			n += f.Read
		}
	}
	return n
}

func TestSessionPolicyIsTheOneWrite(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, "[input.app]\npaths = [\"DIR/*.log\"]\n")
	target := cfg.Targets["central"]
	got, err := sessionPolicy(target)
	if err != nil || !strings.Contains(got, `"log:PostLogStoreLogs"`) || !strings.Contains(got, "project/sec-logs/logstore/web") || strings.Contains(got, `"*"`) {
		t.Errorf("%s %v", got, err)
	}
	target.AssumeRole.SessionPolicy = "off"
	if got, err := sessionPolicy(target); got != "" || err != nil {
		t.Errorf("off: %q %v", got, err)
	}
	w.write(t, "session.json", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*"}]}`)
	target.AssumeRole.SessionPolicy = w.path("session.json")
	if _, err := sessionPolicy(target); err == nil || !strings.Contains(err.Error(), "session.json") {
		t.Errorf("a policy without a Resource: %v", err)
	}
}
