package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestDenials breaks one thing at a time: `run --once` ends with the documented code and names what to mend.
func TestDenials(t *testing.T) {
	const nothing = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}`
	for _, tc := range []struct {
		name string
		set  func(t *testing.T, c *cloud)
		args []string
		code int
		want []string
	}{
		{name: "wrong secret", args: []string{"--set", "credentials.host.access_key_secret=wrong"}, code: 77,
			want: []string{"SignatureDoesNotMatch"}},
		{name: "unknown key", args: []string{"--set", "credentials.host.access_key_id=LTAI5tUnknown000001"}, code: 77,
			want: []string{"InvalidAccessKeyId.NotFound"}},
		{name: "root key", args: []string{"--set", "credentials.host.access_key_id=" + emulator.RootKeyID, "--set", "credentials.host.access_key_secret=" + emulator.RootKeySecret}, code: 77,
			want: []string{"root"}},
		{name: "caller may not assume", set: func(t *testing.T, c *cloud) { must(t, c.SetUserPolicies(emulator.SenderUser, nothing)) }, code: 77,
			want: []string{"sts:AssumeRole", emulator.WriterRole}},
		{name: "not trusted", set: func(t *testing.T, c *cloud) {
			must(t, c.SetTrust(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::3333333333333333:root"]}}]}`))
		}, code: 77, want: []string{emulator.OwnerUID, "trust"}},
		{name: "no such role", set: func(t *testing.T, c *cloud) { must(t, c.DeleteRole(emulator.WriterRole)) }, code: 77,
			want: []string{"EntityNotExist.Role"}},
		{name: "role may not write", set: func(t *testing.T, c *cloud) { must(t, c.SetRolePolicy(emulator.WriterRole, nothing)) }, code: 77,
			want: []string{"log:PostLogStoreLogs", emulator.OwnerUID, "project/sec-logs/logstore/web"}},
		{name: "other Logstore", args: []string{"--set", "target.central.logstore=audit"}, code: 77,
			want: []string{"logstore/audit"}},
		{name: "session policy does not allow the write", args: []string{"--set", "target.central.assume_role.session_policy=SESSION"}, code: 77,
			want: []string{"log:PostLogStoreLogs"}},
		{name: "no such project", args: []string{"--set", "target.central.project=no-such-project"}, code: 77,
			want: []string{"ProjectNotExist"}},
		{name: "wrong account", args: []string{"--set", "target.central.expect_account=3333333333333333"}, code: 78,
			want: []string{"3333333333333333"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, emulator.Options{})
			h := newHost(t, c, "app.log", "")
			if tc.set != nil {
				tc.set(t, c)
			}
			h.write(t, "session.json", nothing)
			args := append([]string{"run", "--once"}, tc.args...)
			for i := range args {
				args[i] = strings.Replace(args[i], "SESSION", h.path("session.json"), 1)
			}
			appendLines(t, h.path("app.log"), 0, 100)
			d := h.start(t, args...)
			if code := d.wait(t, time.Minute); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, want := range tc.want {
				if !strings.Contains(d.stderr.String(), want) {
					t.Errorf("%q is not named:\n%s", want, d.stderr.String())
				}
			}
			for _, secret := range []string{emulator.SenderKeySecret, emulator.RootKeySecret} {
				if strings.Contains(d.stderr.String(), secret) {
					t.Error("a secret was printed")
				}
			}
			if n := c.stored(); n != 0 {
				t.Errorf("%d lines were stored", n)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestNotLogService points the target at things that are no Log Service: nothing is taken for an acknowledgement.
func TestNotLogService(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"an HTML page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Please log in</html>") }, "not"},
		{"200 without a request id", func(http.ResponseWriter, *http.Request) {}, "x-log-requestid"},
		{"502 from a proxy", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", 502) }, "502"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, emulator.Options{})
			portal := httptest.NewServer(tc.answer)
			defer portal.Close()
			h := newHost(t, c, "app.log", "")
			appendLines(t, h.path("app.log"), 0, 100)
			d := h.start(t, "run", "--once", "--set", "target.central.endpoint="+portal.URL, "--set", "agent.drain_limit=3s", "--set", "agent.drain_idle=1s")
			if code := d.wait(t, time.Minute); code != 69 {
				t.Errorf("exit code %d, want 69", code)
			}
			if !strings.Contains(d.stderr.String(), tc.want) {
				t.Errorf("%q is not said:\n%s", tc.want, d.stderr.String())
			}
			if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
				t.Errorf("with the right endpoint: exit code %d", code)
			}
			c.exactly(t, 100)
		})
	}
}

// TestBadStart is what a new user gets wrong: a clear message, the documented exit code, nothing lost.
func TestBadStart(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	for _, tc := range []struct {
		name  string
		extra string
		args  []string
		code  int
		want  string
	}{
		{name: "unknown key", extra: "start_att = \"end\"", args: []string{"validate"}, code: 78, want: `did you mean "start_at"`},
		{name: "wrong type", extra: "max_line = true", args: []string{"validate"}, code: 78, want: "max_line"},
		{name: "unknown command", args: []string{"rum"}, code: 64, want: "did you mean shipper run?"},
		{name: "unknown flag", args: []string{"run", "--onse"}, code: 64, want: "see: shipper run --help"},
		{name: "empty glob", args: []string{"run", "--once"}, code: 66, want: "no file matches"},
		{name: "state directory is a file", args: []string{"run", "--once", "--set", "agent.state_dir=/dev/null"}, code: 73, want: "/dev/null"},
		{name: "port in use", args: []string{"run", "--set", "admin.listen=" + taken.Addr().String()}, code: 74, want: "in use"},
		{name: "no daemon", args: []string{"status"}, code: 69, want: "no daemon answers"},
		{name: "no configuration", args: []string{"--config", "/nonexistent/shipper.toml", "run"}, code: 78, want: "/nonexistent/shipper.toml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHost(t, c, "app.log", tc.extra)
			d := h.start(t, tc.args...)
			if code := d.wait(t, time.Minute); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if !strings.Contains(d.stderr.String(), tc.want) {
				t.Errorf("%q is not said:\n%s", tc.want, d.stderr.String())
			}
		})
	}
}

// TestLockedState starts a second shipper on the same state directory: it names the first.
func TestLockedState(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	appendLines(t, h.path("app.log"), 0, 10)
	first := h.start(t, "run")
	eventually(t, 20*time.Second, "the first one runs", func() bool { return c.stored() >= 10 })
	second := h.start(t, "run")
	if code := second.wait(t, 20*time.Second); code != 73 {
		t.Errorf("exit code %d, want 73", code)
	}
	if pid := fmt.Sprint(first.cmd.Process.Pid); !strings.Contains(second.stderr.String(), pid) {
		t.Errorf("the message does not name process %s:\n%s", pid, second.stderr.String())
	}
	if code := first.stop(t); code != 0 {
		t.Errorf("the first one: exit code %d", code)
	}
}

// TestUnreadableFile is about a file that only somebody else may read: it is named once, the others go on.
func TestUnreadableFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "*.log", "")
	appendLines(t, h.path("a.log"), 0, 10)
	h.write(t, "b.log", "secret\n")
	must(t, os.Chmod(h.path("b.log"), 0))
	d := h.start(t, "run")
	eventually(t, 20*time.Second, "the readable file arrives", func() bool { return c.stored() >= 10 })
	eventually(t, 20*time.Second, "the other is named", func() bool { return strings.Contains(d.stderr.String(), "b.log") })
}
