package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// streamList is what offsets list --json prints.
type streamList struct {
	Schema  int    `json:"schema"`
	Source  string `json:"source"`
	Streams []struct {
		Stream  uint64 `json:"stream"`
		Input   string `json:"input"`
		Target  string `json:"target"`
		Path    string `json:"path"`
		Ino     uint64 `json:"ino"`
		Offset  int64  `json:"offset"`
		Size    int64  `json:"size"`
		Read    int64  `json:"read"`
		Acked   int64  `json:"acked"`
		Pending int64  `json:"pending"`
		Dead    int64  `json:"dead"`
		Lost    int64  `json:"lost"`
		Skipped int64  `json:"skipped"`
		State   string `json:"state"`
	} `json:"streams"`
}

// offset is the only stream's; its books must balance.
func (h *host) offset(t *testing.T) int64 {
	t.Helper()
	l := ask[streamList](t, h, "offsets", "list")
	if len(l.Streams) != 1 {
		t.Fatalf("%d streams: %+v", len(l.Streams), l.Streams)
	}
	s := l.Streams[0]
	if s.Read != s.Acked+s.Pending+s.Dead+s.Lost+s.Skipped {
		t.Errorf("the books do not balance: %+v", s)
	}
	return s.Offset
}

// TestOffsets looks at positions with and without a daemon, and moves them.
func TestOffsets(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	if l := ask[streamList](t, h, "offsets", "list"); len(l.Streams) != 0 || l.Source != "state_dir" {
		t.Errorf("without a state directory: %+v", l)
	}
	if _, err := os.Stat(h.path("state")); err == nil {
		t.Error("list made a state directory")
	}
	const n = 100
	size := int64(len(numberedLine(0)) + 1)
	path := h.path("app.log")
	appendLines(t, path, 0, n)
	d := h.start(t, "run", "--set", quick)
	eventually(t, 20*time.Second, "the lines arrive", func() bool { return c.stored() >= n })
	eventually(t, 10*time.Second, "the daemon's figures are shown", func() bool {
		l := ask[streamList](t, h, "offsets", "list")
		return l.Source == "daemon" && len(l.Streams) == 1 && l.Streams[0].Offset == n*size && l.Streams[0].Acked == n*size
	})
	pid := fmt.Sprint(d.cmd.Process.Pid)
	for _, args := range [][]string{{"offsets", "set", "--path", path, "beginning"}, {"offsets", "forget", "--path", path}} {
		if r := h.command(t, args...); r.code != 73 || !strings.Contains(r.stderr, pid) {
			t.Errorf("%v beside a daemon: exit code %d, want 73 and process %s\n%s", args, r.code, pid, r.stderr)
		}
	}
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if at := h.offset(t); at != n*size {
		t.Errorf("after the stop: offset %d, want %d", at, n*size)
	}

	for _, tc := range []struct {
		args []string
		code int
		want string
		at   int64
	}{
		{[]string{"--path", path, fmt.Sprint(size + 3)}, 64, fmt.Sprintf("at %d and at %d", size, 2*size), n * size},
		{[]string{"--path", path, fmt.Sprint(n*size + 1)}, 64, "beyond the end", n * size},
		{[]string{"--path", path, "middle"}, 64, "no offset", n * size},
		{[]string{"--path", path, "--target", "other", "0"}, 64, "no stream", n * size},
		{[]string{"--path", h.path("other.log"), "0"}, 64, "no stream", n * size},
		{[]string{"0"}, 64, "which file", n * size},
		{[]string{"--path", path, "--input", "web", "--target", "central", fmt.Sprint(40 * size)}, 0, "sent again", 40 * size},
		{[]string{"--path", path, fmt.Sprint(50 * size)}, 0, "skipped", 50 * size},
		{[]string{"--path", path, "--force", fmt.Sprint(50*size + 3)}, 0, "3 bytes", 50*size + 3},
		{[]string{"--path", path, "beginning"}, 0, "again", 0},
		{[]string{"--path", path, "end"}, 0, "skipped", n * size},
		{[]string{"--path", path, fmt.Sprint(90 * size)}, 0, "again", 90 * size},
	} {
		r := h.command(t, append([]string{"offsets", "set"}, tc.args...)...)
		if at := h.offset(t); r.code != tc.code || !strings.Contains(r.stdout+r.stderr, tc.want) || at != tc.at {
			t.Errorf("set %v: exit code %d (want %d), offset %d (want %d), %q is not said?\n%s%s", tc.args, r.code, tc.code, at, tc.at, tc.want, r.stdout, r.stderr)
		}
	}
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Errorf("run --once: exit code %d", code)
	}
	got := c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)
	for i := range n {
		if want := 1 + i/90; got[numberedLine(i)] != want {
			t.Errorf("line %d arrived %d times, want %d", i, got[numberedLine(i)], want)
		}
	}
	h.offset(t)

	if r := h.command(t, "offsets", "forget", "--path", path); r.code != 0 || !strings.Contains(r.stdout, "forgotten") {
		t.Errorf("forget: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if l := ask[streamList](t, h, "offsets", "list"); len(l.Streams) != 0 {
		t.Errorf("after forget: %+v", l.Streams)
	}
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Errorf("run --once: exit code %d", code)
	}
	if got := c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore); got[numberedLine(0)] != 2 || got[numberedLine(n-1)] != 3 {
		t.Errorf("a forgotten file was not read from its beginning: %d %d", got[numberedLine(0)], got[numberedLine(n-1)])
	}

	// The file is rotated while nobody looks: the position is found under its new name.
	must(t, os.Rename(path, path+".1"))
	if r := h.command(t, "offsets", "list"); !strings.Contains(r.stdout, "now "+path+".1") || !strings.Contains(r.stdout, "detached") {
		t.Errorf("list of a rotated file:\n%s", r.stdout)
	}
	if r := h.command(t, "offsets", "set", "--path", path, fmt.Sprint(95*size)); r.code != 0 {
		t.Errorf("set on a rotated file: exit code %d\n%s", r.code, r.stderr)
	}
}

