package checkpoint

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"shipper/pkg/tail"
)

var errEIO = &os.PathError{Op: "read", Path: "x", Err: syscall.EIO}

// advance moves the stream on by n bytes.
func advance(st *Stream, n int64) {
	from := st.Epoch().Offset
	st.Read(n)
	st.Settle(st.Enter(tail.Range{From: from, To: from + n}, markerAt(from+n), st.NextPack()), Outcome{Acked: n})
}

// TestFullDisk fills the disk below a running store. Space that was taken ahead is used first, then positions stay in memory, and
// when there is room again they are written within a second.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	d := newDisk()
	synctest.Test(t, func(t *testing.T) {
		s := openOn(t, dir, d)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		st := s.Stream(s.Begin(tail.Epoch{Path: "/f"}))
		second := func() { time.Sleep(commitEvery); synctest.Wait() }
		second()

		d.setLimit(1) // full from now on
		advance(st, 1)
		second()
		if err := s.Trouble(); err != nil {
			t.Fatalf("space that was taken ahead is not used: %v", err)
		}
		for id := range 60_000 { // more than what was taken ahead
			s.Begin(tail.Epoch{Path: "/a/rather/long/path/for/a/file/that/nobody/will/ever/read.log", Offset: int64(id)})
		}
		second()
		if err := s.Trouble(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("trouble: %v", err)
		}
		advance(st, 1)
		if off, _ := s.Settled(st.ID()); off != 2 {
			t.Errorf("positions do not move in memory: %d", off)
		}
		if err := s.Commit(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("commit: %v", err)
		}
		d.setLimit(0)
		second()
		if err := s.Trouble(); err != nil {
			t.Errorf("the disk is well again: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		kill(t, s)
		s = openOn(t, dir, d)
		if got := s.Stream(st.ID()).Position(); got != 2 || len(s.Epochs()) != 60_001 || s.Recovered() != nil {
			t.Errorf("position %d, %d epochs, %q", got, len(s.Epochs()), s.Recovered())
		}
		kill(t, s)
	})
}

// TestFullAtStart opens a store on a full disk.
func TestFullAtStart(t *testing.T) {
	g := grow(t, 5)
	g.disk.setLimit(1)
	s := openOn(t, t.TempDir(), g.disk)
	st := s.Stream(g.id)
	if s.Trouble() == nil || st.Position() != 5 {
		t.Fatalf("%v at %d", s.Trouble(), st.Position())
	}
	advance(st, 3)
	g.disk.setLimit(0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openOn(t, t.TempDir(), g.disk)
	g.check(t, s, "after a full disk", 8, false)
}

// TestDyingDisk lets each kind of operation fail at each step of a life and recovers.
func TestDyingDisk(t *testing.T) {
	for _, bad := range []string{"write", "sync", "create", "rename", "syncdir", "reserve", "remove", "names"} {
		d := newDisk()
		dir := t.TempDir()
		s := openOn(t, dir, d)
		st := s.Stream(s.Begin(tail.Epoch{}))
		for round := range 6 {
			advance(st, 1)
			d.setFail(func(op, _ string) error {
				if op == bad && round%2 == 0 {
					return errDisk
				}
				return nil
			})
			if round > 2 {
				s.io.Lock()
				s.compactAt = 0
				s.io.Unlock()
			}
			if err := s.Commit(); err != nil && round%2 == 1 {
				t.Errorf("%s: %v after the disk is well", bad, err)
			} else if err == nil && s.Trouble() != nil {
				t.Errorf("%s: trouble without an error: %v", bad, s.Trouble())
			}
		}
		kill(t, s)
		d.crash(func(int) int { return 0 })
		s = openOn(t, dir, d)
		if got := s.Stream(st.ID()).Position(); got != 6 || s.Recovered() != nil {
			t.Errorf("%s: position %d, %q", bad, got, s.Recovered())
		}
		kill(t, s)
	}
}

// TestFullFilesystem does the same on a file system that is really full.
func TestFullFilesystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m,mode=700"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	st := s.Stream(s.Begin(tail.Epoch{}))
	hog := filepath.Join(dir, "hog")
	if err := os.WriteFile(hog, make([]byte, 8<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the file system is not full: %v", err)
	}
	for range 20_000 {
		s.Begin(tail.Epoch{Path: filepath.Join("/var/log", string(make([]byte, 300)))})
	}
	advance(st, 7)
	if err := s.Commit(); !errors.Is(err, syscall.ENOSPC) || s.Trouble() == nil {
		t.Fatalf("%v", err)
	}
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Epochs()[1:] {
		s.End(e.ID)
	}
	if err := s.Close(); err != nil || s.Trouble() != nil {
		t.Fatalf("%v, %v", err, s.Trouble())
	}
	s = open(t, dir)
	if got := s.Stream(st.ID()).Position(); got != 7 || len(s.Recovered()) != 0 {
		t.Errorf("position %d, %q", got, s.Recovered())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
