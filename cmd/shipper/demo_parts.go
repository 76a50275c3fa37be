package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"shipper/pkg/emulator"
)

// prepare writes the configuration that a user would write.
func (d *demo) prepare() (config string, err error) {
	config = filepath.Join(d.dir, "shipper.toml")
	text := fmt.Sprintf(`[agent]
state_dir = %q
drain_limit = "10s"

[admin]
listen = ""

[credentials.host]
source = "static"
access_key_id = { env = "DEMO_KEY_ID" }
access_key_secret = { env = "DEMO_KEY_SECRET" }

[target.central]
project  = %q
logstore = %q
region   = %q
role_arn = %q
endpoint = "http://%[6]s"
assume_role.sts_endpoint = "http://%[6]s"

[input.app]
paths = [%[7]q]
`, filepath.Join(d.dir, "state"), emulator.DefaultProject, emulator.DefaultLogstore, emulator.DefaultRegion,
		emulator.WriterRole, d.addr, filepath.Join(d.dir, "app.log"))
	return config, os.WriteFile(config, []byte(text), 0o600)
}

// demoWriter is an application that logs and turns its own log.
type demoWriter struct {
	path    string
	lines   atomic.Int64
	turns   atomic.Int64
	stopped atomic.Bool
	err     error // read after stopped
}

func (w *demoWriter) written() int { return int(w.lines.Load()) }
func (w *demoWriter) done() bool   { return w.stopped.Load() }

func (w *demoWriter) run(ctx context.Context, life time.Duration) {
	defer w.stopped.Store(true)
	w.err = w.write(ctx, life)
}

// write appends lines at a steady rate and renames its file away now and then, as logrotate's "create" does.
func (w *demoWriter) write(ctx context.Context, life time.Duration) error {
	open := func() (*os.File, error) {
		return os.OpenFile(w.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	f, err := open()
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	start, rotated := time.Now(), time.Now()
	for time.Since(start) < life {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for due := int64(time.Since(start).Seconds() * demoRate); w.lines.Load() < due; {
			n := w.lines.Add(1)
			if _, err := fmt.Fprintf(f, "%s demo line %06d from account B's host\n", time.Now().Format(time.RFC3339Nano), n); err != nil {
				w.lines.Add(-1)
				return err
			}
		}
		if time.Since(rotated) >= demoRotate {
			rotated = time.Now()
			n := w.turns.Add(1)
			if err := os.Rename(w.path, w.path+"."+strconv.FormatInt(n, 10)); err != nil {
				return err
			}
			f.Close()
			if f, err = open(); err != nil {
				return err
			}
		}
	}
	return nil
}

// demoShipper is the program itself, as a process that can be killed.
type demoShipper struct {
	config, log string
	cmd         *exec.Cmd
}

func (s *demoShipper) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd = exec.CommandContext(ctx, self, "run", "--config", s.config)
	s.cmd.Env = append(demoEnviron(os.Environ()), "DEMO_KEY_ID="+emulator.SenderKeyID, "DEMO_KEY_SECRET="+emulator.SenderKeySecret)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	// A process group of its own: an INT at the terminal is for the demo, which then ends it.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return s.cmd.Start()
}

// demoEnviron leaves out what would override the demo's own configuration: its state directory must not be that of a service here.
func demoEnviron(env []string) []string {
	return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "SHIPPER_") })
}

func (s *demoShipper) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may have ended by itself; Wait tells
	_ = s.cmd.Wait()
	s.cmd = nil
}

// stop ends it as systemd would and returns the exit code.
func (s *demoShipper) stop() (int, error) {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	_ = s.cmd.Wait() // the exit code says it
	code := s.cmd.ProcessState.ExitCode()
	s.cmd = nil
	return code, nil
}

// lastWords are the last lines of its log, for when something went wrong.
func (s *demoShipper) lastWords(n int) string {
	f, err := os.Open(s.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
