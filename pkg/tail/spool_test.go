package tail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Sizes of TestKilledWhileSaving: large enough that saving takes longer than starting to kill.
const (
	savedLines = 40000
	firstLines = 100
)

// behindADeletedFile leaves a tailer that has read and settled the first lines of a file that was deleted with many more in it.
func behindADeletedFile(t *testing.T, p *play) {
	t.Helper()
	for _, step := range []string{
		"option max_spool 1000000000", "input web a paths=app.log", fmt.Sprintf("fill app.log line 1 %d", firstLines), "start", "hold a",
		fmt.Sprintf("fill app.log line %d %d", firstLines+1, savedLines), "pass", "remove app.log", "pass",
	} {
		args := strings.Fields(step)
		if err := p.do(args[0], args[1:]); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
}

// TestKilledWhileSaving: a process that is killed while it saves a deleted file leaves all of it for the next start, or nothing; never a
// piece that would be taken for the whole.
func TestKilledWhileSaving(t *testing.T) {
	if dir := os.Getenv("SHIPPER_TEST_SAVE"); dir != "" {
		saveForEver(t, dir)
		return
	}
	whole, nothing := 0, 0
	for i := range 12 {
		dir := t.TempDir()
		w := killSaving(t, dir, time.Duration(rand.Int64N(int64(20*time.Millisecond))))
		p := &play{t: t, w: w, dir: filepath.Join(dir, "logs"), state: filepath.Join(dir, "state"), open: map[string]*os.File{}, clock: time.Now()}
		for _, step := range []string{"option max_spool 1000000000", "input web a paths=app.log", "start", "pass"} {
			args := strings.Fields(step)
			if err := p.do(args[0], args[1:]); err != nil {
				t.Fatalf("%d: %s: %v", i, step, err)
			}
		}
		got := p.w.take("a")
		switch {
		case len(got) == 0:
			nothing++
		case len(got) == savedLines-firstLines && got[0].text == numbered("line", firstLines+1, firstLines+1)[0]:
			whole++
		default:
			t.Errorf("%d: %d lines of a file that was half saved, from %q", i, len(got), got[0].text)
		}
		if err := p.expectFiles(filepath.Join(p.state, "spool"), nil); err != nil {
			t.Errorf("%d: the spool is not empty: %v", i, err)
		}
		p.end()
	}
	t.Logf("whole %d times, nothing %d times", whole, nothing)
}

// killSaving lets a child save, kills it after a while, and returns the world with the positions that the child had.
func killSaving(t *testing.T, dir string, after time.Duration) *world {
	t.Helper()
	for _, sub := range []string{"logs", "state"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWhileSaving$")
	cmd.Env = append(os.Environ(), "SHIPPER_TEST_SAVE="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	if err := json.NewDecoder(out).Decode(&w.ledger.epochs); err != nil {
		t.Errorf("what the child says: %v", err)
	}
	select { // chance is the point here
	case <-time.After(after):
	case <-t.Context().Done():
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for id := range w.ledger.epochs {
		w.ledger.last = max(w.ledger.last, id)
	}
	return w
}

// saveForEver is the child: it says where it stands, saves, and waits to be killed.
func saveForEver(t *testing.T, dir string) {
	p := &play{t: t, w: newWorld(t), dir: filepath.Join(dir, "logs"), state: filepath.Join(dir, "state"), open: map[string]*os.File{}, clock: time.Now()}
	behindADeletedFile(t, p)
	if err := json.NewEncoder(os.Stdout).Encode(p.w.ledger.epochs); err != nil {
		t.Fatal(err)
	}
	p.tl.Save(t.Context())
	select {}
}

// TestNoRoomToSave: what a full disk, a missing directory or the end of patience keeps from being saved is named and counted, and
// nothing is left of the try.
func TestNoRoomToSave(t *testing.T) {
	for _, tc := range []struct {
		name string
		save func(t *testing.T, p *play)
	}{
		{"the time is over", func(t *testing.T, p *play) {
			ctx, stop := context.WithCancelCause(t.Context())
			stop(errors.New("told twice"))
			p.tl.Save(ctx)
		}},
		{"a file is in the way", func(t *testing.T, p *play) {
			if err := os.WriteFile(filepath.Join(p.state, "spool"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p.tl.Save(t.Context())
		}},
		{"the disk is full", func(t *testing.T, p *play) {
			small := filepath.Join(p.state, "spool")
			if err := os.Mkdir(small, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=64k"); err != nil {
				t.Skipf("cannot mount a small disk: %v", err)
			}
			defer func() {
				if err := p.expectFiles(small, nil); err != nil {
					t.Error(err)
				}
				if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
					t.Error(err)
				}
			}()
			p.tl.Save(t.Context())
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := &play{t: t, w: newWorld(t), dir: t.TempDir(), state: t.TempDir(), open: map[string]*os.File{}, clock: time.Now()}
			defer p.end()
			behindADeletedFile(t, p)
			tc.save(t, p)
			var want int64
			for _, l := range numbered("line", firstLines+1, savedLines) {
				want += int64(len(l) + 1)
			}
			if p.w.ledger.total != want || len(p.w.ledger.epochs) != 0 {
				t.Errorf("lost %d bytes and remembers %d positions; want %d and none", p.w.ledger.total, len(p.w.ledger.epochs), want)
			}
		})
	}
}

// TestGivenBackAtOnce: when the last byte of a deleted file is settled, no descriptor of the process leads to it any more, and the
// disk has its space back.
func TestGivenBackAtOnce(t *testing.T) {
	p := &play{t: t, w: newWorld(t), dir: t.TempDir(), state: t.TempDir(), open: map[string]*os.File{}, clock: time.Now()}
	defer p.end()
	behindADeletedFile(t, p)
	held := func() (n int) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if to, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); strings.HasPrefix(to, p.dir) {
				n++
			}
		}
		return n
	}
	if n, pinned := held(), p.tl.Stats().Pinned; n != 1 || pinned < savedLines*10 {
		t.Errorf("while it is behind: %d descriptors, %d bytes pinned", n, pinned)
	}
	p.w.acks = false
	for _, step := range []string{"release a", "pass"} {
		args := strings.Fields(step)
		if err := p.do(args[0], args[1:]); err != nil {
			t.Fatal(err)
		}
	}
	if n := held(); n != 1 {
		t.Errorf("before it is settled: %d descriptors", n)
	}
	p.w.settleAll()
	for id := range p.tl.streams {
		p.tl.Settled(id)
	}
	p.tl.step(0) // what Settled wakes: no tick
	if n, pinned := held(), p.tl.Stats().Pinned; n != 0 || pinned != 0 {
		t.Errorf("after it is settled: %d descriptors, %d bytes pinned", n, pinned)
	}
}
