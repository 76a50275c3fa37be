package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"shipper/internal/durable"
	"shipper/internal/linux"
	"shipper/pkg/tail"
)

// isFileOf returns the length of the file at path if it is the one of the epoch, and an error that wraps fs.ErrNotExist if it is
// not there or another one.
func isFileOf(e tail.Epoch, path string) (int64, error) {
	in, err := linux.Stat(path)
	if err != nil {
		return 0, err
	}
	other := &fs.PathError{Op: "look at", Path: path, Err: fmt.Errorf("it is another file: %w", fs.ErrNotExist)}
	if in.Ino != e.Identity.Ino || in.Birth != 0 && e.Identity.Birth != 0 && in.Birth != e.Identity.Birth || !in.Regular() {
		return 0, other
	}
	f, err := os.Open(path)
	if err != nil {
		return in.Size, nil // its content is for others to read; the inode says enough
	}
	defer f.Close()
	head := make([]byte, e.Identity.Head.Len)
	if n, _ := io.ReadFull(f, head); !e.Identity.Head.Same(head[:n]) {
		return 0, other
	}
	return in.Size, nil
}

// neighbours are the files beside an epoch's path with its inode number.
func neighbours(e tail.Epoch) []string {
	dir := filepath.Dir(e.Path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Ino == e.Identity.Ino {
			out = append(out, filepath.Join(dir, entry.Name()))
		}
	}
	return out
}

// lineWindow is how far around an offset line ends are looked for, in bytes.
const lineWindow = 1 << 20

// lineEnds finds the line boundaries of f around off: the nearest one at or before it and the nearest one at or after it; -1
// where there is none within lineWindow. newline is the line end in the file's encoding.
func lineEnds(f io.ReaderAt, size, off int64, newline []byte) (before, after int64, err error) {
	if off == 0 {
		return 0, 0, nil
	}
	before, after = -1, -1
	unit := int64(len(newline))
	from := max(0, off-lineWindow)
	from -= from % unit
	buf := make([]byte, min(size, off+lineWindow)-from)
	n, err := f.ReadAt(buf, from)
	if err != nil && err != io.EOF {
		return before, after, fmt.Errorf("read lines: %w", err)
	}
	if from == 0 {
		before = 0
	}
	for i := int64(0); i+unit <= int64(n); i += unit {
		if !bytes.Equal(buf[i:i+unit], newline) {
			continue
		}
		switch end := from + i + unit; {
		case end == off:
			return off, off, nil
		case end < off:
			before = end
		default:
			return before, end, nil
		}
	}
	return before, after, nil
}

// newlineOf is a line end in an encoding of [input.NAME].
func newlineOf(encoding string) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "utf-16", "utf-16le":
		return []byte{'\n', 0}
	case "utf-16be":
		return []byte{0, '\n'}
	}
	return []byte{'\n'}
}

// holder is the process that keeps us out of the state directory; 0 when that is not the trouble or it is not known.
func holder(err error) int {
	if locked, ok := errors.AsType[*durable.LockedError](err); ok {
		return locked.PID
	}
	return 0
}

// giveToOwner hands the files of a directory to the directory's owner, when root has worked in it: a daemon that runs as a user
// of its own could not read what we wrote.
func giveToOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || owner.Uid == 0 {
		return nil
	}
	root, err := os.OpenRoot(dir) // a link that the owner made must not lead root out of it
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := root.Lchown(e.Name(), int(owner.Uid), int(owner.Gid)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}
