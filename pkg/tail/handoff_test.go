package tail

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"shipper/internal/linux"
)

// store is a Keeper that outlives a tailer, as systemd's descriptor store does.
type store struct{ kept map[string]*os.File }

func newStore() *store { return &store{kept: map[string]*os.File{}} }

func (s *store) Keep(name string, f *os.File) {
	if s.kept[name] != nil {
		panic("kept twice: " + name)
	}
	s.kept[name] = duplicate(name, f)
}

func (s *store) Drop(name string) {
	if f := s.kept[name]; f != nil {
		f.Close()
	}
	delete(s.kept, name)
}

func (s *store) names() []string { return slices.Sorted(maps.Keys(s.kept)) }

// give returns duplicates of what is kept, as a service manager does at a start.
func (s *store) give(testing.TB) (out []*os.File) {
	for _, name := range s.names() {
		out = append(out, duplicate(name, s.kept[name]))
	}
	return out
}

func (s *store) close() {
	for name := range maps.Clone(s.kept) {
		s.Drop(name)
	}
}

func duplicate(name string, f *os.File) *os.File {
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		panic(err)
	}
	return os.NewFile(uintptr(fd), name)
}

func (p *play) option(a []string) error {
	if a[0] == "keeper" {
		p.store = newStore()
		return nil
	}
	n, err := strconv.Atoi(a[1])
	switch a[0] {
	case "max_open_files":
		p.opts.MaxOpenFiles, p.closes = n, n == 0
	case "max_pinned":
		p.opts.MaxPinned = int64(n)
	case "max_spool":
		p.opts.MaxSpool = int64(n)
	default:
		return fmt.Errorf("no such option")
	}
	return err
}

// expectFiles compares the names in a directory.
func (p *play) expectFiles(dir string, want []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		return fmt.Errorf("it holds %q", got)
	}
	return nil
}

// needsHandles skips the test without CAP_DAC_READ_SEARCH, and on file systems without handles.
func (p *play) needsHandles() error {
	f, err := os.CreateTemp(p.dir, "probe")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	found, err := linux.OpenHandle(p.dir, linux.Handle(f))
	if err != nil {
		p.t.Skip("files cannot be opened by their handles: ", err)
	}
	return found.Close()
}
