package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
)

var topStart = time.Date(2026, 5, 1, 12, 0, 0, 0, time.Local)

// topStatus is a daemon after so many seconds.
func topStatus(seconds int64) *admin.Status {
	expires, last := topStart.Add(time.Hour), topStart.Add(time.Duration(seconds)*time.Second)
	return &admin.Status{
		Schema: 1, Version: "v1.2.3", Started: topStart, Ready: true, Memory: admin.MemoryStatus{Used: 3 << 20, Limit: 32 << 20},
		Targets: []admin.TargetStatus{{Name: "central", Project: "sec-logs", Logstore: "web", Up: true, AckedLogs: 1000 * seconds, AckedBytes: 2_500_000 * seconds,
			InFlight: 2, InFlightLimit: 8, TokenExpiresAt: &expires, LastAckAt: &last}},
		Inputs: []admin.InputStatus{{Name: "nginx", Target: "central", Files: []admin.FileStatus{
			{Path: "/var/log/nginx/access.log", Epoch: 1, State: "active", Read: 2_500_000 * seconds, Pending: 512 << 10, LagBytes: 3 << 20, LagSeconds: 75},
			{Path: "/var/log/nginx/日志\x1b[2J.log", Epoch: 2, State: "unreadable", Error: "denied", Read: 100},
		}}},
	}
}

// lookedAt is a view that has looked at 0 s, 1 s, ...
func lookedAt(seconds ...int64) *topView {
	v := &topView{}
	for _, s := range seconds {
		v.add(topStart.Add(time.Duration(s)*time.Second), topStatus(s))
	}
	return v
}

func same(t *testing.T, name string, got []string, want string) {
	t.Helper()
	if text := strings.Join(got, "\n"); text != strings.Trim(want, "\n") {
		t.Errorf("%s:\n%s\nwant:%s", name, text, want)
	}
}

func TestTopFitsTheTerminal(t *testing.T) {
	same(t, "80 columns", lookedAt(0, 1, 2).lines(80, 14), `
shipper v1.2.3, ready, up 2s, memory 3.0 MiB of 32.0 MiB                12:00:02

TARGET   LOGSTORE      LOGS/s    SENT/s     BEHIND  LAG  FLYING  LAST ACK  TOKEN
central  sec-logs/web    1000    2.5 MB    3.0 MiB   1m     2/8        0s    59m

FILE                            STATE         READ/s     BEHIND  LAG    PENDING
/var/log/nginx/access.log       active        2.5 MB    3.0 MiB   1m  512.0 KiB
/var/log/nginx/日志\x1b[2J.log  unreadable         0        0 B    -        0 B





q quits`)
	same(t, "wide", lookedAt(0, 1).lines(120, 9), `
shipper v1.2.3, ready, up 1s, memory 3.0 MiB of 32.0 MiB                                                        12:00:01

TARGET   LOGSTORE      LOGS/s    SENT/s     BEHIND  LAG  FLYING  LAST ACK  TOKEN
central  sec-logs/web    1000    2.5 MB    3.0 MiB   1m     2/8        0s    59m

FILE                            INPUT  TARGET   STATE         READ/s     BEHIND  LAG    PENDING
/var/log/nginx/access.log       nginx  central  active        2.5 MB    3.0 MiB   1m  512.0 KiB
/var/log/nginx/日志\x1b[2J.log  nginx  central  unreadable         0        0 B    -        0 B
q quits`)
	for width := 20; width < 200; width += 7 {
		for height := 1; height < 30; height++ {
			lines := lookedAt(0, 5).lines(width, height)
			for _, l := range lines {
				if strings.ContainsAny(l, "\x1b\n") || width >= 62 && cells(l) > width {
					t.Fatalf("%d columns: %q has %d", width, l, cells(l))
				}
			}
		}
	}
}

