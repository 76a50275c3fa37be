package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipper/pkg/tail"
)

// grown is a state directory in which one stream moved a byte a commit, with the length of the journal at each step.
type grown struct {
	disk  *disk
	id    tail.StreamID
	store string
	sizes []int // sizes[n] is the journal's length when n bytes were settled
}

const grownJournal, grownSnap = "journal.1", "snap.1"

func grow(t *testing.T, steps int) grown {
	t.Helper()
	g := grown{disk: newDisk()}
	s := openOn(t, t.TempDir(), g.disk)
	g.id = s.Begin(tail.Epoch{Route: tail.Route{Input: "in", Target: "to"}, Path: "/var/log/app.log"})
	g.store = s.ID()
	st := s.Stream(g.id)
	for n := int64(0); ; n++ {
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		g.sizes = append(g.sizes, len(g.disk.names[grownJournal].data))
		if n == int64(steps) {
			break
		}
		st.Read(1)
		st.Settle(st.Enter(tail.Range{From: n, To: n + 1}, markerAt(n+1), st.NextPack()), Outcome{Acked: 1})
	}
	kill(t, s)
	return g
}

// reopen opens a copy of the directory in which change was made to the journal.
func (g grown) reopen(t *testing.T, dir string, change func(names map[string]*node)) *Store {
	t.Helper()
	d := newDisk()
	for name, f := range g.disk.names {
		d.names[name] = &node{data: slices.Clone(f.data)}
	}
	change(d.names)
	d.Sync()
	return openOn(t, dir, d)
}

// want is the offset that a good prefix of n journal bytes leads to, or -1 if it does not even know the stream.
func (g grown) want(n int) int64 {
	want := int64(-1)
	for off, size := range g.sizes {
		if size <= n {
			want = int64(off)
		}
	}
	return want
}

func (g grown) check(t *testing.T, s *Store, what string, want int64, damaged bool) {
	t.Helper()
	defer kill(t, s)
	if s.ID() != g.store {
		t.Errorf("%s: another store id", what)
	}
	if (len(s.Recovered()) > 0) != damaged {
		t.Errorf("%s: recovered %q", what, s.Recovered())
	}
	if err := s.Trouble(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	st := s.Stream(g.id)
	if st == nil {
		if want >= 0 {
			t.Errorf("%s: stream is gone", what)
		}
		return
	}
	if got := st.Position(); got != want {
		t.Errorf("%s: position %d, want %d", what, got, want)
	}
}

// TestTorn cuts the journal at every one of its last 200 bytes and more, with and without zeros or rubbish behind the cut.
func TestTorn(t *testing.T) {
	g := grow(t, 20)
	dir := t.TempDir()
	all := len(g.disk.names[grownJournal].data)
	for cut := all; cut >= max(0, all-400); cut-- {
		for _, tail := range []string{"", "zeros", "rubbish"} {
			s := g.reopen(t, dir, func(names map[string]*node) {
				f := names[grownJournal]
				f.data = f.data[:cut]
				switch tail {
				case "zeros":
					f.data = append(f.data, make([]byte, 5000)...)
				case "rubbish":
					f.data = append(f.data, strings.Repeat("\xa5rubbish", 100)...)
				}
			})
			want := g.want(cut)
			whole := cut == g.sizes[max(want, 0)] && want >= 0
			if want < 0 || tail == "rubbish" {
				whole = false
			}
			// A frame that ends in zeros may be whole although some of them are from behind the cut.
			if got := s.Stream(g.id); tail == "zeros" && got != nil && got.Position() == want+1 {
				kill(t, s)
				continue
			}
			if want < 0 { // within the first records: nothing but the header, or not even that
				if st := s.Stream(g.id); st != nil && st.Position() != 0 {
					t.Errorf("cut at %d: position %d", cut, st.Position())
				}
				kill(t, s)
				continue
			}
			g.check(t, s, fmt.Sprintf("cut at %d of %d, %s", cut, all, tail), want, !whole)
		}
	}
}

// TestFlipped flips each byte of the journal: what is before it counts.
func TestFlipped(t *testing.T) {
	g := grow(t, 8)
	dir := t.TempDir()
	for i := g.sizes[0]; i < len(g.disk.names[grownJournal].data); i++ {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			s := g.reopen(t, dir, func(names map[string]*node) { names[grownJournal].data[i] ^= mask })
			g.check(t, s, fmt.Sprintf("byte %d ^ %x", i, mask), g.want(i), true)
		}
	}
}

