package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// letterList is what dlq list --json prints.
type letterList struct {
	Schema  int `json:"schema"`
	Letters []struct {
		ID      string    `json:"id"`
		Time    time.Time `json:"time"`
		Target  string    `json:"target"`
		Path    string    `json:"path"`
		From    int64     `json:"from"`
		To      int64     `json:"to"`
		Logs    int       `json:"logs"`
		Code    string    `json:"code"`
		Message string    `json:"message"`
	} `json:"letters"`
}

const poison = "POISON"

// poisoned refuses every request with a poisonous line in it, as the service refuses a whole group for one bad log.
func poisoned() *witness {
	return &witness{refuse: func(_ string, lines [][]byte) (int, string, string) {
		for _, l := range lines {
			if bytes.Contains(l, []byte(poison)) {
				return 400, "InvalidKey", "a key is not valid"
			}
		}
		return 0, "", ""
	}}
}

// TestPoison has one line that the service refuses. Only that one becomes a dead letter; it is shown, refused once more, and
// delivered by dlq replay when the cause is gone.
func TestPoison(t *testing.T) {
	w := poisoned()
	c := w.watch(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	const n, bad = 2000, 777
	appendLines(t, h.path("app.log"), 0, bad)
	before, err := os.Stat(h.path("app.log"))
	must(t, err)
	line := "line with " + poison + " in it"
	f, err := os.OpenFile(h.path("app.log"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = fmt.Fprintln(f, line)
	must(t, err)
	must(t, f.Close())
	appendLines(t, h.path("app.log"), bad, n)

	d := h.start(t, "run", "--set", quick)
	eventually(t, time.Minute, "the neighbours arrive", func() bool { return c.stored() >= n })
	var list letterList
	eventually(t, time.Minute, "the letter is there", func() bool {
		list = ask[letterList](t, h, "dlq", "list")
		return len(list.Letters) > 0
	})
	onceEach(t, "neighbours", c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore), n)
	if len(list.Letters) != 1 {
		t.Fatalf("%d letters: %+v", len(list.Letters), list.Letters)
	}
	l := list.Letters[0]
	if l.From != before.Size() || l.To != before.Size()+int64(len(line))+1 || l.Logs != 1 || l.Path != h.path("app.log") || l.Target != "central" || l.Code != "InvalidKey" {
		t.Errorf("letter %+v; the line is at %d", l, before.Size())
	}
	eventually(t, 10*time.Second, "the books show it", func() bool {
		files := h.status(t).Inputs[0].Files
		return len(files) == 1 && files[0].Dead == int64(len(line))+1 && files[0].Pending == 0
	})
	for _, args := range [][]string{{"dlq", "show", l.ID}, {"dlq", "show", l.ID, "--json"}} {
		if r := h.command(t, args...); r.code != 0 || !strings.Contains(r.stdout, line) || !strings.Contains(r.stdout, "__path__") {
			t.Errorf("%v: exit code %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if r := h.command(t, "dlq", "list"); !strings.Contains(r.stdout, l.ID) || !strings.Contains(r.stdout, "InvalidKey") {
		t.Errorf("dlq list:\n%s", r.stdout)
	}
	if r := h.command(t, "dlq", "show", "0"); r.code != 1 || !strings.Contains(r.stderr, "no such dead letter") {
		t.Errorf("show an unknown id: exit code %d\n%s", r.code, r.stderr)
	}
	if r := h.command(t, "dlq", "replay"); r.code != 64 {
		t.Errorf("replay of nothing: exit code %d", r.code)
	}

	// The cause is still there: the letter stays.
	if r := h.command(t, "dlq", "replay", "--all"); r.code != 1 || !strings.Contains(r.stdout, "refused again") {
		t.Errorf("replay too early: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if list = ask[letterList](t, h, "dlq", "list"); len(list.Letters) != 1 {
		t.Fatalf("after a refused replay there are %d letters", len(list.Letters))
	}
	refuseAll(w, nil)
	for _, tc := range []struct {
		fault emulator.Fault
		code  int
	}{
		{emulator.Fault{Op: emulator.OpPost, Kind: emulator.Revoke}, 77},
		{emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerBusy}, 69},
		{emulator.Fault{Op: emulator.OpSTS, Kind: emulator.Revoke}, 77},
		{emulator.Fault{Op: emulator.OpSTS, Kind: emulator.STSDown}, 69},
	} {
		must(t, c.Faults().Inject(tc.fault))
		if r := h.command(t, "dlq", "replay", "--all", "--set", "agent.drain_limit=2s", "--set", "agent.drain_idle=1s"); r.code != tc.code {
			t.Errorf("replay with fault %s of %s: exit code %d, want %d\n%s", tc.fault.Kind, tc.fault.Op, r.code, tc.code, r.stderr)
		}
		c.Faults().Clear()
	}
	if list = ask[letterList](t, h, "dlq", "list"); len(list.Letters) != 1 {
		t.Fatalf("after failed replays there are %d letters", len(list.Letters))
	}

	// It is gone: the letter is delivered and removed, once.
	if r := h.command(t, "dlq", "replay", l.ID); r.code != 0 {
		t.Errorf("replay: exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if got := c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore); got[line] != 1 || len(got) != n+1 {
		t.Errorf("after replay the line is there %d times, and %d lines in all", got[line], len(got))
	}
	if list = ask[letterList](t, h, "dlq", "list"); len(list.Letters) != 0 {
		t.Errorf("%d letters are left", len(list.Letters))
	}
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// refuseAll changes what a witness refuses.
func refuseAll(w *witness, refuse func(string, [][]byte) (int, string, string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = refuse
	if refuse == nil {
		w.refuse = func(string, [][]byte) (int, string, string) { return 0, "", "" }
	}
}

// TestPurge throws letters away, and only those that were chosen.
func TestPurge(t *testing.T) {
	w := poisoned()
	c := w.watch(t, emulator.Options{})
	h := newHost(t, c, "app.log", "")
	for _, args := range [][]string{{"dlq", "list"}, {"dlq", "purge", "--all", "--yes"}, {"dlq", "replay", "--all"}} {
		if r := h.command(t, args...); r.code != 0 {
			t.Errorf("%v without any letter: exit code %d\n%s", args, r.code, r.stderr)
		}
	}
	h.write(t, "app.log", "a\n"+poison+" 1\nb\n"+poison+" 2\nc\n"+poison+" 3\n")
	if code := h.start(t, "run", "--once").wait(t, time.Minute); code != 0 {
		t.Errorf("run --once: exit code %d", code)
	}
	list := ask[letterList](t, h, "dlq", "list")
	if len(list.Letters) != 3 {
		t.Fatalf("%d letters", len(list.Letters))
	}
	for _, tc := range []struct {
		args []string
		code int
		left int
	}{
		{[]string{"--all"}, 64, 3}, // no terminal and no --yes
		{[]string{"--yes"}, 64, 3}, // nothing chosen
		{[]string{"--older", "1h", "--yes"}, 0, 3},
		{[]string{"--older", "soon", "--yes"}, 64, 3},
		{[]string{"--target", "other", "--yes"}, 0, 3},
		{[]string{list.Letters[1].ID, "--yes"}, 0, 2},
		{[]string{list.Letters[1].ID, "--yes"}, 1, 2}, // it is not there any more
		{[]string{"--all", "--yes"}, 0, 0},
	} {
		r := h.command(t, append([]string{"dlq", "purge"}, tc.args...)...)
		if left := len(ask[letterList](t, h, "dlq", "list").Letters); r.code != tc.code || left != tc.left {
			t.Errorf("purge %v: exit code %d (want %d), %d letters left (want %d)\n%s", tc.args, r.code, tc.code, left, tc.left, r.stderr)
		}
	}
}
