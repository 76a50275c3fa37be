package daemon

import (
	"errors"
	"fmt"

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
	return fmt.Sprintf("state directory %s: %v (it must exist or be creatable, and be writable by this user; see agent.state_dir)", e.Dir, e.Err)
}
func (e *StateError) Unwrap() error { return e.Err }

// stateError keeps errors that already say everything as they are.
func stateError(dir string, err error) error {
	if _, ok := errors.AsType[*durable.LockedError](err); ok {
		return err
	}
	return &StateError{dir, err}
}
