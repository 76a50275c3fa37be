package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"shipper/internal/durable"
)

// How a run ends when not everything is delivered. In every case what is missing is safe in the log files, and the
// next start continues with it.
var (
	ErrUnsent      = errors.New("stopped with lines unsent; they are safe in the log files and go out after the next start")
	ErrNoInput     = errors.New("no file matches any input")
	ErrDenied      = errors.New("the cloud said no")
	ErrUnreachable = errors.New("the endpoint cannot be reached")
	ErrIdentity    = errors.New("this host has no credential to begin with")
)

// StateError is a state directory that cannot be used.
type StateError struct {
	Dir string
	Err error
}

func (e *StateError) Error() string {
	text := e.Err.Error()
	if !strings.Contains(text, e.Dir) {
		text = "state directory " + e.Dir + ": " + text
	}
	if _, ok := errors.AsType[*fs.PathError](e.Err); ok {
		text += " (the state directory must exist or be creatable, and be writable by this user; see agent.state_dir)"
	}
	return text
}
func (e *StateError) Unwrap() error { return e.Err }

func stateError(dir string, err error) error {
	if _, ok := errors.AsType[*durable.LockedError](err); ok {
		return fmt.Errorf("%w: another shipper works there; stop it, or give this one an agent.state_dir of its own", err)
	}
	return &StateError{dir, err}
}
