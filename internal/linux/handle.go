package linux

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// OpenHandle opens the inode of a handle (see Handle) for reading, whatever its name is now. dir is a directory of the same file
// system. It needs CAP_DAC_READ_SEARCH: without it the error is EPERM. An inode that is gone gives ESTALE.
//
// A handle is opaque bytes and a type. Handle returns the bytes alone; within one file system files of one kind of handle
// have one type, so that of dir's own handle is taken, and a handle of another length is refused with ESTALE.
func OpenHandle(dir, handle string) (*os.File, error) {
	at, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	kind, _, err := unix.NameToHandleAt(int(at.Fd()), "", unix.AT_EMPTY_PATH)
	if err != nil {
		return nil, &os.PathError{Op: "name_to_handle_at", Path: dir, Err: err}
	}
	if kind.Size() != len(handle) {
		return nil, &os.PathError{Op: "open_by_handle_at", Path: dir, Err: unix.ESTALE}
	}
	fd, err := unix.OpenByHandleAt(int(at.Fd()), unix.NewFileHandle(kind.Type(), []byte(handle)),
		unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC)
	if err != nil {
		return nil, &os.PathError{Op: "open_by_handle_at", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), PathOf(fd)), nil
}

// PathOf is the path under which the kernel knows an open descriptor now; for a deleted file the last one it had. "" if it does not tell.
func PathOf(fd int) string {
	path, _ := lastPath(fd)
	return path
}

// Unnamed reports whether the name under which a descriptor was opened is gone, as far as this host did it: on a network file system
// the inode may count a hidden name still.
func Unnamed(fd int) bool {
	_, gone := lastPath(fd)
	return gone
}

// deleted is what the kernel puts behind the path of a file without one.
const deleted = " (deleted)"

func lastPath(fd int) (path string, gone bool) {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return "", false
	}
	if _, err := Lstat(path); err == nil { // a file may be called so
		return path, false
	}
	return strings.CutSuffix(path, deleted)
}
