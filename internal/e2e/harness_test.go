package e2e

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shipper-e2e")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "shipper")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/shipper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build shipper: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// driven are the tests that `make e2e`, `make host` and `make container` run; all others are part of `make test`.
var driven = regexp.MustCompile(`^Test(Nginx|Logrotate|Idle|Host|Container)`)

// need finds a program of the host. Tests that drive the host's programs run only when asked to (`make e2e`), and then a
// program that is missing is a failure.
func need(t *testing.T, name string) string {
	t.Helper()
	if !driven.MatchString(t.Name()) {
		t.Fatalf("drives the host's %s, and no target of the Makefile runs it: name it after one of %s", name, driven)
	}
	if os.Getenv("SHIPPER_E2E") != "require" {
		t.Skipf("drives the host's %s: make e2e", name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed; run internal/e2e/setup", name)
	}
	return path
}

// cloud is an emulator on a port of its own.
type cloud struct {
	*emulator.Emulator
	addr  string
	front http.Handler // what stands before it, if anything
}

func newCloud(t *testing.T, o emulator.Options) *cloud {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	c := emulatortest.Start(t, o)
	return &cloud{Emulator: c.Emulator, addr: c.Addr}
}

// host is a machine of account B: a directory with logs, state and configuration.
type host struct {
	dir, config string
	cloud       *cloud
	cgroup      *cgroup // what the program runs in; nil: as the test does
}

func newHost(t *testing.T, c *cloud, paths string, extra string) *host {
	t.Helper()
	h := &host{dir: t.TempDir(), cloud: c}
	h.config = filepath.Join(h.dir, "shipper.toml")
	text := fmt.Sprintf(`
[agent]
name = "test-host"
state_dir = %q
[admin]
listen = ""
socket = %q
[credentials.host]
%s
[target.central]
%s
[input.web]
paths = [%q]
%s
`, h.path("state"), h.path("shipper.sock"), emulatortest.Key(), emulatortest.Target(c.addr), paths, extra)
	if !filepath.IsAbs(paths) {
		text = strings.Replace(text, fmt.Sprintf("%q", paths), fmt.Sprintf("%q", h.path(paths)), 1)
	}
	h.write(t, "shipper.toml", text)
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// daemon is one life of the program.
type daemon struct {
	cmd    *exec.Cmd
	stderr *lockedBuffer
	done   chan struct{}
	err    error
}

// lockedBuffer collects output while a test may read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the program; it is killed when the test ends, should it still be alive.
func (h *host) start(t *testing.T, args ...string) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &daemon{stderr: &lockedBuffer{}, done: make(chan struct{})}
	argv := h.cgroup.within(binary, append([]string{"-c", h.config}, args...)...)
	d.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	d.cmd.Stderr = d.stderr
	d.cmd.Stdout = d.stderr
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { d.err = d.cmd.Wait(); close(d.done) }()
	t.Cleanup(func() {
		cancel()
		<-d.done
		if t.Failed() {
			t.Logf("shipper %v said:\n%s", args, tail(d.stderr.String(), 60))
		}
	})
	return d
}

// wait returns the exit code.
func (d *daemon) wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-d.done:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("still running after %v", limit)
		return -1
	}
}

func (d *daemon) stop(t *testing.T) int {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return d.wait(t, time.Minute)
}

func (d *daemon) kill(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-d.done
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// eventually waits for something that happens in another process; limit is for a machine that is busy.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
