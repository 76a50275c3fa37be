package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// spareFiles are descriptors that are no log files: sockets, the journal, inotify.
const spareFiles = 64

// limits compares what the kernel grants with what the configuration needs.
func (c *checker) limits(s *Step) {
	detail, t := c.inotify()
	var files syscall.Rlimit
	need := uint64(c.cfg.Agent.MaxOpenFiles + spareFiles)
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		detail += fmt.Sprintf(", %d open files allowed", files.Max)
		if files.Max < need {
			s.warn(trouble{code: "SHP-F211", detail: detail, whose: Host,
				cause: fmt.Sprintf("agent.max_open_files is %d; with fewer descriptors shipper closes and opens files more often, and holds fewer rotated ones.", c.cfg.Agent.MaxOpenFiles),
				fix:   []string{fmt.Sprintf("raise the limit to %d (LimitNOFILE= in the unit, ulimit -n), or lower agent.max_open_files", need)}})
			return
		}
	}
	s.ok(detail)
	if t != nil {
		t.detail = detail
		s.warn(*t)
	}
}

// inotify counts watches against the limit of the user, and tries whether there is an instance left.
func (c *checker) inotify() (string, *trouble) {
	limit := c.kernel("fs/inotify/max_user_watches")
	detail := count(c.directories, "directory") + " to watch"
	if c.directories != 1 {
		detail = fmt.Sprintf("%d directories to watch", c.directories)
	}
	if limit > 0 {
		detail += fmt.Sprintf(" (inotify limit %d)", limit)
	}
	const polled = "Directories that cannot be watched are polled: lines come up to a second later, and it costs more."
	if limit > 0 && c.directories > limit/10*9 {
		return detail, &trouble{code: "SHP-F210", whose: Host, cause: polled,
			fix: []string{fmt.Sprintf("sysctl -w fs.inotify.max_user_watches=%d, and the same in /etc/sysctl.d", max(524288, 2*c.directories))}}
	}
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil && errors.Is(err, syscall.EMFILE) {
		return detail, &trouble{code: "SHP-F210", whose: Host, cause: "This user has no inotify instance left. " + polled,
			fix: []string{fmt.Sprintf("sysctl -w fs.inotify.max_user_instances=%d, and the same in /etc/sysctl.d", max(512, 2*c.kernel("fs/inotify/max_user_instances")))}}
	}
	if err == nil {
		_ = syscall.Close(fd)
	}
	return detail, nil
}

// kernel reads a number below /proc/sys; 0 if there is none.
func (c *checker) kernel(name string) int {
	text, err := os.ReadFile(filepath.Join(c.proc, name))
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return n
}
