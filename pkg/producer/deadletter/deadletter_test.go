package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func letter(n int) Letter {
	return Letter{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Target: "central", Project: "p", Logstore: "l",
		Path: fmt.Sprintf("/var/log/%d.log", n), From: int64(n), To: int64(n + 10), Logs: 1, Status: 400, Code: "InvalidKey",
		Message: "Invalid keys are in logs.", RequestID: "5F0A", Group: []byte{0x0a, byte(n), 0xff, 0}}
}

// all reads every letter, without ids.
func all(t testing.TB, s *Store) (out []Letter, damaged int) {
	t.Helper()
	for l, err := range s.List() {
		if _, ok := errors.AsType[*DamagedError](err); ok {
			damaged++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if l.ID == "" {
			t.Errorf("%+v has no id", l)
		}
		l.ID = ""
		out = append(out, l)
	}
	return out, damaged
}

func write(t testing.TB, s *Store, ls ...Letter) {
	t.Helper()
	for _, l := range ls {
		if err := s.Write(l); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteAndList(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dead")
	want := []Letter{letter(1), letter(2), letter(3)}
	write(t, open(t, dir, Options{}), want...)
	got, damaged := all(t, open(t, dir, Options{})) // another process
	if diff := cmp.Diff(want, got); diff != "" || damaged != 0 {
		t.Error(diff, damaged)
	}
	info, err := os.Stat(filepath.Join(dir, "00000001.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if st := open(t, dir, Options{}).Stats(); st.Bytes != info.Size() {
		t.Errorf("%+v of %d bytes", st, info.Size())
	}
}

func TestShowAndRemove(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	write(t, s, letter(1), letter(2), letter(3))
	var ids []string
	for l := range s.List() {
		ids = append(ids, l.ID)
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != 3 {
		t.Fatal(ids)
	}
	l, err := s.Show(ids[1])
	if err != nil || l.From != 2 {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := s.Show("nonsense"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if n, err := s.Remove(ids[1], "nonsense"); n != 1 || err != nil {
		t.Error(n, err)
	}
	got, _ := all(t, s)
	if len(got) != 2 || got[0].From != 1 || got[1].From != 3 {
		t.Errorf("%+v", got)
	}
	if n, err := s.Purge(nil); n != 2 || err != nil {
		t.Error(n, err)
	}
	if st := s.Stats(); st.Bytes != 0 {
		t.Errorf("%+v", st)
	}
	write(t, s, letter(4))
	if got, _ := all(t, s); len(got) != 1 {
		t.Error(got)
	}
}

// The daemon may go on writing while letters are looked through and removed.
func TestRemoveWhileWriting(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	write(t, s, letter(1), letter(2), letter(3), letter(4))
	var done []string
	for l, err := range s.List() {
		if err != nil {
			t.Fatal(err)
		}
		if l.From == 2 || l.From == 3 {
			write(t, s, letter(10+int(l.From)))
			done = append(done, l.ID)
		}
	}
	if n, err := s.Remove(done...); n != 2 || err != nil {
		t.Error(n, err)
	}
	var left []int64
	got, _ := all(t, s)
	for _, l := range got {
		left = append(left, l.From)
	}
	slices.Sort(left)
	if !slices.Equal(left, []int64{1, 4, 12, 13}) {
		t.Errorf("left %v", left)
	}
}

// A torn line, a line of garbage and a foreign file cost nothing but themselves.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	write(t, s, letter(1))
	path := filepath.Join(dir, "00000001.jsonl")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "{\"no\":\"letter\"}\n\x00\x00\x00\n{\"id\":\"torn")
	f.Close()
	os.WriteFile(filepath.Join(dir, "notes.jsonl"), []byte("x"), 0o600)
	os.WriteFile(filepath.Join(dir, "1.jsonl"), []byte("x"), 0o600)
	write(t, s, letter(2))
	got, damaged := all(t, s)
	if len(got) != 2 || damaged != 3 {
		t.Errorf("%d letters, %d damaged lines", len(got), damaged)
	}
	// Removing a letter keeps what cannot be read.
	var first string
	for l := range s.List() {
		first = l.ID
		break
	}
	if n, err := s.Remove(first); n != 1 || err != nil {
		t.Error(n, err)
	}
	if got, damaged := all(t, s); len(got) != 1 || damaged != 3 {
		t.Errorf("%d letters, %d damaged lines after a removal", len(got), damaged)
	}
	if n, err := s.Purge(nil); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, damaged := all(t, s); damaged != 0 {
		t.Error("damaged lines survive a purge of everything")
	}
}

// A full directory drops its oldest file, counts and says so, and never grows over its bound.
func TestFull(t *testing.T) {
	var log bytes.Buffer
	dir := t.TempDir()
	s := open(t, dir, Options{Max: 64 * units.KiB, Log: slog.New(slog.NewTextHandler(&log, nil))})
	big := letter(0)
	big.Group = make([]byte, 3000)
	for i := range 50 {
		big.From = int64(i)
		write(t, s, big)
		if st := s.Stats(); st.Bytes > int64(64*units.KiB) {
			t.Fatalf("%d bytes", st.Bytes)
		}
	}
	got, _ := all(t, s)
	st := s.Stats()
	if st.Written != 50 || st.Dropped == 0 || int(st.Dropped)+len(got) != 50 || got[len(got)-1].From != 49 {
		t.Errorf("%+v, %d letters left", st, len(got))
	}
	if !strings.Contains(log.String(), "SHP-P902") {
		t.Error("nothing was said")
	}
}

// What cannot be written is an error, not a letter; nothing half-written is left.
func TestNoWay(t *testing.T) {
	if os.Geteuid() == 0 {
		file := filepath.Join(t.TempDir(), "file")
		os.WriteFile(file, nil, 0o600)
		if _, err := Open(filepath.Join(file, "dir"), Options{}); err == nil {
			t.Error("opened below a file")
		}
	}
	dir := t.TempDir()
	s := open(t, dir, Options{})
	os.Remove(dir)
	if err := s.Write(letter(1)); err == nil {
		t.Error("written into nothing")
	}
	for _, err := range s.List() {
		if err == nil {
			t.Error("listed nothing without an error")
		}
	}
	if _, err := s.Show("x"); err == nil || errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// Writers and a purger of several processes lose nothing and tear nothing.
func TestSharedDirectory(t *testing.T) {
	dir := t.TempDir()
	var procs sync.WaitGroup
	var mu sync.Mutex
	removed := 0
	for range 3 {
		s := open(t, dir, Options{Max: 64 * units.MiB})
		procs.Go(func() {
			for i := range 20 {
				if err := s.Write(letter(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	purger := open(t, dir, Options{})
	procs.Go(func() {
		for range 10 {
			n, err := purger.Purge(func(l Letter) bool { return l.From%2 == 0 })
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			removed += n
			mu.Unlock()
		}
	})
	procs.Wait()
	left, damaged := all(t, purger)
	ids := map[string]bool{}
	for l := range purger.List() {
		ids[l.ID] = true
	}
	if removed+len(left) != 60 || len(ids) != len(left) || damaged != 0 {
		t.Errorf("%d removed, %d left, %d damaged", removed, len(left), damaged)
	}
}

func TestRoundTrip(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	rapid.Check(t, func(rt *rapid.T) {
		want := Letter{
			Time: time.Unix(rapid.Int64Range(1, 1<<32).Draw(rt, "time"), 0).UTC(), Target: rapid.String().Draw(rt, "target"),
			Path: rapid.String().Draw(rt, "path"), From: rapid.Int64().Draw(rt, "from"), To: rapid.Int64().Draw(rt, "to"),
			Code: rapid.String().Draw(rt, "code"), Message: rapid.String().Draw(rt, "message"), Group: rapid.SliceOf(rapid.Byte()).Draw(rt, "group"),
		}
		write(t, s, want)
		got, damaged := all(t, s)
		if damaged != 0 || len(got) != 1 || !cmp.Equal(want, got[0], cmp.Comparer(bytes.Equal)) {
			rt.Fatalf("%+v became %+v", want, got)
		}
		if _, err := s.Purge(nil); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestConfig(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	var keys []string
	for _, e := range invalid.List(Config{Max: 1}.Validate()) {
		keys = append(keys, e.Key)
	}
	if !slices.Equal(keys, []string{"dir", "max"}) {
		t.Error(keys)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"id":"1","group":"AAAA"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if l, err := parse(line); err == nil && l.ID == "" {
			t.Error("a letter without an id")
		}
	})
}
