package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestFullSpeed sends a backlog with batches that are as large as the service takes them, on a machine that claims to have many processors:
// all that stands beside the memory account, for each sender, reader and processor, is bounded, and buffers are used again.
func TestFullSpeed(t *testing.T) {
	const files, bound = 40, 62 << 20 // max_memory = 32 MiB and 30 for the program
	t.Setenv("GOMAXPROCS", "16")
	lines := fromEnv(t, "SHIPPER_E2E_BACKLOG_MIB", 128) << 20 / paddedLine / files * files
	c := newCloud(t, emulator.Options{Discard: true})
	h := newHost(t, c, "logs/*.log", "")
	must(t, os.Mkdir(h.path("logs"), 0o700))
	for i := range files {
		fill(t, h.path(fmt.Sprintf("logs/%d.log", i)), i*lines/files, (i+1)*lines/files)
	}
	d := h.start(t, "run", "--set", "target.central.batch.max_bytes=10MiB", "--set", "target.central.batch.max_logs=100000")
	eventually(t, 3*time.Minute, "the backlog arrives", func() bool { return c.Stats().Logs >= int64(lines) })
	top := d.peak(t)
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if n := c.Stats().Logs; n != int64(lines) {
		t.Errorf("%d lines arrived, %d were written", n, lines)
	}
	if top > bound {
		t.Errorf("VmHWM %.1f MiB, at most %d are allowed", float64(top)/(1<<20), bound>>20)
	}
	t.Logf("VmHWM %.1f MiB", float64(top)/(1<<20))
}
