package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// engine is podman and buildah with a store of their own, so that nothing of a test stays in the machine's.
type engine struct {
	t     *testing.T
	store []string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	dir := t.TempDir()
	return &engine{t: t, store: []string{"--root", filepath.Join(dir, "store"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}}
}

// build makes the image from deploy/Dockerfile, of a program without symbols as `make build` leaves it, and returns its size.
func (e *engine) build() (bytes int64) {
	e.t.Helper()
	dir := e.t.TempDir()
	for _, args := range [][]string{
		{"go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, "bin/shipper"), "../../cmd/shipper"},
		{"cp", "-r", "../../deploy", dir},
		append(append([]string{"buildah"}, e.store...), "bud", "--isolation", "chroot", "--format", "docker", "-t", "shipper:test",
			"-f", filepath.Join(dir, "deploy/Dockerfile"), dir),
	} {
		cmd := exec.CommandContext(e.t.Context(), args[0], args[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			e.t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	st, err := os.Stat(filepath.Join(dir, "bin/shipper"))
	must(e.t, err)
	return st.Size()
}

// podman runs one podman command.
func (e *engine) podman(args ...string) (string, error) {
	all := append(append([]string{}, e.store...), "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--log-level", "fatal")
	cmd := exec.Command("podman", append(all, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("podman %s: %w: %s", args[0], err, said.String())
	}
	return strings.TrimSpace(string(out)), err
}

// pod is what shipper and an application share: logs that shipper may only read, and shipper's state.
type pod struct {
	*engine
	c    *cloud
	dir  string
	name string
}

func newPod(e *engine, c *cloud, agent string) *pod {
	p := &pod{engine: e, c: c, dir: e.t.TempDir(), name: "shipper"}
	must(e.t, os.Chmod(p.dir, 0o755))
	for _, name := range []string{"logs", "state", "etc"} {
		must(e.t, os.Mkdir(p.path(name), 0o755))
	}
	must(e.t, os.Chown(p.path("state"), 65532, 65532))
	must(e.t, os.WriteFile(p.path("logs/app.log"), nil, 0o644))
	must(e.t, os.WriteFile(p.path("etc/shipper.toml"), fmt.Appendf(nil, `
[agent]
%s
[admin]
listen = ""
[credentials.host]
access_key_id = { env = "KEY_ID" }
access_key_secret = { env = "KEY_SECRET" }
[target.central]
%s
[input.app]
paths = ["/logs/*.log"]
`, agent, emulatortest.Target(c.addr)), 0o644))
	return p
}

func (p *pod) path(name string) string { return filepath.Join(p.dir, name) }

// log is the application of the pod.
func (p *pod) log() *appLog {
	return &appLog{m: &machine{t: p.t, root: p.dir}, c: p.c, name: "logs/app.log"}
}

// start runs the image as strictly as an engine can: no capability, nothing writable but the state. The engine ends what a test
// that was killed has left running.
func (p *pod) start(more ...string) {
	p.t.Helper()
	args := append([]string{"run", "--detach", "--name", p.name, "--timeout", "180", "--network", "host",
		"--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1024:1024",
		"--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges",
		"--env", "KEY_ID=" + emulator.SenderKeyID, "--env", "KEY_SECRET=" + emulator.SenderKeySecret,
		"--volume", p.path("logs") + ":/logs:ro", "--volume", p.path("state") + ":/var/lib/shipper", "--volume", p.path("etc") + ":/etc/shipper:ro"}, more...)
	_, err := p.podman(append(args, "shipper:test")...)
	must(p.t, err)
	p.t.Cleanup(func() {
		if p.t.Failed() {
			out, _ := exec.Command("podman", append(p.store, "logs", p.name)...).CombinedOutput()
			p.t.Logf("the container said:\n%s", tail(string(out), 40))
		}
		p.podman("rm", "--force", "--time", "0", p.name)
	})
}

// ask inspects the container.
func (p *pod) ask(format string) string {
	p.t.Helper()
	out, err := p.podman("inspect", "--format", format, p.name)
	must(p.t, err)
	return out
}

// ended waits for the container's end and returns its exit code.
func (p *pod) ended(limit time.Duration) string {
	p.t.Helper()
	eventually(p.t, limit, "the container ends", func() bool { return p.ask("{{.State.Running}}") == "false" })
	return p.ask("{{.State.ExitCode}}")
}

// healthy runs the image's own HEALTHCHECK.
func (p *pod) healthy() bool { _, err := p.podman("healthcheck", "run", p.name); return err == nil }

// TestContainer builds the image and runs it hardened, stops it and starts it again, and lets it drain as a sidecar.
func TestContainer(t *testing.T) {
	heavy(t, "container")
	for _, name := range []string{"buildah", "podman", "runc"} {
		need(t, name)
	}
	e := newEngine(t)
	t.Logf("the image is its program: %.1f MB", float64(e.build())/1e6)
	t.Run("hardened", func(t *testing.T) {
		hardened(newPod(&engine{t, e.store}, newCloud(t, emulator.Options{}), `drain = "host"`))
	})
	t.Run("on a node", func(t *testing.T) {
		onNode(newPod(&engine{t, e.store}, newCloud(t, emulator.Options{}), `drain = "host"`))
	})
	t.Run("sidecar", func(t *testing.T) {
		sidecar(newPod(&engine{t, e.store}, newCloud(t, emulator.Options{}), `drain = "sidecar"`))
	})
}

// hardened: user 65532 without a right, a health check that tells the truth, and a stop that the next start knows of.
func hardened(p *pod) {
	app := p.log()
	p.start()
	app.write(1000)
	app.delivered()
	status, err := os.ReadFile("/proc/" + p.ask("{{.State.Pid}}") + "/status")
	must(p.t, err)
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !strings.Contains(string(status), want) {
			p.t.Errorf("not %q", want)
		}
	}
	if !p.healthy() {
		p.t.Error("not healthy while lines are delivered")
	}
	must(p.t, p.c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Deny","Action":"log:*","Resource":"*"}]}`))
	app.write(10)
	eventually(p.t, 20*time.Second, "a denial shows in the health check", func() bool { return !p.healthy() })
	_, err = p.podman("kill", "--signal", "INT", p.name)
	must(p.t, err)
	_, err = p.podman("kill", "--signal", "INT", p.name)
	must(p.t, err)
	if code := p.ended(15 * time.Second); code != "75" {
		p.t.Errorf("stopped with lines unsent: exit code %s, want 75", code)
	}
	must(p.t, p.c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"*"}]}`))
	_, err = p.podman("start", p.name)
	must(p.t, err)
	app.write(1000)
	app.delivered()
	_, err = p.podman("stop", "--time", "30", p.name)
	must(p.t, err)
	if code := p.ended(time.Second); code != "0" {
		p.t.Errorf("stopped with everything sent: exit code %s", code)
	}
}

// onNode is the DaemonSet: user 0 with the right to read every file and no other, logs in the CRI format that only root may
// read, rotated by renaming as the kubelet does.
func onNode(p *pod) {
	dir := p.path("logs/pods/shop_web-1_0123/web")
	must(p.t, os.MkdirAll(dir, 0o700))
	must(p.t, os.Chown(p.path("logs/pods"), 1000, 1000)) // somebody's, whom user 0 without DAC_READ_SEARCH is locked out by
	must(p.t, os.Chmod(p.path("logs/pods"), 0o700))
	must(p.t, os.Chown(p.path("state"), 0, 0))
	config, err := os.ReadFile(p.path("etc/shipper.toml"))
	must(p.t, err)
	must(p.t, os.WriteFile(p.path("etc/shipper.toml"), append(bytes.Replace(config, []byte("/logs/*.log"), []byte("/logs/pods/**/*.log"), 1), "format = \"cri\"\n"...), 0o644))
	p.start("--user", "0", "--cap-add", "DAC_READ_SEARCH")
	next := 0
	write := func(f *os.File) {
		for range 200 {
			now := time.Now().UTC().Format(time.RFC3339Nano)
			_, err := fmt.Fprintf(f, "%s stdout P first half of %d,\n%s stdout F second half\n", now, next, now)
			must(p.t, err)
			next++
		}
	}
	for generation := range 3 {
		f, err := os.OpenFile(filepath.Join(dir, "0.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		must(p.t, err)
		write(f)
		eventually(p.t, time.Minute, "the file is known", func() bool { return p.c.stored() >= next })
		write(f) // into a file whose name will match nothing a moment later
		must(p.t, os.Rename(f.Name(), fmt.Sprintf("%s.20260102-03040%d", f.Name(), generation)))
		write(f)
		f.Close()
	}
	must(p.t, os.WriteFile(filepath.Join(dir, "0.log"), nil, 0o600))
	eventually(p.t, time.Minute, "every line has arrived", func() bool { return p.c.stored() >= next })
	tally := p.c.readBack(p.t).tally()
	for n := range next {
		if times := tally[fmt.Sprintf("first half of %d,second half", n)]; times != 1 {
			p.t.Fatalf("line %d arrived %d times", n, times)
		}
	}
	_, err = p.podman("stop", "--time", "30", p.name)
	must(p.t, err)
	if code := p.ended(time.Second); code != "0" {
		p.t.Errorf("exit code %s", code)
	}
}

// sidecar: every container of a pod is told to stop at the same moment, and the application still writes. What it writes is
// delivered before shipper ends, and shipper ends soon after it has fallen silent.
func sidecar(p *pod) {
	app := p.log()
	p.start()
	app.write(1000)
	app.delivered()
	_, err := p.podman("kill", "--signal", "TERM", p.name)
	must(p.t, err)
	start := time.Now()
	eventually(p.t, 20*time.Second, "the application has ended", func() bool {
		app.write(10)
		return time.Since(start) > 6*time.Second
	})
	silent := time.Now()
	if code := p.ended(25 * time.Second); code != "0" {
		p.t.Errorf("exit code %s", code)
	}
	p.t.Logf("wrote for %s after TERM; shipper ended %s after the last line", silent.Sub(start).Round(100*time.Millisecond), since(silent))
	want := app.next
	if got := len(app.arrived()); got != want {
		p.t.Errorf("%d of %d lines had arrived when it ended", got, want)
	}
}