func TestTopTellsTheTrouble(t *testing.T) {
	v := lookedAt(0)
	s := topStatus(1)
	s.Ready, s.Targets[0].Up = false, false
	s.Targets[0].Reason = "the role lacks the permission to write; add to a policy of the role: " + strings.Repeat("x", 90)
	s.Reasons = []string{"positions are kept in memory only: no space left", "target central: " + s.Targets[0].Reason}
	v.add(topStart.Add(time.Second), s)
	v.err = errors.New("no daemon answers\n(is it running?)")
	got := v.lines(60, 0)
	same(t, "trouble", got[:10], `
! no daemon answers; (is it running?)
shipper v1.2.3, NOT READY, up 1s, memory 3.0 MiB of 32.0 MiB
! positions are kept in memory only: no space left

TARGET   LOGS/s    SENT/s     BEHIND  LAG  FLYING  TOKEN
central    1000    2.5 MB    3.0 MiB   1m     2/8    59m
  ! the role lacks the permission to write; add to a policy
    of the role:
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`)
	v.color = true
	if text := strings.Join(v.lines(0, 0), "\n"); !strings.Contains(text, colourRed+"NOT READY"+colourReset) {
		t.Errorf("in colour:\n%q", text)
	}
}

func TestTopMovesThroughFiles(t *testing.T) {
	s := topStatus(0)
	for i := range 50 {
		s.Inputs[0].Files = append(s.Inputs[0].Files, admin.FileStatus{Path: fmt.Sprintf("/var/log/%02d", i), Epoch: uint64(10 + i), LagBytes: int64(100 - i)})
	}
	v := &topView{from: 1000}
	v.add(topStart, s)
	lines := v.lines(80, 24)
	if len(lines) != 24 || !strings.Contains(lines[23], "files 36 to 52 of 52") || !strings.HasPrefix(lines[22], "/var/log/nginx/日志") {
		t.Errorf("at the end:\n%s", strings.Join(lines, "\n"))
	}
	v.from = 0
	if lines = v.lines(80, 24); !strings.HasPrefix(lines[6], "/var/log/nginx/access.log") || !strings.HasPrefix(lines[7], "/var/log/00") {
		t.Errorf("at the beginning:\n%s", strings.Join(lines, "\n"))
	}
}

// TestTopRates: a daemon that was started again, and a file that was not there, have no rate yet.
func TestTopRates(t *testing.T) {
	v := lookedAt(0, 1, 2, 3, 4, 5, 6)
	if len(v.looks) != topWindow {
		t.Errorf("%d looks are kept", len(v.looks))
	}
	if got := v.rate(fileFigure("nginx", "central", 1)); got != 2_500_000 {
		t.Errorf("rate %v", got)
	}
	if got := v.rate(fileFigure("nginx", "central", 99)); got != -1 {
		t.Errorf("of an unknown file: %v", got)
	}
	again := topStatus(0)
	again.Started = topStart.Add(time.Minute)
	v.add(topStart.Add(time.Minute), again)
	if got := v.rate(fileFigure("nginx", "central", 1)); len(v.looks) != 1 || got != -1 {
		t.Errorf("after a start: %v of %d looks", got, len(v.looks))
	}
}

func TestTopKeys(t *testing.T) {
	var got []key
	for rest := "\x1b[A\x1bOBj\x1b[6~x\x1b[Zq\x03"; rest != ""; {
		var k key
		k, rest = nextKey(rest)
		got = append(got, k)
	}
	want := []key{keyUp, keyDown, keyDown, keyPageDown, keyNone, keyNone, keyQuit, keyQuit}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTopCommand(t *testing.T) {
	config := serveAdmin(t, admin.Options{Look: func() admin.Snapshot { return admin.Snapshot{Status: *topStatus(3)} }})
	out, errs, code := call(t, "top", "-c", config, "--once", "--interval", "100ms")
	if code != exitOK || errs != "" || !strings.HasPrefix(out, "shipper v1.2.3, ready") || strings.Contains(out, "quits") || strings.Contains(out, "\x1b") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	for _, args := range [][]string{{"--json"}, {"--interval", "1ms"}} {
		if _, errs, code := call(t, append([]string{"top", "-c", config}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	gone := writeConfig(t, testedConfig+"[agent]\nstate_dir = \""+t.TempDir()+"\"\n[admin]\nlisten = \"\"\n")
	if _, errs, code := call(t, "top", "-c", gone, "--once"); code != exitUnavailable || !strings.Contains(errs, "no daemon answers") {
		t.Errorf("without a daemon: exit code %d, %s", code, errs)
	}
}
