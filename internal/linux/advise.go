package linux

import (
	"os"

	"golang.org/x/sys/unix"
)

// ReadExactly tells the kernel to read of f what is asked for and no more. What it reads ahead of its own accord may be 8 MiB a file
// (read_ahead_kb of the disk), counts as memory of the reader's cgroup and cannot be taken back while it is under way: four files with a
// backlog were the end of a process with 64 MB. Use Ahead instead. Without effect where the kernel does not know it.
func ReadExactly(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM) }

// Ahead asks the kernel to begin reading [off, off+n) of f, and does not wait for it.
func Ahead(f *os.File, off, n int64) { _ = unix.Fadvise(int(f.Fd()), off, n, unix.FADV_WILLNEED) }
