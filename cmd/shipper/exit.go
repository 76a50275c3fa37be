package main

import "fmt"

// Exit codes, after sysexits(3). Units and scripts rely on them.
const (
	exitOK          = 0
	exitProblem     = 1  // a check found something
	exitUsage       = 64 // wrong flag or argument
	exitNoInput     = 66 // --once: no file matched
	exitUnavailable = 69 // endpoint or daemon not reachable
	exitState       = 73 // state directory not usable, or locked
	exitIO          = 74 // local input or output failed
	exitUnsent      = 75 // stopped with lines unsent; they are safe
	exitDenied      = 77 // the cloud said no
	exitConfig      = 78 // configuration
)

// failure is an error that knows its exit code. One without text only sets the code: what there was to say has been said.
type failure struct {
	code int
	text string
	err  error
}

func (f *failure) Error() string { return f.text }
func (f *failure) Unwrap() error { return f.err }

// fail gives err an exit code.
func fail(code int, err error) error { return &failure{code: code, text: err.Error(), err: err} }

// failf is fail with a message of its own.
func failf(code int, format string, args ...any) error {
	return fail(code, fmt.Errorf(format, args...))
}

// exit ends with a code and prints nothing more.
func exit(code int) error { return &failure{code: code} }
