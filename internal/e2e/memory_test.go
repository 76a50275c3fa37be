package e2e

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"shipper/pkg/emulator"
)

// paddedLine is what the files of TestDeadService are made of, in bytes with its end. The number stands first.
const paddedLine = 1024

// fill writes padded lines [from, to) to a file.
func fill(t *testing.T, path string, from, to int) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	w := bufio.NewWriterSize(f, 1<<20)
	pad := strings.Repeat("0123456789abcdef ", paddedLine/17+1)
	for n := from; n < to; n++ {
		head := fmt.Sprintf("%09d ", n)
		w.WriteString(head)
		w.WriteString(pad[:paddedLine-1-len(head)])
		w.WriteByte('\n')
	}
	must(t, w.Flush())
	must(t, f.Sync())
	must(t, unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)) // what has waited for long stands on the disk alone
	must(t, f.Close())
}

// peak is the most memory that a process ever had, in bytes (VmHWM).
func (d *daemon) peak(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			must(t, err)
			return n << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestDeadService lets a large backlog meet a service that does not answer, then one that is always busy, then one that works.
// Where this machine allows it, the program has a cgroup of SHIPPER_E2E_LIMIT_MIB, where one page too many is its end. Memory stays
// bounded throughout, and everything arrives exactly once. SHIPPER_E2E_BACKLOG_MIB is the size of the backlog, and
// SHIPPER_E2E_DEAD_SECONDS how long the service is dead.
func TestDeadService(t *testing.T) {
	const files, bound = 4, 64 << 20
	mib, limit := fromEnv(t, "SHIPPER_E2E_BACKLOG_MIB", 128), fromEnv(t, "SHIPPER_E2E_LIMIT_MIB", 64)
	dead := time.Duration(fromEnv(t, "SHIPPER_E2E_DEAD_SECONDS", 3)) * time.Second
	lines := mib << 20 / paddedLine / files * files
	seen := make([]uint8, lines)
	strange := 0
	w := &witness{accepted: func(_ string, got [][]byte) {
		for _, l := range got {
			n, err := strconv.Atoi(string(l[:min(9, len(l))]))
			if err != nil || n >= lines || len(l) != paddedLine-1 {
				strange++
				continue
			}
			if seen[n] < 255 {
				seen[n]++
			}
		}
	}}
	c := w.watch(t, emulator.Options{Discard: true})
	h := newHost(t, c, "logs/*.log", "")
	must(t, os.Mkdir(h.path("logs"), 0o700))
	for i := range files {
		fill(t, h.path(fmt.Sprintf("logs/%d.log", i)), i*lines/files, (i+1)*lines/files)
	}
	if h.cgroup = confine(t, int64(limit)<<20); h.cgroup == nil {
		t.Log("no memory cgroup on this machine: only VmHWM is watched")
	}
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.NoAnswer}))
	start := time.Now()
	d := h.start(t, "run", "--set", "target.central.retry.max=500ms")
	eventually(t, 30*time.Second, "memory is used up", func() bool {
		r := h.command(t, "status", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"pending"`) && h.status(t).Memory.Used > 8<<20
	})
	own := int64(0) // the most that is the program's own
	watch := func() bool {
		select {
		case <-d.done:
			t.Fatalf("shipper has ended: %v; %.1f MiB were its own", d.err, float64(own)/(1<<20))
		default:
		}
		if h.cgroup != nil {
			own = max(own, h.cgroup.own(t))
		}
		return false
	}
	for until := time.Now().Add(dead); time.Now().Before(until); time.Sleep(100 * time.Millisecond) { // time in which a leak would show
		watch()
	}
	hang := d.peak(t)
	c.Faults().Clear()
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerBusy, For: 5 * time.Second}))
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		watch()
	}
	busy := d.peak(t)
	s := h.status(t)
	if s.Memory.Used > s.Memory.Limit+s.Memory.Limit/4 {
		t.Errorf("memory account: %d of %d", s.Memory.Used, s.Memory.Limit)
	}
	patience := time.Minute + time.Duration(mib)*time.Second/4
	eventually(t, patience, "the backlog arrives", func() bool { return watch() || c.Stats().Logs >= int64(lines) })
	took := time.Since(start)
	top := d.peak(t)
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	missing, repeated := 0, 0
	for _, n := range seen {
		switch {
		case n == 0:
			missing++
		case n > 1:
			repeated += int(n) - 1
		}
	}
	if missing > 0 || repeated > 0 || strange > 0 {
		t.Errorf("of %d lines: missing %d, repeated %d, unknown %d", lines, missing, repeated, strange)
	}
	if top > bound {
		t.Errorf("VmHWM %d MiB, at most %d are allowed", top>>20, bound>>20)
	}
	t.Logf("backlog %d MiB, max_memory %s: VmHWM %.1f MiB after %v of no answers, %.1f MiB after 503s, %.1f MiB in the end; %v in all",
		mib, fmt.Sprintf("%d MiB", s.Memory.Limit>>20), float64(hang)/(1<<20), dead, float64(busy)/(1<<20), float64(top)/(1<<20), took.Round(time.Second))
	if h.cgroup != nil {
		if n := h.cgroup.kills(t); n > 0 {
			t.Errorf("killed %d times", n)
		}
		t.Logf("in a cgroup of %d MiB: at most %.1f MiB were its own, the rest cache; killed %d times", limit, float64(own)/(1<<20), h.cgroup.kills(t))
	}
}

// TestHangingTarget: a target that never answers does not stop another target's files, and its own lines arrive when it does.
func TestHangingTarget(t *testing.T) {
	release := make(chan struct{})
	w := &witness{}
	c := w.watch(t, emulator.Options{})
	c.addSecond(t)
	// The first target goes through a gate that is closed at first; the second goes straight to the cloud.
	closed := gate(t, c, release)
	h := newHost(t, c, "slow/*.log", "target = \"central\"\n"+c.second()+`
[input.other]
paths = ["OTHER"]
target = "second"
`)
	b, err := os.ReadFile(h.config)
	must(t, err)
	text := strings.Replace(string(b), "OTHER", h.path("fast/*.log"), 1)
	text = strings.Replace(text, fmt.Sprintf("endpoint = %q", "http://"+c.addr), fmt.Sprintf("endpoint = %q", "http://"+closed), 1)
	h.write(t, "shipper.toml", text)
	must(t, os.Mkdir(h.path("slow"), 0o700))
	must(t, os.Mkdir(h.path("fast"), 0o700))
	const slow, fast = 300_000, 100_000 // the slow one has more than memory takes
	appendLines(t, h.path("slow/app.log"), 0, slow)
	d := h.start(t, "run", "--set", "agent.max_memory=16MiB", "--set", quick)
	eventually(t, 30*time.Second, "the hanging target has its share of the memory", func() bool {
		return h.command(t, "status").code == 0 && h.status(t).Memory.Used > 4<<20
	})
	start := time.Now()
	appendLines(t, h.path("fast/app.log"), 0, fast)
	eventually(t, 30*time.Second, "the other target's lines arrive", func() bool { return len(c.storedIn(secondProject, "audit")) >= fast })
	t.Logf("%d lines of the other target took %v", fast, time.Since(start).Round(time.Millisecond))
	if n := c.stored(); n > 0 {
		t.Errorf("%d lines came through the closed gate", n)
	}
	close(release)
	eventually(t, 2*time.Minute, "the first target's lines arrive", func() bool {
		return len(c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)) >= slow
	})
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	onceEach(t, "second", c.storedIn(secondProject, "audit"), fast)
	onceEach(t, "central", c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore), slow)
}

// TestTwoTargets: files that go to two targets arrive once in each, over restarts and rotation.
func TestTwoTargets(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	c.addSecond(t)
	h := newHost(t, c, "*.log", "target = [\"central\", \"second\"]\n"+c.second())
	total := 0
	for round := range 3 {
		appendLines(t, h.path("app.log"), total, total+1500)
		d := h.start(t, "run", "--set", quick)
		total += 1500
		eventually(t, 30*time.Second, "both have all", func() bool {
			return c.stored() >= total && len(c.storedIn(secondProject, "audit")) >= total
		})
		if s := h.status(t); len(s.Inputs) != 2 {
			t.Errorf("status shows %d routes", len(s.Inputs))
		}
		if round == 1 {
			must(t, os.Rename(h.path("app.log"), h.path("app.log.1")))
		}
		if code := d.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	onceEach(t, "central", c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore), total)
	onceEach(t, "second", c.storedIn(secondProject, "audit"), total)
}