// TestDamagedFiles empties, zeroes, fills and removes files.
func TestDamagedFiles(t *testing.T) {
	g := grow(t, 5)
	empty := func(f *node) { f.data = nil }
	zero := func(f *node) { clear(f.data) }
	noise := func(f *node) {
		for i := range f.data {
			f.data[i] = byte(i*7 + 1)
		}
	}
	dir := t.TempDir()
	for name, harm := range map[string]func(*node){"empty": empty, "zero": zero, "noise": noise} {
		s := g.reopen(t, dir, func(names map[string]*node) { harm(names[grownSnap]) })
		g.check(t, s, name+" snapshot", 5, true) // the journal knows everything since the beginning

		s = g.reopen(t, dir, func(names map[string]*node) { harm(names[grownJournal]) })
		g.check(t, s, name+" journal", -1, true) // the snapshot is from before the stream

		s = g.reopen(t, dir, func(names map[string]*node) { harm(names[grownJournal]); harm(names[grownSnap]) })
		if s.ID() == g.store || len(s.Epochs()) != 0 || !strings.Contains(strings.Join(s.Recovered(), "\n"), "nothing could be read") {
			t.Errorf("%s: all is gone, and the store says %q", name, s.Recovered())
		}
		kill(t, s)
	}
	s := g.reopen(t, dir, func(names map[string]*node) { delete(names, grownSnap) })
	g.check(t, s, "no snapshot", 5, false)
	s = g.reopen(t, dir, func(names map[string]*node) { delete(names, grownJournal) })
	g.check(t, s, "no journal", -1, true)
}

// TestPreviousSnapshot damages the newest snapshot: the one before and both journals lead to the same state.
func TestPreviousSnapshot(t *testing.T) {
	g := grow(t, 5)
	dir := t.TempDir()
	s := openOn(t, dir, g.disk) // generation 2
	st := s.Stream(g.id)
	st.Read(1)
	st.Settle(st.Enter(tail.Range{From: 5, To: 6}, markerAt(6), st.NextPack()), Outcome{Acked: 1})
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	kill(t, s)
	for cut := range len(g.disk.names["snap.2"].data) {
		s := g.reopen(t, dir, func(names map[string]*node) { names["snap.2"].data = names["snap.2"].data[:cut] })
		g.check(t, s, fmt.Sprintf("snap.2 cut at %d", cut), 6, true)
	}
	// What could not be read is there to look at, and not for ever.
	s = g.reopen(t, dir, func(names map[string]*node) { names["snap.2"].data[20] ^= 1 })
	names, _ := s.files.Names()
	if !slices.Contains(names, "snap.2.bad") {
		t.Errorf("not set aside: %v", names)
	}
	for range 3 {
		s.io.Lock()
		s.compactAt = 0
		s.io.Unlock()
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if names, _ = s.files.Names(); len(names) != 5 {
		t.Errorf("old generations stay: %v", names)
	}
	kill(t, s)
}

// TestNewerVersion refuses what a newer program wrote and touches nothing.
func TestNewerVersion(t *testing.T) {
	newer := appendHeader(nil, header{version: formatVersion + 1, gen: 7})
	record := appendFrame(appendHeader(nil, header{version: formatVersion, gen: 7}), 99, func(b []byte) []byte { return append(b, "new"...) })
	for name, data := range map[string][]byte{"journal.7": newer, "journal.8": record} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "snap.6"), []byte("torn"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, Options{})
		v, ok := errors.AsType[*VersionError](err)
		if !ok || v.File != name || v.Known != formatVersion {
			t.Fatalf("%v", err)
		}
		entries, _ := os.ReadDir(dir)
		if len(entries) != 3 { // and the lock
			t.Errorf("touched: %v", entries)
		}
	}
}

func TestOptionalRecord(t *testing.T) {
	g := grow(t, 3)
	s := g.reopen(t, t.TempDir(), func(names map[string]*node) {
		f := names[grownJournal]
		f.data = appendFrame(f.data, kindOptional|9, func(b []byte) []byte { return append(b, "from the future"...) })
		f.data = appendAck(f.data, g.id, &progress{offset: 77})
	})
	g.check(t, s, "optional record", 77, false)
}

// TestForeign mixes the journal of another directory in.
func TestForeign(t *testing.T) {
	g, other := grow(t, 5), grow(t, 9)
	s := g.reopen(t, t.TempDir(), func(names map[string]*node) { names[grownJournal] = other.disk.names[grownJournal] })
	g.check(t, s, "journal of another store", -1, true)
}

// TestUnreadable: an I/O error counts as damage, a refused permission does not.
func TestUnreadable(t *testing.T) {
	g := grow(t, 5)
	dir := t.TempDir()
	for name, want := range map[string]bool{"EIO": true, "EACCES": false} {
		g.disk.setFail(func(op, file string) error {
			if op == "read" && file == grownSnap {
				return map[string]error{"EIO": errEIO, "EACCES": os.ErrPermission}[name]
			}
			return nil
		})
		s, err := Open(dir, Options{files: func(string) (files, error) { return g.disk, nil }})
		if (err == nil) != want {
			t.Fatalf("%s: %v", name, err)
		}
		if err == nil {
			g.check(t, s, name, 5, true)
		}
	}
}
