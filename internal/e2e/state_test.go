package e2e

import (
	"bytes"
	wire "encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

const quick = "target.central.batch.max_delay=20ms"

// TestKills kills the daemon at random moments while answers are lost on the way. Nothing is missing in the end; what came
// twice is counted. SHIPPER_E2E_KILLS=500 makes it longer.
func TestKills(t *testing.T) {
	kills := fromEnv(t, "SHIPPER_E2E_KILLS", 60)
	c := newCloud(t, emulator.Options{Seed: 1})
	h := newHost(t, c, "app.log", "")
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.CutAfter, Probability: 0.2}))
	dice := rand.New(rand.NewPCG(7, uint64(kills)))
	total, rotations := 0, 0
	for k := range kills {
		appendLines(t, h.path("app.log"), total, total+400)
		total += 400
		d := h.start(t, "run", "--set", quick)
		time.Sleep(time.Duration(dice.IntN(150)) * time.Millisecond) // the random moment is the test
		appendLines(t, h.path("app.log"), total, total+400)
		total += 400
		if k%8 == 5 { // a rotation that the daemon may or may not live to see
			rotations++
			must(t, os.Rename(h.path("app.log"), h.path(fmt.Sprintf("app.log.%d", rotations))))
		}
		time.Sleep(time.Duration(dice.IntN(150)) * time.Millisecond)
		d.kill(t)
	}
	c.Faults().Clear()
	appendLines(t, h.path("app.log"), total, total+1)
	total++
	d := h.start(t, "run", "--set", quick)
	eventually(t, time.Minute, "everything arrives", func() bool { return len(c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)) >= total })
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	missing, repeated := c.readBack(t).counts(t, total)
	if missing > 0 {
		t.Errorf("%d of %d lines are missing", missing, total)
	}
	t.Logf("%d kills, %d rotations, %d answers lost: %d lines, missing %d, repeated %d (%.2f %%)",
		kills, rotations, c.Stats().Faults[emulator.CutAfter], total, missing, repeated, 100*float64(repeated)/float64(total))
}

// TestKilledAtRest kills the daemon when all that it sent is acknowledged: nothing comes twice.
func TestKilledAtRest(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	total := 0
	for range 8 {
		d := h.start(t, "run", "--set", quick)
		for range 3 {
			appendLines(t, h.path("app.log"), total, total+200)
			total += 200
			eventually(t, 20*time.Second, "the lines arrive", func() bool { return c.stored() >= total })
		}
		h.settled(t)
		d.kill(t)
	}
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.exactly(t, total)
}

