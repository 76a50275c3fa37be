package tail

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A listing is kept only as long as its directory shows that nothing came or went, and never while time stamps could hide that.
func TestListingIsNeverStale(t *testing.T) {
	dir := t.TempDir()
	tailer := &Tailer{}
	names := func() int {
		t.Helper()
		l, err := tailer.readDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(l.entries)
	}
	for want := range 50 { // changes right behind each other, within one step of the kernel's clock
		if got := names(); got != want {
			t.Fatalf("%d names, want %d", got, want)
		}
		if len(tailer.listings) != 0 {
			t.Fatal("the listing of a directory that has just changed is kept")
		}
		if err := os.WriteFile(filepath.Join(dir, string(rune('0'+want))), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if names() != 50 || len(tailer.listings) != 1 {
			t.Fatal("the listing of a directory that rests is not kept")
		}
	}
	if err := os.Rename(filepath.Join(dir, "0"), filepath.Join(t.TempDir(), "0")); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != 49 {
		t.Fatalf("%d names after one has gone", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := tailer.readDir(dir); err == nil {
		t.Fatal("a directory that is gone has a listing")
	}
}
