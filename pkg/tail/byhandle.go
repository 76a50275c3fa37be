package tail

import (
	"errors"
	"path/filepath"
	"syscall"

	"shipper/internal/linux"
)

// byHandle returns where the inode of an epoch is now, wherever it was moved within its file system, in one step. It needs
// CAP_DAC_READ_SEARCH; without it there is no answer, and none is missed: the neighbourhood is searched in any case.
func (t *Tailer) byHandle(e Epoch) []string {
	if t.noHandles || e.Identity.Handle == "" {
		return nil
	}
	f, err := linux.OpenHandle(filepath.Dir(e.Path), e.Identity.Handle)
	if err != nil {
		t.noHandles = errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS)
		return nil
	}
	defer f.Close()
	info, err := linux.Fstat(f)
	if err != nil || info.Links == 0 || info.Ino != e.Identity.Ino || f.Name() == "" || t.ignored(f.Name()) {
		return nil
	}
	return []string{f.Name()}
}
