package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// heavy skips a test that changes the machine it runs on (packages, mounts, namespaces), unless it was asked for.
func heavy(t *testing.T, target string) {
	t.Helper()
	if os.Getenv("SHIPPER_E2E") != "require" {
		t.Skipf("needs root and installs Debian packages; run: make %s", target)
	}
	if os.Getuid() != 0 {
		t.Fatalf("needs root: it makes namespaces and mounts; run as root: make %s", target)
	}
}

// machine is a Debian host with systemd, booted by internal/e2e/hostsys. Its files are reachable from outside under root.
type machine struct {
	t    *testing.T
	root string
	pid  string // of its PID 1
}

// newMachine boots a host; it ends with the test, and also when the test process dies, because that closes the pipe.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, root: filepath.Join(t.TempDir(), "host")}
	cmd := exec.Command("./hostsys", "run", m.root)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("hostsys: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the host did not boot: %v", err)
	}
	m.pid = strings.TrimSpace(strings.TrimPrefix(line, "up "))
	return m
}

// in gives the host to a subtest.
func (m *machine) in(t *testing.T) *machine { return &machine{t: t, root: m.root, pid: m.pid} }

func (m *machine) path(name string) string { return filepath.Join(m.root, name) }

// try runs a shell command in the host.
func (m *machine) try(format string, args ...any) (string, error) {
	cmd := exec.CommandContext(m.t.Context(), "./hostsys", "exec", m.pid, "bash", "-c", fmt.Sprintf(format, args...))
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// sh is try for a command that must succeed.
func (m *machine) sh(format string, args ...any) string {
	m.t.Helper()
	out, err := m.try(format, args...)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", fmt.Sprintf(format, args...), err, out)
	}
	return out
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	must(m.t, os.MkdirAll(filepath.Dir(m.path(name)), 0o755))
	must(m.t, os.WriteFile(m.path(name), []byte(text), 0o644))
}

// copy takes a file into the host, with its mode.
func (m *machine) copy(from, to string) {
	m.t.Helper()
	must(m.t, os.MkdirAll(filepath.Dir(m.path(to)), 0o755))
	src, err := os.Open(from)
	must(m.t, err)
	defer src.Close()
	st, err := src.Stat()
	must(m.t, err)
	dst, err := os.OpenFile(m.path(to), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, st.Mode())
	must(m.t, err)
	_, err = io.Copy(dst, src)
	must(m.t, err)
	must(m.t, dst.Close())
}

// unit is a property of shipper.service.
func (m *machine) unit(property string) string {
	m.t.Helper()
	return m.sh("systemctl show --property %s --value shipper", property)
}

// want compares properties of shipper.service with name=value pairs.
func (m *machine) want(pairs ...string) {
	m.t.Helper()
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		if got := m.unit(name); got != value {
			m.t.Errorf("%s=%s, want %s", name, got, value)
		}
	}
}

// journal is what shipper.service has said since the host booted.
func (m *machine) journal(args string) string {
	m.t.Helper()
	return m.sh("journalctl --unit shipper --no-pager --output cat %s", args)
}

// dropIn adds a drop-in to the unit until the test ends.
func (m *machine) dropIn(name, text string) {
	m.t.Helper()
	file := "etc/systemd/system/shipper.service.d/" + name
	m.write(file, text)
	m.sh("systemctl daemon-reload")
	m.t.Cleanup(func() {
		must(m.t, os.Remove(m.path(file)))
		if out, err := exec.Command("./hostsys", "exec", m.pid, "systemctl", "daemon-reload").CombinedOutput(); err != nil {
			m.t.Errorf("daemon-reload: %v %s", err, out)
		}
	})
}

// explain prints what the service said if the test failed.
func (m *machine) explain() {
	if m.t.Failed() {
		out, _ := exec.Command("./hostsys", "exec", m.pid, "bash", "-c", "systemctl status --no-pager --lines 0 shipper; journalctl --unit shipper --no-pager --lines 40").CombinedOutput()
		m.t.Logf("%s", out)
	}
}

// serve lets the cloud answer on the host's own loopback, where the emulator would listen.
func (m *machine) serve(c *cloud) {
	m.t.Helper()
	l, err := m.listen("127.0.0.1:9621")
	must(m.t, err)
	srv := &http.Server{Handler: c.Emulator}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	m.t.Cleanup(func() { srv.Close(); <-done })
}

// listen opens a port inside the host's network namespace. The thread that went there is given up.
func (m *machine) listen(addr string) (l net.Listener, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		ns, e := os.Open("/proc/" + m.pid + "/ns/net")
		if e != nil {
			err = e
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err == nil {
			l, err = net.Listen("tcp", addr)
		}
	}()
	<-done
	return l, err
}

// install puts the program, the unit, the user and a configuration where they belong, by hand as the README says.
func (m *machine) install() {
	m.t.Helper()
	m.copy(binary, "usr/bin/shipper")
	m.copy("../../systemd/shipper.service", "etc/systemd/system/shipper.service")
	m.sh("useradd --system --no-create-home --shell /usr/sbin/nologin shipper; systemctl daemon-reload; systemctl enable --quiet shipper")
}

// configure writes a configuration with the emulator's keys, readable by shipper alone. Short limits keep the test short.
func (m *machine) configure(extra string) {
	m.t.Helper()
	m.write("etc/shipper/shipper.toml", fmt.Sprintf(`
[agent]
drain_idle = "500ms"
drain_limit = "2s"
[credentials.host]
access_key_id = { file = "/etc/shipper/credentials/id" }
access_key_secret = { file = "/etc/shipper/credentials/secret" }
[target.central]
%s
retry.max = "1s"
[input.app]
paths = ["/var/log/app/*.log"]
%s`, emulatortest.Target("127.0.0.1:9621"), extra))
	m.write("etc/shipper/credentials/id", emulator.SenderKeyID+"\n")
	m.write("etc/shipper/credentials/secret", emulator.SenderKeySecret+"\n")
	m.sh(`chown -R root:shipper /etc/shipper; chmod 640 /etc/shipper/shipper.toml; chmod 750 /etc/shipper /etc/shipper/credentials
chown shipper /etc/shipper/credentials/*; chmod 400 /etc/shipper/credentials/*`)
}

func since(start time.Time) string { return time.Since(start).Round(100 * time.Millisecond).String() }
