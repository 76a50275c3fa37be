package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"shipper/pkg/tail"
)

// content is every file of a directory.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

// TestLook reads a state directory that is in use, and a torn one, and changes neither.
func TestLook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if _, _, err := Look(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := s.Begin(tail.Epoch{Route: tail.Route{Input: "web", Target: "central"}, Path: "/var/log/a.log"})
	st := s.Stream(id)
	st.Read(100)
	st.Settle(st.Enter(tail.Range{To: 100}, tail.Marker{}, 0), Outcome{Acked: 100})
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	before := content(t, dir)
	epochs, damage, err := Look(dir)
	if err != nil || len(damage) > 0 || len(epochs) != 1 || epochs[0].Offset != 100 || epochs[0].Counts.Acked != 100 {
		t.Fatalf("%+v, damage %v, %v", epochs, damage, err)
	}
	journal := filepath.Join(dir, "journal.1")
	if err := os.WriteFile(journal, []byte(before["journal.1"][:len(before["journal.1"])-3]), 0o600); err != nil {
		t.Fatal(err)
	}
	before = content(t, dir)
	if _, damage, err = Look(dir); err != nil || len(damage) != 1 {
		t.Errorf("torn: damage %v, %v", damage, err)
	}
	after := content(t, dir)
	if len(after) != len(before) {
		t.Errorf("%d files before, %d after", len(before), len(after))
	}
	for name := range before {
		if after[name] != before[name] {
			t.Errorf("%s was changed", name)
		}
	}
}

// TestSetOffsetOverAhead moves over a range that was delivered ahead of a gap: it is not counted once more as skipped.
func TestSetOffsetOverAhead(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	id := s.Begin(tail.Epoch{Path: "a"})
	st := s.Stream(id)
	st.Read(100)
	st.Enter(tail.Range{To: 40}, tail.Marker{}, 0)
	st.Settle(st.Enter(tail.Range{From: 40, To: 100}, tail.Marker{}, 1), Outcome{Acked: 60})
	st.Rewind()
	if err := s.SetOffset(id, 90); err != nil {
		t.Fatal(err)
	}
	e := st.Epoch()
	if e.Offset != 90 || e.Counts != (tail.Counts{Read: 100, Acked: 60, Skipped: 40}) {
		t.Errorf("%+v", e)
	}
}
