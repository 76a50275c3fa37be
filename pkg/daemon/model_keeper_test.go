package daemon

import (
	"os"
	"sync"
	"syscall"
)

// modelKeeper is a descriptor store as systemd keeps it: it outlives a kill, and is emptied by a stop.
type modelKeeper struct {
	mu   sync.Mutex
	kept map[string]*os.File
}

func newModelKeeper() *modelKeeper { return &modelKeeper{kept: map[string]*os.File{}} }

// Keep implements tail.Keeper.
func (k *modelKeeper) Keep(name string, f *os.File) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept[name] = duplicate(name, f)
}

// Drop implements tail.Keeper.
func (k *modelKeeper) Drop(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dropLocked(name)
}

func (k *modelKeeper) dropLocked(name string) {
	if f := k.kept[name]; f != nil {
		f.Close()
	}
	delete(k.kept, name)
}

// fork is the store as it stands now, with duplicates of its own.
func (k *modelKeeper) fork() *modelKeeper {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := newModelKeeper()
	for name, f := range k.kept {
		c.kept[name] = duplicate(name, f)
	}
	return c
}

// give are the descriptors that a life is born with.
func (k *modelKeeper) give() (out []*os.File) {
	for _, f := range k.fork().kept {
		out = append(out, f)
	}
	return out
}

func (k *modelKeeper) empty() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name := range k.kept {
		k.dropLocked(name)
	}
}

func duplicate(name string, f *os.File) *os.File {
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		panic(err)
	}
	return os.NewFile(uintptr(fd), name)
}
