package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"shipper/internal/linux"
)

// lowSpace is the free space below which the state directory gets a warning: positions take a few MiB, dead letters more.
const lowSpace = 64 << 20

// state looks at the state directory without leaving anything in it.
func (c *checker) state(s *Step) {
	dir := c.cfg.Agent.StateDir
	place, exists := existing(dir)
	if err := writable(place); err != nil {
		why := dir + ": " + cause(err)
		if !exists {
			why = fmt.Sprintf("%s does not exist, and %s cannot be written: %s", dir, place, cause(err))
		}
		s.fail(trouble{code: "SHP-K101", detail: why + " (" + rights(place) + ")", whose: Host,
			cause: "User " + username(os.Geteuid()) + " cannot keep reading positions there; shipper does not start (exit code 73).",
			fix: []string{fmt.Sprintf("install -d -o %s -m 0700 %s", username(os.Geteuid()), word(dir)),
				"or set agent.state_dir (or SHIPPER_STATE_DIR) to a directory of this user; the systemd unit makes one: StateDirectory="}})
		return
	}
	if p := foreign(dir); exists && p != "" {
		user := username(os.Geteuid())
		s.fail(trouble{code: "SHP-K101", detail: fmt.Sprintf("%s: permission denied (%s)", p, rights(p)), whose: Host,
			cause: "User " + user + " cannot go on with the positions there; shipper does not start (exit code 73). Was it started by another user?",
			fix:   []string{fmt.Sprintf("chown -R %s %s", user, word(dir))}})
		return
	}
	detail := dir
	if !exists {
		detail += " (will be created)"
	}
	detail += ", writable"
	if pid, held := locked(filepath.Join(dir, "lock")); held {
		detail += ", in use by a running shipper" + pid
	}
	var st syscall.Statfs_t
	free := int64(-1)
	if err := syscall.Statfs(place, &st); err == nil {
		free = int64(st.Bavail) * st.Bsize
		detail += ", " + mebibytes(free) + " free"
	}
	s.ok(detail)
	if kind, remote := linux.Unwatchable(place); remote {
		s.warn(trouble{code: "SHP-K102", detail: detail + ", on " + kind, whose: Host,
			cause: "The directory is on a file system that other hosts can reach: locks and flushed writes cannot be relied upon there, and two hosts must never share one.",
			fix:   []string{"set agent.state_dir to a directory on a local disk"}})
		return
	}
	if free >= 0 && free < lowSpace {
		s.warn(trouble{code: "SHP-K103", detail: detail, whose: Host,
			cause: "When the disk is full, positions are kept in memory only: lines are still delivered, but a crash would repeat some.",
			fix:   []string{"make room, or set agent.state_dir to another disk"}})
	}
}

// existing is dir, or the nearest directory above it that exists.
func existing(dir string) (place string, exists bool) {
	for place = dir; ; place = filepath.Dir(place) {
		if _, err := os.Stat(place); err == nil || !linux.Gone(err) || place == filepath.Dir(place) {
			return place, place == dir
		}
	}
}

// writable creates a file and removes it: modes do not tell of read-only mounts and unit settings.
func writable(dir string) error {
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return errors.New("it is not a directory")
	}
	f, err := os.CreateTemp(dir, ".shipper-check-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// foreign is a file in dir that this user may not change; "" for none.
func foreign(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "" // not there; otherwise writable has said it
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		f, err := os.OpenFile(filepath.Join(dir, e.Name()), os.O_RDWR, 0)
		if errors.Is(err, fs.ErrPermission) {
			return filepath.Join(dir, e.Name())
		}
		if err == nil {
			f.Close()
		}
	}
	return ""
}

// cause is the system's word for an error without operation and path.
func cause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// locked asks for the lock of the state directory, shared and for a moment. It creates no file: one that belongs to root would
// keep the daemon out.
func locked(path string) (pid string, held bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return "", false
	}
	text := make([]byte, 32)
	n, _ := f.ReadAt(text, 0) // the file is shorter: io.EOF
	if id, err := strconv.Atoi(strings.TrimSpace(string(text[:n]))); err == nil {
		return fmt.Sprintf(" (process %d)", id), true
	}
	return "", true
}

func mebibytes(n int64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