// TestDamagedState damages the state directory in every way that disks and people know. The daemon starts, says so, and no line
// is missing.
func TestDamagedState(t *testing.T) {
	cut := func(n int) func(*testing.T, *host) {
		return func(t *testing.T, h *host) {
			name := h.newest(t, "journal.")
			b, err := os.ReadFile(name)
			must(t, err)
			end := len(bytes.TrimRight(b, "\x00"))
			must(t, os.WriteFile(name, b[:max(0, end-n)], 0o600))
		}
	}
	change := func(prefix string, edit func([]byte) []byte) func(*testing.T, *host) {
		return func(t *testing.T, h *host) {
			name := h.newest(t, prefix)
			b, err := os.ReadFile(name)
			must(t, err)
			must(t, os.WriteFile(name, edit(b), 0o600))
		}
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 0x10; return b }
	zero := func(b []byte) []byte { clear(b); return b }
	type damage struct {
		name string
		do   func(*testing.T, *host)
		said bool // it is a damage that must be reported
	}
	cases := []damage{
		{"journal flipped", change("journal.", flip), true},
		{"journal zeroed", change("journal.", zero), true},
		{"journal emptied", change("journal.", func([]byte) []byte { return nil }), true},
		{"journal of noise", change("journal.", func(b []byte) []byte { return bytes.Repeat([]byte("noise"), 500) }), true},
		{"snapshot flipped", change("snap.", flip), true},
		{"snapshot emptied", change("snap.", func([]byte) []byte { return nil }), true},
		{"snapshot gone", func(t *testing.T, h *host) { must(t, os.Remove(h.newest(t, "snap."))) }, false},
		{"journal gone", func(t *testing.T, h *host) { must(t, os.Remove(h.newest(t, "journal."))) }, false},
		{"everything zeroed", func(t *testing.T, h *host) {
			change("journal.", zero)(t, h)
			change("snap.", zero)(t, h)
		}, true},
		{"everything gone", func(t *testing.T, h *host) { must(t, os.RemoveAll(h.path("state"))) }, false},
	}
	for n := 1; n <= 200; n += 22 {
		cases = append(cases, damage{fmt.Sprintf("journal without its last %d bytes", n), cut(n), false})
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, emulator.Options{})
			h := newHost(t, c, "app.log", "")
			const half = 3000
			appendLines(t, h.path("app.log"), 0, half)
			d := h.start(t, "run", "--set", quick)
			eventually(t, 30*time.Second, "the first half arrives", func() bool { return c.stored() >= half })
			h.settled(t)
			d.kill(t)
			tc.do(t, h)
			appendLines(t, h.path("app.log"), half, 2*half)
			d = h.start(t, "run", "--once")
			if code := d.wait(t, time.Minute); code != 0 {
				t.Errorf("exit code %d", code)
			}
			missing, repeated := c.readBack(t).counts(t, 2*half)
			if missing > 0 {
				t.Errorf("%d lines are missing", missing)
			}
			if said := strings.Contains(d.stderr.String(), "damaged"); tc.said && !said {
				t.Errorf("the damage is not reported:\n%s", tail(d.stderr.String(), 10))
			}
			t.Logf("repeated %d of %d", repeated, 2*half)
		})
	}
}

// TestNewerState: a state directory of a newer version is refused before anything is touched.
func TestNewerState(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	appendLines(t, h.path("app.log"), 0, 10)
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	name := h.newest(t, "journal.")
	b, err := os.ReadFile(name)
	must(t, err)
	// A frame is length, type, CRC32C, payload; the payload of the header is a magic text and the version.
	at := bytes.IndexByte(b[9:], '\n') + 9 + 1
	b[at]++
	table := crc32.MakeTable(crc32.Castagnoli)
	size := wire.LittleEndian.Uint32(b)
	wire.LittleEndian.PutUint32(b[5:], crc32.Update(crc32.Update(0, table, b[:5]), table, b[9:9+size]))
	must(t, os.WriteFile(name, b, 0o600))
	for _, args := range [][]string{{"run"}, {"run", "--once"}, {"offsets", "list"}, {"offsets", "forget", "--path", h.path("app.log")}} {
		r := h.command(t, args...)
		if r.code != 73 || !strings.Contains(r.stderr, "newer version") {
			t.Errorf("%v: exit code %d, want 73:\n%s", args, r.code, r.stderr)
		}
	}
	after, err := os.ReadFile(name)
	must(t, err)
	if !bytes.Equal(b, after) {
		t.Error("the file was changed")
	}
}

// TestBooksBalance looks fifty times while lines are written, rotated, copytruncated and lost on the way: at every look what was
// read is what became of it.
func TestBooksBalance(t *testing.T) {
	c := newCloud(t, emulator.Options{Seed: 3})
	h := newHost(t, c, "app.log", "")
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerBusy, Probability: 0.2}))
	d := h.start(t, "run", "--set", quick)
	total := 0
	appendLines(t, h.path("app.log"), 0, 1)
	total++
	eventually(t, 20*time.Second, "it runs", func() bool { return h.command(t, "status").code == 0 })
	for look := range 50 {
		appendLines(t, h.path("app.log"), total, total+500)
		total += 500
		if look%10 == 9 {
			must(t, os.Rename(h.path("app.log"), h.path(fmt.Sprintf("app.log.%d", look))))
		}
		h.status(t)
		ask[any](t, h, "offsets", "list")
	}
	c.Faults().Clear()
	eventually(t, time.Minute, "everything arrives", func() bool { return c.stored() >= total })
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	onceEach(t, "the Logstore", c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore), total)
}
