package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// appendLines writes numbered lines [from, to) to a file.
func appendLines(t *testing.T, path string, from, to int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for n := from; n < to; n++ {
		fmt.Fprintf(w, "line %07d of a test, long enough to look like one from a log file\n", n)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// counts compares what arrived with the numbered lines [0, n).
func (a arrived) counts(t *testing.T, n int) (missing, repeated int) {
	t.Helper()
	tally := a.tally()
	for i := range n {
		switch times := tally[fmt.Sprintf("line %07d of a test, long enough to look like one from a log file", i)]; {
		case times == 0:
			missing++
		case times > 1:
			repeated += times - 1
		}
	}
	if extra := len(a.lines) - n - repeated + missing; extra != 0 {
		t.Errorf("%d lines arrived that nobody wrote", extra)
	}
	return missing, repeated
}

func (c *cloud) exactly(t *testing.T, n int) {
	t.Helper()
	if missing, repeated := c.readBack(t).counts(t, n); missing > 0 || repeated > 0 {
		t.Errorf("of %d lines: missing %d, repeated %d", n, missing, repeated)
	}
}

// TestCleanRestart stops and starts in the middle of writing: nothing is repeated.
func TestCleanRestart(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	total := 0
	for round := range 5 {
		appendLines(t, h.path("app.log"), total, total+2000)
		total += 2000
		d := h.start(t, "run")
		eventually(t, 20*time.Second, "the lines arrive", func() bool { return c.stored() >= total })
		if code := d.stop(t); code != 0 {
			t.Errorf("round %d: exit code %d", round, code)
		}
	}
	c.exactly(t, total)
}

// TestRotation lets tokens live three seconds under load: no request is refused for its credentials.
func TestRotation(t *testing.T) {
	c := newCloud(t, emulator.Options{TokenLife: 3 * time.Second})
	h := newHost(t, c, "app.log", "")
	d := h.start(t, "run", "--set", "target.central.batch.max_delay=100ms")
	total, tokens := 0, fromEnv(t, "SHIPPER_E2E_TOKENS", 6)
	eventually(t, time.Duration(tokens)*10*time.Second, "the tokens were used", func() bool {
		appendLines(t, h.path("app.log"), total, total+50)
		total += 50
		return c.Stats().TokensIssued >= int64(tokens)
	})
	eventually(t, 20*time.Second, "the lines arrive", func() bool { return c.stored() >= total })
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if s := c.Stats(); s.ExpiredTokens != 0 || s.Denied != 0 {
		t.Errorf("requests rejected: %d expired, %d denied", s.ExpiredTokens, s.Denied)
	}
	c.exactly(t, total)
	t.Logf("%d tokens of 3 s, %d lines, none rejected, lost or repeated", c.Stats().TokensIssued, total)
}

// TestRevoked takes the permission away under load and gives it back: the data waits, the message names whom to ask.
func TestRevoked(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	d := h.start(t, "run")
	appendLines(t, h.path("app.log"), 0, 1000)
	eventually(t, 20*time.Second, "the first lines arrive", func() bool { return c.stored() >= 1000 })
	calls := c.Stats().AssumeRole
	if err := c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:GetLogStore","Resource":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	appendLines(t, h.path("app.log"), 1000, 3000)
	eventually(t, 20*time.Second, "a denial is reported", func() bool { return strings.Contains(d.stderr.String(), "log:PostLogStoreLogs") })
	for _, want := range []string{emulator.OwnerUID, "project/sec-logs/logstore/web"} {
		if !strings.Contains(d.stderr.String(), want) {
			t.Errorf("the message does not name %s:\n%s", want, tail(d.stderr.String(), 10))
		}
	}
	if err := c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:*:project/sec-logs/logstore/web"}]}`); err != nil {
		t.Fatal(err)
	}
	eventually(t, 70*time.Second, "the rest arrives", func() bool { return c.stored() >= 3000 })
	if n := c.Stats().AssumeRole - calls; n != 0 {
		t.Errorf("STS was asked %d times because of a denial", n)
	}
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.exactly(t, 3000)
}

// TestOnce sends what is there, across rotated generations, and ends.
func TestOnce(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "logs/**/*.log", "")
	if err := os.MkdirAll(h.path("logs/a/b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"logs/x.log", "logs/a/y.log", "logs/a/b/z.log"} {
		appendLines(t, h.path(name), i*1000, (i+1)*1000)
	}
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	c.exactly(t, 3000)
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Fatalf("second run: exit code %d", code)
	}
	c.exactly(t, 3000)
	if names, err := filepath.Glob(h.path("state/*.bad")); err != nil || len(names) > 0 {
		t.Errorf("set aside: %v %v", names, err)
	}
}
