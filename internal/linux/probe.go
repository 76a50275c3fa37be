package linux

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrUnknown is returned by HasWriter where the kernel does not tell.
var ErrUnknown = errors.New("the kernel does not tell whether the file has a writer")

// HasWriter reports whether any process has f's inode open for writing. f must be open for reading only. It takes a
// read lease, which the kernel refuses with EAGAIN while there is a writer, and gives it back at once. The lease needs
// the file's owner or CAP_LEASE; without them, and on file systems without leases, the error is ErrUnknown.
func HasWriter(f *os.File) (bool, error) {
	fd := f.Fd()
	_, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK)
	switch {
	case err == nil:
		if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK); err != nil {
			return false, fmt.Errorf("give back lease of %s: %w", f.Name(), err)
		}
		return false, nil
	case errors.Is(err, unix.EAGAIN):
		return true, nil
	}
	return false, ErrUnknown
}

// SeekData returns the first offset at or after off that holds data. It is -1 if there is only a hole up to the end.
// Where holes are unknown every offset holds data.
func SeekData(f *os.File, off int64) (int64, error) {
	n, err := unix.Seek(int(f.Fd()), off, unix.SEEK_DATA)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, unix.ENXIO):
		return -1, nil
	case errors.Is(err, unix.EINVAL):
		return off, nil
	}
	return 0, fmt.Errorf("look for data in %s: %w", f.Name(), err)
}

// Unwatchable reports whether changes made elsewhere to the file system that holds path raise no inotify events here
// (network, FUSE, 9p and hypervisor shares), with its name. Magic numbers are those of statfs(2).
func Unwatchable(path string) (string, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return "", false
	}
	name, ok := remote[uint32(st.Type)]
	return name, ok
}

var remote = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "nfs",
	unix.SMB_SUPER_MAGIC:  "smb",
	unix.SMB2_SUPER_MAGIC: "smb2",
	unix.CIFS_SUPER_MAGIC: "cifs",
	unix.FUSE_SUPER_MAGIC: "fuse",
	unix.V9FS_MAGIC:       "9p",
	unix.CEPH_SUPER_MAGIC: "ceph",
	unix.AFS_FS_MAGIC:     "afs",
	unix.AFS_SUPER_MAGIC:  "afs",
	unix.CODA_SUPER_MAGIC: "coda",
	0xbacbacbc:            "vmhgfs",
	0x786f4256:            "vboxsf",
	0x0bd00bd0:            "lustre",
	0x47504653:            "gpfs",
}
