package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// mount puts a small file system over a directory of h.
func (h *host) mount(t *testing.T, name, options string, flags uintptr) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	dir := h.path(name)
	must(t, os.MkdirAll(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// stuff fills a file system to its last byte and returns the file to remove.
func stuff(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	return name
}

// TestFullDisk: the disk of the state directory has no room. The daemon starts, says so, keeps delivering, and loses nothing,
// even when it is killed then. With room again, positions are written again.
func TestFullDisk(t *testing.T) {
	for _, tc := range []struct {
		name        string
		beforeStart bool
	}{{"full at the start", true}, {"full while running", false}} {
		t.Run(tc.name, func(t *testing.T) {
			c := newCloud(t, emulator.Options{})
			h := newHost(t, c, "*.log", "")
			disk := h.mount(t, "disk", "size=2m", 0)
			state := filepath.Join(disk, "state")
			args := []string{"run", "--set", "agent.state_dir=" + state, "--set", quick}
			must(t, os.Mkdir(state, 0o700))
			total := 1000
			appendLines(t, h.path("app.log"), 0, total)
			ballast := ""
			if tc.beforeStart {
				ballast = stuff(t, disk)
			}
			d := h.start(t, args...)
			eventually(t, 30*time.Second, "the first lines arrive", func() bool { return c.stored() >= total })
			if !tc.beforeStart {
				ballast = stuff(t, disk)
			}
			for i := range 200 { // new streams need more room in the journal than the last page has
				appendLines(t, h.path(fmt.Sprintf("app-%d.log", i)), total+10*i, total+10*i+10)
			}
			total += 2000
			eventually(t, 30*time.Second, "lines are delivered on a full disk", func() bool { return c.stored() >= total })
			eventually(t, 20*time.Second, "it is said", func() bool { return strings.Contains(d.stderr.String(), "SHP-K001") })
			s := h.status(t)
			if !strings.Contains(strings.Join(s.Reasons, "\n"), "memory only") {
				t.Errorf("status does not say it: %q", s.Reasons)
			}
			d.kill(t)
			appendLines(t, h.path("app.log"), total, total+500)
			total += 500
			d = h.start(t, args...)
			eventually(t, 30*time.Second, "it starts on a full disk and delivers", func() bool {
				return len(c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)) >= total
			})
			must(t, os.Remove(ballast))
			eventually(t, 20*time.Second, "positions are written again", func() bool {
				return !strings.Contains(strings.Join(h.status(t).Reasons, "\n"), "memory only")
			})
			if code := d.stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			missing, repeated := c.readBack(t).counts(t, total)
			if missing > 0 {
				t.Errorf("%d lines are missing", missing)
			}
			if code := h.start(t, append(args, "--once")...).wait(t, time.Minute); code != 0 {
				t.Errorf("run --once: exit code %d", code)
			}
			if _, again := c.readBack(t).counts(t, total); again != repeated {
				t.Errorf("positions were not written: %d lines came again", again-repeated)
			}
			t.Logf("repeated %d of %d", repeated, total)
		})
	}
}

// TestUnwritableState: a state directory that cannot be written is said at the start, with the code for it.
func TestUnwritableState(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	appendLines(t, h.path("app.log"), 0, 10)
	dir := h.mount(t, "readonly", "size=1m", syscall.MS_RDONLY)
	for _, state := range []string{dir, filepath.Join(dir, "below")} {
		r := h.command(t, "run", "--once", "--set", "agent.state_dir="+state)
		if r.code != 73 || !strings.Contains(r.stderr, dir) || !strings.Contains(r.stderr, "read-only") {
			t.Errorf("%s: exit code %d, want 73\n%s", state, r.code, r.stderr)
		}
	}
	if n := c.stored(); n != 0 {
		t.Errorf("%d lines were sent", n)
	}
}

func ownerOf(t *testing.T, path string) int {
	t.Helper()
	var st syscall.Stat_t
	must(t, syscall.Lstat(path, &st))
	return int(st.Uid)
}

// TestDeletedAtStop: a log is deleted while the service takes nothing, and shipper is stopped in good order, without systemd. The next
// start sends what was left of it, once, and the spool is empty again.
func TestDeletedAtStop(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "*.log", "")
	args := []string{"run", "--set", quick, "--set", "agent.drain=host", "--set", "agent.drain_limit=1s"}
	appendLines(t, h.path("app.log"), 0, 100)
	d := h.start(t, args...)
	eventually(t, 30*time.Second, "the first lines arrive", func() bool { return c.stored() >= 100 })
	must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerBusy}))
	appendLines(t, h.path("app.log"), 100, 50000)
	must(t, os.Remove(h.path("app.log")))
	if code := d.stop(t); code != 75 && code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.Faults().Clear()
	d = h.start(t, args...)
	eventually(t, 60*time.Second, "the rest arrives", func() bool { return c.stored() >= 50000 })
	spool := filepath.Join(h.path("state"), "spool")
	eventually(t, 60*time.Second, "the spool is empty", func() bool {
		names, err := os.ReadDir(spool)
		return err == nil && len(names) == 0
	})
	d.stop(t)
	c.exactly(t, 50000)
}
