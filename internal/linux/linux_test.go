package linux_test

import (
	"os"
	"path/filepath"
	"testing"

	"shipper/internal/linux"
)

func TestIdentityTellsReuse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	make := func() (linux.Info, string) {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in, err := linux.Fstat(f)
		if err != nil {
			t.Fatal(err)
		}
		return in, linux.Handle(f)
	}
	in1, h1 := make()
	os.Remove(path)
	in2, h2 := make()
	if in1.Ino == in2.Ino && in1.Birth == in2.Birth && h1 == h2 {
		t.Errorf("two files look the same: %+v %x", in1, h1)
	}
	if by, err := linux.Stat(path); err != nil || by.Ino != in2.Ino || by.Dev != in2.Dev || !by.Regular() {
		t.Errorf("stat by path = %+v, %v; want %+v", by, err, in2)
	}
}

func TestHasWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if os.Remove(path); true { // also for an unlinked file
		got, err := linux.HasWriter(r)
		if err != nil {
			t.Skip("no leases here: ", err)
		}
		if !got {
			t.Error("a file open for writing has no writer")
		}
	}
	w.Close()
	if got, err := linux.HasWriter(r); got || err != nil {
		t.Errorf("closed file: writer %v, %v", got, err)
	}
}

func TestSeekData(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const hole = 1 << 20
	if _, err := f.WriteAt([]byte("x"), hole); err != nil {
		t.Fatal(err)
	}
	if off, err := linux.SeekData(f, 0); err != nil || off != 0 && off != hole {
		t.Errorf("first data at %d, %v", off, err)
	}
	if off, err := linux.SeekData(f, hole+1); err != nil || off != -1 && off != hole+1 {
		t.Errorf("after the data: %d, %v", off, err)
	}
}

func TestRaiseOpenFiles(t *testing.T) {
	if n, err := linux.RaiseOpenFiles(); n == 0 || err != nil {
		t.Error(n, err)
	}
}
