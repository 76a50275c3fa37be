package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/config"
	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// live is a daemon that runs while its configuration file is changed.
type live struct {
	*world
	t *testing.T
	d *Daemon
}

// settings is a configuration file in parts.
type settings struct {
	agent, logstore, endpoint, target, creds, rest string
}

func (w *world) settings(rest string) settings {
	return settings{logstore: "web", endpoint: "http://" + w.addr, rest: rest}
}

func (w *world) text(s settings) string {
	return strings.ReplaceAll(fmt.Sprintf(`
[agent]
state_dir = %q
drain = "host"
drain_limit = "5s"
%s
[admin]
listen = ""
[credentials.host]
%s
%s
[target.central]
project = "sec-logs"
logstore = %q
region = "cn-hangzhou"
role_arn = %q
credentials = "host"
endpoint = %q
assume_role.sts_endpoint = "http://%s"
%s
%s
`, w.path("state"), s.agent, emulatortest.Key(), s.creds, s.logstore, emulator.WriterRole, s.endpoint, w.addr, s.target, s.rest),
		"DIR", w.dir)
}

// save replaces the file at once, as a deployment does.
func (w *world) save(t *testing.T, s settings) {
	t.Helper()
	w.write(t, "next.toml", w.text(s))
	if err := os.Rename(w.path("next.toml"), w.path("shipper.toml")); err != nil {
		t.Fatal(err)
	}
}

// start runs a daemon with s until the end of the test.
func (w *world) start(t *testing.T, s settings) *live {
	t.Helper()
	w.save(t, s)
	return w.startFrom(t, w.path("shipper.toml"))
}

func (w *world) startFrom(t *testing.T, path string) *live {
	t.Helper()
	source := config.Options{Path: path}
	cfg, err := config.Load(source)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(t.Context(), cfg, Options{Version: "test", Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})), Source: &source, Level: new(slog.LevelVar)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return &live{w, t, d}
}

// reload makes the daemon take s, which it has to.
func (l *live) reload(s settings) admin.ReloadResult {
	l.t.Helper()
	l.save(l.t, s)
	r := l.d.Reload(l.t.Context())
	if !r.OK {
		l.t.Fatalf("not reloaded: %s", r.Error)
	}
	return r
}

// until polls for something that the system around us does in its own time.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// add appends to a log file.
func (w *world) add(t *testing.T, name, text string) {
	t.Helper()
	f, err := os.OpenFile(w.path(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// stored are the lines of a Logstore, sorted.
func (w *world) stored(logstore string) []string {
	var out []string
	for _, g := range w.cloud.ReadAll("sec-logs", logstore) {
		for _, l := range g.Logs {
			out = append(out, l.Value("content"))
		}
	}
	slices.Sort(out)
	return out
}

// arrives waits until the Logstore holds exactly want, in any order.
func (l *live) arrives(logstore string, want ...string) {
	l.t.Helper()
	slices.Sort(want)
	until(l.t, fmt.Sprintf("%q in %s, which holds %q", want, logstore, l.stored(logstore)), func() bool { return len(l.stored(logstore)) >= len(want) })
	if got := l.stored(logstore); !slices.Equal(got, want) {
		l.t.Fatalf("%s holds %q, want %q", logstore, got, want)
	}
}
