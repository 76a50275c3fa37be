package linux_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"shipper/internal/linux"
)

// TestCopyKeepsPlaces: bytes arrive at the offset that they had, holes cost nothing, and a deleted file is as good as any.
func TestCopyKeepsPlaces(t *testing.T) {
	dir := t.TempDir()
	src, err := os.Create(filepath.Join(dir, "src"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	const far = 64 << 20
	for _, at := range []int64{0, far} {
		if _, err := src.WriteAt(bytes.Repeat([]byte("line\n"), 1000), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(src.Name()); err != nil {
		t.Fatal(err)
	}
	dst, err := os.Create(filepath.Join(dir, "dst"))
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	asked := 0
	if err := linux.Copy(dst, src, 100, far+5000, func() error { asked++; return nil }); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, far+5000)
	if n, err := dst.ReadAt(got, 0); err != nil || n != len(got) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	want := make([]byte, far+5000)
	copy(want[100:], bytes.Repeat([]byte("line\n"), 1000)[100:])
	copy(want[far:], bytes.Repeat([]byte("line\n"), 1000))
	if !bytes.Equal(got, want) {
		t.Error("the copy differs")
	}
	info, err := linux.Fstat(dst)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("copied in %d pieces, %d bytes on disk", asked, info.Blocks)

	stop := errors.New("stop")
	if err := linux.Copy(dst, src, 0, 10, func() error { return stop }); !errors.Is(err, stop) {
		t.Errorf("told to stop: %v", err)
	}
	if err := linux.Copy(dst, src, far, far+6000, func() error { return nil }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("behind the end: %v", err)
	}
}

// TestOpenHandle: an inode is found by its handle under another name, and not at all once it is gone.
func TestOpenHandle(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	handle := linux.Handle(f)
	f.Close()
	if handle == "" {
		t.Skip("no handles on this file system")
	}
	moved := filepath.Join(dir, "b")
	if err := os.Rename(name, moved); err != nil {
		t.Fatal(err)
	}
	got, err := linux.OpenHandle(dir, handle)
	if errors.Is(err, unix.EPERM) {
		t.Skip("no CAP_DAC_READ_SEARCH")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if text, err := io.ReadAll(got); string(text) != "content" || err != nil {
		t.Errorf("it holds %q, %v", text, err)
	}
	if got.Name() != moved {
		t.Errorf("it is called %s, want %s", got.Name(), moved)
	}
	if err := os.Remove(moved); err != nil {
		t.Fatal(err)
	}
	if path, gone := linux.PathOf(int(got.Fd())), linux.Unnamed(int(got.Fd())); path != moved || !gone {
		t.Errorf("deleted, its last path is %s; gone: %v", path, gone)
	}
	got.Close()
	if _, err := linux.OpenHandle(dir, handle); !errors.Is(err, unix.ESTALE) {
		t.Errorf("gone: %v", err)
	}
	if _, err := linux.OpenHandle(dir, "x"); !errors.Is(err, unix.ESTALE) {
		t.Errorf("no handle: %v", err)
	}
}
