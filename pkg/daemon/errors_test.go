package daemon

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"shipper/internal/durable"
)

// What to do about a state directory depends on what is the matter with it, and its path is said once.
func TestStateErrors(t *testing.T) {
	const dir = "/var/lib/shipper"
	for _, tt := range []struct {
		err         error
		has, hasNot string
	}{
		{&fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrPermission}, "writable by this user", "directory " + dir},
		{errors.New("journal.2 has format version 9: run the newer version"), "state directory " + dir + ": journal.2", "writable"},
		{&durable.LockedError{Path: dir + "/lock", PID: 42}, "process 42: another shipper", "writable"},
	} {
		got := stateError(dir, tt.err)
		if text := got.Error(); !strings.Contains(text, tt.has) || strings.Contains(text, tt.hasNot) || !errors.Is(got, tt.err) {
			t.Error(text)
		}
	}
}
