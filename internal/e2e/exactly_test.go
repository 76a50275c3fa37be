package e2e

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

const exactly = "target.central.exactly_once=true"

// TestExactlyOnce kills the daemon at random moments while answers are lost on the way and files are rotated. Every line is there once
// in the end. SHIPPER_E2E_KILLS makes it longer.
func TestExactlyOnce(t *testing.T) {
	for name, rotate := range map[string]func(*testing.T, *host, int){"rename": renamed, "copytruncate": copyTruncated} {
		t.Run(name, func(t *testing.T) {
			kills := fromEnv(t, "SHIPPER_E2E_KILLS", 40)
			c := newCloud(t, emulator.Options{Seed: 1, Log: slog.New(slog.DiscardHandler)})
			h := newHost(t, c, "app.log", "")
			must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.CutAfter, Probability: 0.25}))
			must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.CutBefore, Probability: 0.1}))
			dice := rand.New(rand.NewPCG(11, uint64(kills)))
			total, first := 0, 0
			for k := range kills {
				appendLines(t, h.path("app.log"), total, total+400)
				total += 400
				d := h.start(t, "run", "--set", quick, "--set", exactly, "--set", "target.central.batch.max_bytes=8KiB", "--set", "log.level=error")
				time.Sleep(time.Duration(dice.IntN(150)) * time.Millisecond) // the random moment is the test
				appendLines(t, h.path("app.log"), total, total+400)
				total += 400
				if k%8 == 5 {
					// A file that was never seen is not looked for under another name.
					eventually(t, time.Minute, "the file is seen", func() bool {
						return c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)[numberedLine(first)] > 0
					})
					rotate(t, h, k)
					first = total
				}
				time.Sleep(time.Duration(dice.IntN(150)) * time.Millisecond)
				d.kill(t)
			}
			c.Faults().Clear()
			appendLines(t, h.path("app.log"), total, total+1)
			total++
			d := h.start(t, "run", "--set", quick, "--set", exactly)
			eventually(t, time.Minute, "everything arrives", func() bool { return len(c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)) >= total })
			if code := d.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			c.exactly(t, total)
			s := c.Stats()
			t.Logf("%d kills, %d answers lost, %d requests known already: %d lines", kills, s.Faults[emulator.CutAfter],
				s.Requests[emulator.OpPost]["InvalidSequenceId"], total)
			if s.Faults[emulator.CutAfter] > 0 && s.Requests[emulator.OpPost]["InvalidSequenceId"] == 0 {
				t.Error("no request was recognised as stored before")
			}
		})
	}
}

func renamed(t *testing.T, h *host, k int) {
	must(t, os.Rename(h.path("app.log"), h.path(fmt.Sprintf("app.log.%d", k))))
}

// copyTruncated is what logrotate's copytruncate does, while nobody writes.
func copyTruncated(t *testing.T, h *host, k int) {
	from, err := os.Open(h.path("app.log"))
	must(t, err)
	defer from.Close()
	to, err := os.Create(h.path(fmt.Sprintf("app.log.%d", k)))
	must(t, err)
	defer to.Close()
	_, err = io.Copy(to, from)
	must(t, err)
	must(t, os.Truncate(h.path("app.log"), 0))
}
