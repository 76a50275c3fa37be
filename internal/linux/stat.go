package linux

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Info is what the kernel says about an inode.
type Info struct {
	Dev    uint64
	Ino    uint64
	Birth  int64 // birth time, Unix nanoseconds; 0 where the file system has none
	Size   int64 // bytes
	Blocks int64 // bytes that the inode occupies on disk
	Links  uint32
	Mode   os.FileMode // type bits only: ModeDir, ModeSymlink or ModeIrregular; 0 is a regular file
	Mod    time.Time
	Change int64 // when anything about the inode changed last, names in a directory included; Unix nanoseconds
}

// Regular reports whether the inode is a plain file.
func (i Info) Regular() bool { return i.Mode == 0 }

const statxMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

// Stat looks at path and follows symbolic links. Errors are *os.PathError.
func Stat(path string) (Info, error) { return statx(unix.AT_FDCWD, path, 0, path) }

// Lstat looks at path itself, be it a symbolic link.
func Lstat(path string) (Info, error) {
	return statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, path)
}

// Fstat looks at an open file.
func Fstat(f *os.File) (Info, error) {
	return statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, f.Name())
}

func statx(dir int, path string, flags int, name string) (Info, error) {
	var st unix.Statx_t
	if err := statxInto(&st, dir, path, flags); err != nil {
		return Info{}, &os.PathError{Op: "statx", Path: name, Err: err}
	}
	return infoOf(&st), nil
}

func statxInto(st *unix.Statx_t, dir int, path string, flags int) error {
	for {
		if err := unix.Statx(dir, path, flags, statxMask, st); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func infoOf(st *unix.Statx_t) Info {
	in := Info{
		Dev:    unix.Mkdev(st.Dev_major, st.Dev_minor),
		Ino:    st.Ino,
		Size:   int64(st.Size),
		Blocks: int64(st.Blocks) * 512,
		Links:  st.Nlink,
		Mod:    time.Unix(st.Mtime.Sec, int64(st.Mtime.Nsec)),
		Change: st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		in.Birth = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		in.Mode = os.ModeDir
	case unix.S_IFLNK:
		in.Mode = os.ModeSymlink
	default:
		in.Mode = os.ModeIrregular
	}
	return in
}

// Handle returns the file handle of an open file: opaque bytes that hold the inode's generation, so that they differ
// after an inode number was used again. It is "" where the file system has no handles.
func Handle(f *os.File) string {
	h, _, err := unix.NameToHandleAt(int(f.Fd()), "", unix.AT_EMPTY_PATH)
	if err != nil {
		return ""
	}
	return string(h.Bytes())
}
