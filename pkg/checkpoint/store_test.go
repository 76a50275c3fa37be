package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"shipper/internal/durable"
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
