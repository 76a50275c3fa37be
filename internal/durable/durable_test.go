package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, text := range []string{"one", "", "a longer second version"} {
		if err := WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if err := WriteFile(filepath.Join(path, "no", "dir"), nil, 0o600); err == nil {
		t.Error("wrote into a file")
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(path)
	if e, ok := errors.AsType[*LockedError](err); !ok || e.PID != os.Getpid() || e.Path != path {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, []byte("no number"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Lock(path)
	if e, ok := errors.AsType[*LockedError](err); !ok || e.PID != 0 || e.Error() != path+" is locked by another process" {
		t.Errorf("%v", err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	if held, err = Lock(path); err != nil {
		t.Fatal(err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(filepath.Join(path, "x")); err == nil {
		t.Error("locked below a file")
	}
}
