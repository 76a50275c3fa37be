package linux

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Dir is a directory in which many names are looked at one after the other: their way to it is walked once. It need not be
// readable. Not safe for concurrent use.
type Dir struct {
	fd   int
	path string
	st   unix.Statx_t // what the kernel writes to, so that a look allocates next to nothing
}

// OpenDir opens a directory to look into; a symbolic link to one is followed. Errors are *os.PathError.
func OpenDir(path string) (*Dir, error) {
	for {
		fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		switch err {
		case nil:
			return &Dir{fd: fd, path: path}, nil
		case unix.EINTR:
		default:
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// Info looks at the directory itself.
func (d *Dir) Info() (Info, error) {
	if err := statxInto(&d.st, d.fd, "", unix.AT_EMPTY_PATH); err != nil {
		return Info{}, &os.PathError{Op: "statx", Path: d.path, Err: err}
	}
	return infoOf(&d.st), nil
}

// Stat is the function Stat for a name in the directory.
func (d *Dir) Stat(name string) (Info, error) {
	if err := statxInto(&d.st, d.fd, name, 0); err != nil {
		return Info{}, &os.PathError{Op: "statx", Path: filepath.Join(d.path, name), Err: err}
	}
	return infoOf(&d.st), nil
}

// Close gives the descriptor back.
func (d *Dir) Close() { _ = unix.Close(d.fd) }
