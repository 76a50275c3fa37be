package e2e

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// appLog is an application of the host that numbers its lines. What is on the disk of the host is what must arrive.
type appLog struct {
	m    *machine
	c    *cloud
	name string // in the host, such as "var/log/app/app.log"
	next int
	seen int // repeats that were there when the last part ended
}

// newAppLog makes the log as Debian's services do: root:adm, not for others.
func newAppLog(m *machine, c *cloud, name string) *appLog {
	a := &appLog{m: m, c: c, name: name}
	m.sh("install -d -o root -g adm -m 750 /%s && install -o root -g adm -m 640 /dev/null /%s", filepath.Dir(name), name)
	return a
}

// in gives the log to a subtest.
func (a *appLog) in(t *testing.T) *appLog { a.m = a.m.in(t); return a }

// open opens the log for writing at its end, as soon as there is one: logrotate makes it a moment after it has renamed the old one.
func (a *appLog) open() *os.File {
	var f *os.File
	eventually(a.m.t, 5*time.Second, "there is a log to write to", func() (ok bool) {
		var err error
		f, err = os.OpenFile(a.m.path(a.name), os.O_APPEND|os.O_WRONLY, 0)
		return err == nil
	})
	return f
}

// write appends n lines, one write each.
func (a *appLog) write(n int) {
	f := a.open()
	defer f.Close()
	a.writeTo(f, n)
}

func (a *appLog) writeTo(w io.Writer, n int) {
	for range n {
		_, err := fmt.Fprintf(w, "%s line %07d of an application on a host, long enough to look like one\n", a.name, a.next)
		must(a.m.t, err)
		a.next++
	}
}

// onDisk is every line of every generation, compressed ones too.
func (a *appLog) onDisk() []string {
	names, err := filepath.Glob(a.m.path(a.name) + "*")
	must(a.m.t, err)
	var lines []string
	for _, name := range names {
		f, err := os.Open(name)
		must(a.m.t, err)
		var r io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			r, err = gzip.NewReader(f)
			must(a.m.t, err)
		}
		for sc := bufio.NewScanner(r); sc.Scan(); {
			lines = append(lines, sc.Text())
		}
		f.Close()
	}
	return lines
}

// arrived counts the copies of each line in the Logstore that came from this log.
func (a *appLog) arrived() map[string]int {
	n := map[string]int{}
	for _, line := range a.c.readBack(a.m.t).lines {
		if strings.HasPrefix(line, a.name+" ") {
			n[line]++
		}
	}
	return n
}

// delivered waits until every line on the disk has arrived, and wants each of them once.
func (a *appLog) delivered() { a.m.t.Helper(); a.repeated(0) }

// repeated is delivered for a crash: up to most lines may have come twice.
func (a *appLog) repeated(most int) {
	a.m.t.Helper()
	want := a.onDisk()
	var got map[string]int
	missing := len(want)
	eventually(a.m.t, time.Minute, "every line on the disk has arrived", func() bool {
		got, missing = a.arrived(), 0
		for _, line := range want {
			if got[line] == 0 {
				missing++
			}
		}
		return missing == 0
	})
	repeats, total := 0, 0
	for _, times := range got {
		total += times
		repeats += times - 1
	}
	repeats, a.seen = repeats-a.seen, repeats
	if repeats > most {
		a.m.t.Errorf("%d lines arrived twice, at most %d may", repeats, most)
	}
	a.m.t.Logf("%d written, %d on disk, %d arrived, missing %d, repeated %d", a.next, len(want), total, missing, repeats)
}

// fault makes the cloud misbehave through its control API, as an operator of the emulator would.
func (c *cloud) fault(t *testing.T, body string) {
	t.Helper()
	c.control(t, http.MethodPost, "faults", body)
}

func (c *cloud) mend(t *testing.T) { t.Helper(); c.control(t, http.MethodDelete, "faults", "") }

func (c *cloud) control(t *testing.T, method, what, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+c.addr+"/_emulator/"+what, strings.NewReader(body))
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s %s: %s %s", method, what, resp.Status, text)
	}
}
