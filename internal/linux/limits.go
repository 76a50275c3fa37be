package linux

import (
	"errors"
	"fmt"
	"os"

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

// Flock takes an exclusive advisory lock on f without waiting. ok is false when another open file holds it.
func Flock(f *os.File) (ok bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	}
	return false, fmt.Errorf("lock %s: %w", f.Name(), err)
}

// Fallocate reserves disk space for n bytes from off without changing the file's size.
func Fallocate(f *os.File, off, n int64) error {
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, off, n); err != nil {
		return fmt.Errorf("reserve %d bytes for %s: %w", n, f.Name(), err)
	}
	return nil
}

// Gone reports whether err says that there is no such file. Every other failure means that it cannot be seen now.
func Gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}
