package checkpoint

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"syscall"
)

// disk is a directory in memory that can fill up, fail, and lose power. Content is durable after file.Sync, names after Sync.
type disk struct {
	mu      sync.Mutex
	names   map[string]*node
	durable map[string]*node         // names as of the last Sync
	ops     []func(map[string]*node) // changes of names since
	limit   int64                    // bytes; 0 is no limit
	fail    func(op, name string) error
}

type node struct {
	data     []byte
	synced   int    // bytes that survive a power failure
	spool    bool   // is written in place
	stable   []byte // content of a spool file as of the last sync
	reserved int64  // bytes of space taken ahead
}

func newDisk() *disk { return &disk{names: map[string]*node{}, durable: map[string]*node{}} }

func (d *disk) setFail(fail func(op, name string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

func (d *disk) setLimit(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limit = n
}

func (d *disk) check(op, name string) error {
	if d.fail != nil {
		return d.fail(op, name)
	}
	return nil
}

func (d *disk) used() (n int64) {
	for _, f := range d.names {
		n += max(int64(len(f.data)), f.reserved)
	}
	return n
}

func (d *disk) change(op func(map[string]*node)) {
	op(d.names)
	d.ops = append(d.ops, op)
}

func (d *disk) Names() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.names)), d.check("names", "")
}

func (d *disk) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check("read", name); err != nil {
		return nil, err
	}
	f, ok := d.names[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(f.data), nil
}

func (d *disk) Create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check("create", name); err != nil {
		return nil, err
	}
	f := &node{}
	d.change(func(names map[string]*node) { names[name] = f })
	return &diskFile{d, f, name}, nil
}

func (d *disk) Spool(name string) (spoolFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check("spool", name); err != nil {
		return nil, err
	}
	f := d.names[name]
	if f == nil {
		f = &node{spool: true}
		d.change(func(names map[string]*node) { names[name] = f })
	}
	return &diskFile{d, f, name}, nil
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.check("write", f.name); err != nil {
		return 0, err
	}
	if more := off + int64(len(p)) - int64(len(f.f.data)); more > 0 {
		f.f.data = append(f.f.data, make([]byte, more)...)
	}
	return copy(f.f.data[off:], p), nil
}

func (d *disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check("rename", from); err != nil {
		return err
	}
	if d.names[from] == nil {
		return fs.ErrNotExist
	}
	d.change(func(names map[string]*node) {
		if f := names[from]; f != nil {
			names[to] = f
			delete(names, from)
		}
	})
	return nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check("remove", name); err != nil {
		return err
	}
	d.change(func(names map[string]*node) { delete(names, name) })
	return nil
}

func (d *disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.check("syncdir", ""); err != nil {
		return err
	}
	d.durable, d.ops = maps.Clone(d.names), nil
	return nil
}

func (d *disk) Close() error { return nil }

// crash loses power: pick(n) chooses from [0,n] how much of each unsynced thing reached the medium.
func (d *disk) crash(pick func(n int) int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := d.durable
	for _, op := range d.ops[:pick(len(d.ops))] {
		op(names)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := names[name]
		if f.spool { // any part of what was not synced
			n := pick(len(f.data))
			f.data = append(slices.Clone(f.data[:n]), f.stable[min(n, len(f.stable)):]...)
			f.stable = slices.Clone(f.data)
			continue
		}
		f.data = f.data[:f.synced+pick(len(f.data)-f.synced)]
		f.synced = len(f.data)
	}
	d.names, d.durable, d.ops = names, maps.Clone(names), nil
}

type diskFile struct {
	d    *disk
	f    *node
	name string
}

func (f *diskFile) Write(p []byte) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.check("write", f.name); err != nil {
		half := len(p) / 2 // a failing write may leave a part of itself
		f.f.data = append(f.f.data, p[:half]...)
		return half, err
	}
	n := len(p)
	if f.d.limit > 0 {
		inside := max(0, f.f.reserved-int64(len(f.f.data)))
		n = int(min(int64(n), inside+max(0, f.d.limit-f.d.used())))
	}
	f.f.data = append(f.f.data, p[:n]...)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *diskFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.check("sync", f.name); err != nil {
		return err
	}
	f.f.synced, f.f.stable = len(f.f.data), slices.Clone(f.f.data)
	return nil
}

func (f *diskFile) Reserve(off, n int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.check("reserve", f.name); err != nil {
		return err
	}
	more := off + n - max(int64(len(f.f.data)), f.f.reserved)
	if f.d.limit > 0 && f.d.used()+more > f.d.limit {
		return syscall.ENOSPC
	}
	f.f.reserved = off + n
	return nil
}

func (f *diskFile) Close() error { return nil }

var errDisk = errors.New("disk is dying")

// openOn opens a store in dir whose files are on d.
func openOn(t tb, dir string, d *disk) *Store {
	t.Helper()
	s, err := Open(dir, Options{files: func(string) (files, error) { return d, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kill lets go of the directory as a killed process does: without a commit.
func kill(t tb, s *Store) {
	t.Helper()
	s.io.Lock()
	defer s.io.Unlock()
	if s.closed {
		return
	}
	if s.out != nil {
		s.out.Close()
		s.out = nil
	}
	s.closed = true
	s.files.Close()
	if err := s.lock.Release(); err != nil {
		t.Fatal(err)
	}
}
