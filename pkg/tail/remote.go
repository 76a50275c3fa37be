package tail

import (
	"path/filepath"
	"strings"

	"shipper/internal/linux"
)

// Network file systems, FUSE and shares of a hypervisor (linux.Unwatchable) are another matter: nobody is notified there, handles and
// birth times are not to be trusted, a client may show what a name led to as long as that is open, and a deleted file that is open has
// a hidden name.

// trust takes out of what was found about an open file what its file system is not to be believed.
func (t *Tailer) trust(path string, id *Identity, info *linux.Info) (remote bool) {
	if _, remote = t.remote(path); remote {
		id.Handle, id.Birth, info.Birth = "", 0, 0
	}
	return remote
}

// restRemote closes files of such file systems that are read to their end and settled, so that the next look by name sees what stands
// there now. They are opened by their name when they change.
func (t *Tailer) restRemote() {
	now := t.now()
	for f := range t.foreign {
		if f.f == nil {
			delete(t.foreign, f)
			continue
		}
		if len(f.names) > 0 && len(f.links) == 0 && len(f.streams) > 0 &&
			now.Sub(f.openedAt) >= t.opts.Sweep && t.resting(f) {
			t.closeFile(f)
		}
	}
}

// unlinked reports whether no name is left of an open file. NFS and FUSE give one that is deleted a hidden name until
// it is closed.
func (f *file) unlinked(info linux.Info) bool {
	fd := int(f.f.Fd())
	return info.Links == 0 || f.remote && (linux.Unnamed(fd) || strings.HasPrefix(filepath.Base(linux.PathOf(fd)), ".nfs"))
}

// loseGone names what was not read of a file that was closed because it could not be read, and is gone now.
func (t *Tailer) loseGone(s *stream) {
	end := s.seen.Load()
	if f := s.file; !f.packed() {
		end = max(end, f.info.Size)
	}
	t.loseUnread(s, s.off.Load(), end, s.ahead, LostDeleted)
	s.seen.Store(s.off.Load())
}
