package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// files is the state directory as the store uses it. It is an interface so that tests can have a disk that fails.
type files interface {
	Names() ([]string, error)
	ReadFile(name string) ([]byte, error)
	Create(name string) (file, error)     // empty, mode 0600
	Spool(name string) (spoolFile, error) // as it is, or a new one, mode 0600
	Rename(from, to string) error
	Remove(name string) error
	Sync() error // names are durable
	Close() error
}

// file is written from its beginning to its end.
type file interface {
	Write(p []byte) (int, error)
	Sync() error                // content and length are durable
	Reserve(off, n int64) error // space for [off, off+n) without changing the length
	Close() error
}

// rootFiles is a directory of the operating system. Names cannot lead out of it.
type rootFiles struct {
	root *os.Root
	dir  *os.File // open for life: a sync must not need a file descriptor when there are none left
}

func openFiles(dir string) (*rootFiles, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &rootFiles{root: root, dir: d}, nil
}

func (r *rootFiles) Names() ([]string, error) {
	entries, err := fs.ReadDir(r.root.FS(), ".")
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, err
}

func (r *rootFiles) ReadFile(name string) ([]byte, error) { return r.root.ReadFile(name) }
func (r *rootFiles) Rename(from, to string) error         { return r.root.Rename(from, to) }
func (r *rootFiles) Remove(name string) error             { return r.root.Remove(name) }
func (r *rootFiles) Sync() error                          { return r.dir.Sync() }
func (r *rootFiles) Close() error                         { return errors.Join(r.dir.Close(), r.root.Close()) }

func (r *rootFiles) Create(name string) (file, error) {
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (r *rootFiles) Spool(name string) (spoolFile, error) {
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

type osFile struct{ *os.File }

const fallocKeepSize = 1 // FALLOC_FL_KEEP_SIZE

func (f osFile) Reserve(off, n int64) error {
	return f.control("fallocate", func(fd int) error { return syscall.Fallocate(fd, fallocKeepSize, off, n) })
}

// Sync is fdatasync: times of the file are of no interest.
func (f osFile) Sync() error {
	return f.control("fdatasync", syscall.Fdatasync)
}

func (f osFile) control(op string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = conn.Control(func(fd uintptr) {
		for inner = call(int(fd)); errors.Is(inner, syscall.EINTR); inner = call(int(fd)) {
		}
	})
	if err == nil && inner != nil {
		err = fmt.Errorf("%s %s: %w", op, f.Name(), inner)
	}
	return err
}
