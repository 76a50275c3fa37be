package checkpoint

import (
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"shipper/pkg/tail"
)

// Look reads a state directory without locking or changing it, also while a daemon works in it; then it is a second behind at
// most. It returns what is known, oldest first, and what was found damaged. A directory that does not exist gives an error that
// wraps fs.ErrNotExist, a newer format a *VersionError.
func Look(dir string) (epochs []tail.Epoch, damage []string, err error) {
	// A daemon that begins a new generation meanwhile takes the old files away: then what is found is not damaged but old.
	for range 3 {
		epochs, damage, err = look(dir)
		if err == nil && len(damage) == 0 {
			break
		}
	}
	return epochs, damage, err
}

func look(dir string) ([]tail.Epoch, []string, error) {
	f, err := openFiles(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open state directory: %w", err)
	}
	defer f.Close()
	s := &Store{log: slog.New(slog.DiscardHandler), files: readOnly{f}, streams: map[tail.StreamID]*Stream{}}
	if err := s.recover(); err != nil {
		return nil, nil, fmt.Errorf("state directory %s: %w", dir, err)
	}
	return s.Epochs(), s.recovered, nil
}

// readOnly is a state directory that nothing is written to.
type readOnly struct{ files }

func (readOnly) Create(name string) (file, error) {
	return nil, &os.PathError{Op: "create", Path: name, Err: syscall.EROFS}
}
func (readOnly) Spool(name string) (spoolFile, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: syscall.EROFS}
}
func (readOnly) Rename(from, _ string) error {
	return &os.PathError{Op: "rename", Path: from, Err: syscall.EROFS}
}
func (readOnly) Remove(name string) error {
	return &os.PathError{Op: "remove", Path: name, Err: syscall.EROFS}
}
