package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
)

// result is what a command said.
type result struct {
	stdout, stderr string
	code           int
}

// command runs the program to its end.
func (h *host) command(t *testing.T, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"-c", h.config}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ask runs a command that must succeed and reads the JSON that it prints.
func ask[T any](t *testing.T, h *host, args ...string) (v T) {
	t.Helper()
	r := h.command(t, append(args, "--json")...)
	if r.code != 0 {
		t.Fatalf("%v: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
	}
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, r.stdout)
	}
	return v
}

// settled waits until the daemon knows that everything was accepted. From then on a kill loses nothing of that.
func (h *host) settled(t *testing.T) {
	t.Helper()
	eventually(t, 30*time.Second, "the daemon knows that everything was accepted", func() bool {
		r := h.command(t, "status", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"lag_bytes": 0`) && strings.Contains(r.stdout, `"pending": 0`)
	})
}

// status asks the running daemon, and checks that the books of every file balance.
func (h *host) status(t *testing.T) admin.Status {
	t.Helper()
	s := ask[admin.Status](t, h, "status")
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			if f.Read != f.Acked+f.Pending+f.Dead+f.Lost+f.Skipped || min(f.Read, f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped) < 0 {
				t.Errorf("%s of %s to %s: read %d is not acked %d + pending %d + dead %d + lost %d + skipped %d",
					f.Path, in.Name, in.Target, f.Read, f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped)
			}
		}
	}
	return s
}

// fromEnv is a figure that the environment may raise.
func fromEnv(t *testing.T, name string, def int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil || n <= 0 {
		t.Fatalf("%s=%q is no number", name, s)
	}
	return n
}

// onceEach complains about lines of [0, n) that are not there exactly once.
func onceEach(t *testing.T, what string, got map[string]int, n int) {
	t.Helper()
	missing, repeated := 0, 0
	for i := range n {
		switch times := got[numberedLine(i)]; {
		case times == 0:
			missing++
		case times > 1:
			repeated += times - 1
		}
	}
	if missing > 0 || repeated > 0 || len(got) != n-missing {
		t.Errorf("%s: of %d lines %d are missing, %d came again, %d are unknown", what, n, missing, repeated, len(got)-n+missing)
	}
}

func numberedLine(i int) string {
	return fmt.Sprintf("line %07d of a test, long enough to look like one from a log file", i)
}

// newest is the newest file in the state directory whose name begins with prefix.
func (h *host) newest(t *testing.T, prefix string) string {
	t.Helper()
	names, err := filepath.Glob(h.path("state/" + prefix + "*"))
	must(t, err)
	best, gen := "", -1
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(name), prefix)); err == nil && n > gen {
			best, gen = name, n
		}
	}
	if best == "" {
		t.Fatalf("no %s* in the state directory", prefix)
	}
	return best
}

// get asks the running daemon through its socket.
func (h *host) get(t *testing.T, path string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", h.path("shipper.sock"))
	}}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://shipper" + path)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(b)
}
