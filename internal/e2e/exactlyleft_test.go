package e2e

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestExactlyLeft kills the daemon when its requests have no answer, changes the world, and starts it again.
func TestExactlyLeft(t *testing.T) {
	const n = 600
	remove := func(t *testing.T, h *host) { must(t, os.Remove(h.path("app.log"))) }
	for _, tt := range []struct {
		name   string
		fault  string // what every request meets
		change func(*testing.T, *host)
		args   []string
		total  int // lines that anybody wrote
		twice  bool
		said   string
	}{
		{name: "untouched", fault: emulator.CutAfter},
		{name: "deleted", fault: emulator.CutAfter, change: remove},
		{name: "deleted before it arrived", fault: emulator.CutBefore, change: remove},
		{name: "truncated and filled again", fault: emulator.CutBefore, change: func(t *testing.T, h *host) {
			must(t, os.Truncate(h.path("app.log"), 0))
			appendLines(t, h.path("app.log"), n, n+50)
		}, total: n + 50},
		{name: "other settings", fault: emulator.CutAfter, args: []string{"--set", "target.central.batch.max_logs=3", "--set", "target.central.batch.in_flight=2",
			"--set", "target.central.compression=zstd", "--set", `input.web.multiline.start=^line \d*7 `}},
		{name: "without exactly_once", fault: emulator.CutAfter, args: []string{"--set", "target.central.exactly_once=false"}},
		{name: "bodies damaged", fault: emulator.CutAfter, change: func(t *testing.T, h *host) {
			names, err := filepath.Glob(h.path("state/pack.*"))
			must(t, err)
			for _, name := range names {
				must(t, os.WriteFile(name, []byte("noise"), 0o600))
			}
		}, twice: true, said: "SHP-K002"},
		{name: "offsets set", fault: emulator.CutAfter, change: func(t *testing.T, h *host) {
			if r := h.command(t, "offsets", "set", "--path", h.path("app.log"), "beginning"); r.code != 0 {
				t.Fatal(r.stderr)
			}
		}, twice: true},
		{name: "offsets forget", fault: emulator.CutAfter, change: func(t *testing.T, h *host) {
			if r := h.command(t, "offsets", "forget", "--path", h.path("app.log")); r.code != 0 {
				t.Fatal(r.stderr)
			}
		}, twice: true},
		{name: "forgotten by the service", fault: emulator.CutAfter, change: func(t *testing.T, h *host) {
			must(t, h.cloud.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.Forget, Count: 1}))
		}, twice: true},
		{name: "split", fault: emulator.CutAfter, change: func(t *testing.T, h *host) {
			must(t, h.cloud.Split(emulator.DefaultProject, emulator.DefaultLogstore, 0))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t, emulator.Options{Log: slog.New(slog.DiscardHandler)})
			h := newHost(t, c, "app.log", "")
			must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: tt.fault}))
			appendLines(t, h.path("app.log"), 0, n)
			args := []string{"run", "--set", quick, "--set", exactly, "--set", "target.central.batch.max_logs=100"}
			d := h.start(t, args...)
			eventually(t, 20*time.Second, "requests for all lines are under way", func() bool {
				r := h.command(t, "status", "--json")
				return r.code == 0 && strings.Contains(r.stdout, `"unanswered_requests": 6`)
			})
			d.kill(t)
			c.Faults().Clear()
			if tt.change != nil {
				tt.change(t, h)
			}
			d = h.start(t, append(args, tt.args...)...)
			total := max(n, tt.total)
			eventually(t, 20*time.Second, "everything arrives", func() bool {
				return len(c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)) >= total
			})
			eventually(t, 20*time.Second, "the daemon knows it", func() bool {
				r := h.command(t, "status", "--json")
				return r.code == 0 && strings.Contains(r.stdout, `"unanswered_requests": 0`) && !strings.Contains(r.stdout, `"acked_logs": 0`)
			})
			h.status(t)
			if code := d.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if !strings.Contains(d.stderr.String(), tt.said) {
				t.Errorf("nothing is said of %s:\n%s", tt.said, tail(d.stderr.String(), 20))
			}
			missing, repeated := c.readBack(t).counts(t, total)
			if missing > 0 || repeated > 0 && !tt.twice || repeated == 0 && tt.twice {
				t.Errorf("of %d lines: missing %d, repeated %d", total, missing, repeated)
			}
		})
	}
}

// TestExactlyReload replaces the target again and again while answers are lost; a clean stop in between leaves nothing to be sent again.
func TestExactlyReload(t *testing.T) {
	c := newCloud(t, emulator.Options{Log: slog.New(slog.DiscardHandler), Seed: 3})
	h := newHost(t, c, "app.log", "")
	plain, err := os.ReadFile(h.config)
	must(t, err)
	configure := func(logs string) {
		text := strings.Replace(string(plain), "[target.central]\n",
			"[target.central]\nexactly_once = true\nbatch = { max_delay = \"20ms\", max_logs = "+logs+" }\n", 1)
		if text == string(plain) {
			t.Fatalf("no place for settings in\n%s", plain)
		}
		h.write(t, "shipper.toml", text)
	}
	configure("50")
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.CutAfter, Probability: 0.4}))
	total := 0
	for _, round := range []string{"1", "2", "3"} {
		d := h.start(t, "run")
		for _, logs := range []string{"7", "90", "13", "50"} {
			appendLines(t, h.path("app.log"), total, total+500)
			total += 500
			eventually(t, 20*time.Second, "some arrive", func() bool { return c.stored() > total-500 })
			configure(logs)
			if r := h.command(t, "reload"); r.code != 0 {
				t.Fatalf("round %s: %s%s", round, r.stdout, r.stderr)
			}
		}
		eventually(t, 30*time.Second, "all arrive", func() bool { return c.stored() >= total })
		c.Faults().Clear()
		if code := d.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		before := c.Stats().Requests[emulator.OpPost]["InvalidSequenceId"]
		if before == 0 {
			t.Error("no request was recognised as stored before")
		}
		if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if after := c.Stats().Requests[emulator.OpPost]["InvalidSequenceId"]; after != before {
			t.Errorf("%d requests were sent again after a clean stop", after-before)
		}
		must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.CutAfter, Probability: 0.4}))
	}
	c.exactly(t, total)
}
