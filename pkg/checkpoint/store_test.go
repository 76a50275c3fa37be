package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"shipper/internal/durable"
	"shipper/pkg/tail"
)

// tb is what helpers need of a testing.T, a testing.B or a rapid.T.
type tb interface {
	Helper()
	Fatal(args ...any)
}

func open(t tb, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	_, err := Open(dir, Options{})
	if locked, ok := errors.AsType[*durable.LockedError](err); !ok || locked.PID != os.Getpid() {
		t.Fatalf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
}

// TestGroupCommit moves ten thousand streams ten times between two commits: that is one sync of the disk (fluent-bit#396, #689). Then one
// of them moves: only that is written, not the others again (elastic/beats#21174, #16076).
func TestGroupCommit(t *testing.T) {
	const streams = 10_000
	d := newDisk()
	s := openOn(t, t.TempDir(), d)
	defer kill(t, s)
	var all []*Stream
	for range streams {
		all = append(all, s.Stream(s.Begin(tail.Epoch{Path: "/var/log/app/service.log"})))
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	commit := func() (ops map[string]int, bytes int) {
		t.Helper()
		size := func() (n int) {
			d.mu.Lock()
			defer d.mu.Unlock()
			for _, f := range d.names {
				n += len(f.data)
			}
			return n
		}
		ops, bytes = map[string]int{}, size()
		d.setFail(func(op, _ string) error { ops[op]++; return nil })
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		d.setFail(nil)
		return ops, size() - bytes
	}
	for _, st := range all {
		for range 10 {
			advance(st, 7)
		}
	}
	if ops, n := commit(); ops["sync"] != 1 || ops["create"] != 0 || n == 0 {
		t.Errorf("%d streams moved: %v, %d bytes", streams, ops, n)
	}
	advance(all[streams/2], 7)
	if ops, n := commit(); ops["sync"] != 1 || ops["create"] != 0 || n == 0 || n > 500 {
		t.Errorf("one stream moved: %v, %d bytes", ops, n)
	}
}
