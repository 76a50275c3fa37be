package e2e

import (
	"syscall"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestDrainLimit: a sidecar whose files never fall silent, towards a service that never answers, ends all the same. Reading
// on and sending share drain_limit; requests in flight have five seconds more.
func TestDrainLimit(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	appendLines(t, h.path("app.log"), 0, 100)
	d := h.start(t, "run", "--set", "agent.drain=sidecar", "--set", "agent.drain_limit=4s", "--set", "agent.drain_idle=1s")
	eventually(t, 20*time.Second, "the first lines arrive", func() bool { return c.stored() >= 100 })
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.NoAnswer}))
	next := 100
	ended := make(chan int, 1)
	go func() { ended <- d.stop(t) }() // waits for a minute at most
	for code := -1; code < 0; {
		select {
		case code = <-ended:
			if code != 75 {
				t.Errorf("exit code %d, want 75", code)
			}
		case <-time.After(200 * time.Millisecond):
			appendLines(t, h.path("app.log"), next, next+10)
			next += 10
		}
	}
	c.Faults().Clear()
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Errorf("the next run: exit code %d", code)
	}
	if missing, _ := c.readBack(t).counts(t, next); missing > 0 {
		t.Errorf("missing %d of %d", missing, next)
	}
}

// TestLastWords: an application that was silent for long writes its last lines a moment after both were told to stop.
func TestLastWords(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	appendLines(t, h.path("app.log"), 0, 100)
	d := h.start(t, "run", "--set", "agent.drain=sidecar", "--set", "agent.drain_idle=1s")
	start := time.Now()
	eventually(t, 20*time.Second, "the application has been silent for longer than drain_idle", func() bool {
		return c.stored() >= 100 && time.Since(start) > 3*time.Second
	})
	must(t, d.cmd.Process.Signal(syscall.SIGTERM))
	start = time.Now()
	eventually(t, 5*time.Second, "the application takes its time", func() bool { return time.Since(start) > 500*time.Millisecond })
	appendLines(t, h.path("app.log"), 100, 110)
	if code := d.wait(t, 20*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.exactly(t, 110)
}