// TestOffsetsOfTwo: a path that goes to two targets has two positions; set wants to know which.
func TestOffsetsOfTwo(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	c.addSecond(t)
	h := newHost(t, c, "app.log", "target = [\"central\", \"second\"]\n"+c.second())
	appendLines(t, h.path("app.log"), 0, 100)
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if r := h.command(t, "offsets", "set", "--path", h.path("app.log"), "beginning"); r.code != 64 || !strings.Contains(r.stderr, "--stream") {
		t.Errorf("set without a target: exit code %d\n%s", r.code, r.stderr)
	}
	if r := h.command(t, "offsets", "set", "--path", h.path("app.log"), "--target", "second", "beginning"); r.code != 0 {
		t.Errorf("set: exit code %d\n%s", r.code, r.stderr)
	}
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	onceEach(t, "central", c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore), 100)
	for line, times := range c.storedIn(secondProject, "audit") {
		if times != 2 {
			t.Fatalf("%q arrived %d times in second", line, times)
		}
	}
}

// TestStateOfAnotherUser: root may move a position of a daemon that runs as another user, which can read the files afterwards.
func TestStateOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	appendLines(t, h.path("app.log"), 0, 100)
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	const nobody = 65534
	entries, err := os.ReadDir(h.path("state"))
	must(t, err)
	must(t, os.Chown(h.path("state"), nobody, nobody))
	for _, e := range entries {
		must(t, os.Chown(h.path("state/"+e.Name()), nobody, nobody))
	}
	if r := h.command(t, "offsets", "set", "--path", h.path("app.log"), "beginning"); r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	entries, err = os.ReadDir(h.path("state"))
	must(t, err)
	for _, e := range entries {
		if owner := ownerOf(t, h.path("state/"+e.Name())); owner != nobody {
			t.Errorf("%s belongs to user %d", e.Name(), owner)
		}
	}
}
