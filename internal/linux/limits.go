package linux

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// RaiseOpenFiles lifts the soft limit of open descriptors to the hard one and returns it.
func RaiseOpenFiles() (int, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	if l.Cur < l.Max {
		was := l.Cur
		l.Cur = l.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
			return int(was), fmt.Errorf("raise the limit of open files to %d: %w", l.Max, err)
		}
	}
	return int(min(l.Cur, 1<<30)), nil
}

// Gone reports whether err says that there is no such file. Every other failure means that it cannot be seen now.
func Gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}
