package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"shipper/internal/linux"
	"shipper/pkg/config"
	"shipper/pkg/tail"
)

// Bounds of the walk: a check must end, whatever ** leads to.
const (
	maxEntries = 500_000 // directory entries that are looked at for one input
	maxDepth   = 64      // directories below each other
	maxNamed   = 5       // troubles that are named one by one
)

// files looks at every input that goes to one of the targets: what matches, and what of it this user may read.
func (c *checker) files(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(c.cfg.Inputs)) {
		in := c.cfg.Inputs[name]
		if len(c.opt.Targets) > 0 && !slices.ContainsFunc(in.Target, func(t string) bool { return slices.Contains(c.names, t) }) {
			continue
		}
		c.step(StepFiles, "", func(s *Step) { c.input(ctx, s, name, in) })
	}
}

// walk is the search for the files of one input.
type walk struct {
	glob   tail.Glob
	ignore string
	seen   map[[2]uint64]bool // directories, by device and inode
	left   int                // entries to look at

	found  []string
	dirs   int
	closed []shut // directories that cannot be listed
	locked []shut // files that cannot be opened
	short  bool   // it was given up
}

// shut is a path that does not open, and why.
type shut struct {
	path string
	err  error
}

func (c *checker) input(ctx context.Context, s *Step, name string, in config.Input) {
	w := &walk{ignore: c.cfg.Agent.StateDir, seen: map[[2]uint64]bool{}, left: maxEntries}
	w.glob, _ = tail.NewGlob(in.Config) // the configuration was validated
	for _, base := range w.glob.Bases() {
		w.begin(ctx, base)
	}
	slices.Sort(w.found)
	w.found = slices.Compact(w.found)
	for _, f := range w.found {
		if err := canRead(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.locked = append(w.locked, shut{f, err})
		}
	}
	c.matched[name] = w.found
	c.directories += w.dirs
	c.judge(s, name, in, w)
}

// begin enters the directory that a pattern begins with, or finds out why it cannot be entered.
func (w *walk) begin(ctx context.Context, base string) {
	_, err := os.Stat(base)
	switch {
	case err == nil:
		w.enter(ctx, base, 0)
	case errors.Is(err, fs.ErrPermission):
		for dir := filepath.Dir(base); ; dir = filepath.Dir(dir) {
			if _, above := os.Stat(dir); above == nil || dir == "/" {
				w.close(dir, err)
				return
			}
		}
	case !linux.Gone(err):
		w.close(base, err)
	}
}

func (w *walk) close(dir string, err error) {
	if !slices.ContainsFunc(w.closed, func(c shut) bool { return c.path == dir }) {
		w.closed = append(w.closed, shut{dir, err})
	}
}

// enter lists a directory. Links are followed, as the daemon does; a directory is entered once.
func (w *walk) enter(ctx context.Context, dir string, depth int) {
	if ctx.Err() != nil || depth > maxDepth || dir == w.ignore || strings.HasPrefix(dir, w.ignore+"/") || !w.glob.Descends(dir) {
		return
	}
	info, err := linux.Stat(dir)
	key := [2]uint64{info.Dev, info.Ino}
	if err != nil || info.Mode != fs.ModeDir || w.seen[key] {
		return
	}
	w.seen[key] = true
	w.dirs++
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.close(dir, err)
		return
	}
	for _, e := range entries {
		if w.left--; w.left < 0 {
			w.short = true
			return
		}
		w.entry(ctx, filepath.Join(dir, e.Name()), e.Type(), depth)
	}
}

func (w *walk) entry(ctx context.Context, p string, mode fs.FileMode, depth int) {
	if mode&fs.ModeSymlink != 0 {
		info, err := os.Stat(p)
		if err != nil {
			return // leads nowhere
		}
		mode = info.Mode().Type()
	}
	switch {
	case mode.IsDir():
		w.enter(ctx, p, depth+1)
	case mode.IsRegular() && w.glob.Matches(p):
		w.found = append(w.found, p)
	}
}

// canRead opens a file as the daemon would.
func canRead(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	return f.Close()
}

// judge says what the walk means.
func (c *checker) judge(s *Step, name string, in config.Input, w *walk) {
	readable := len(w.found) - len(w.locked)
	detail := fmt.Sprintf("%s: %s", strings.Join(in.Paths, ", "), count(len(w.found), "file"))
	switch {
	case len(w.found) > 0 && len(w.locked) == 0:
		detail += ", all readable"
	case len(w.found) > 0:
		detail += fmt.Sprintf(", %d readable", readable)
	}
	if w.short {
		detail += fmt.Sprintf(" (gave up after %d entries)", maxEntries)
	}
	if len(c.cfg.Inputs) > 1 {
		detail = "[" + name + "] " + detail
	}
	s.ok(detail)
	switch {
	case len(w.locked)+len(w.closed) > 0:
		t := closedFiles(detail, w)
		if readable > 0 {
			s.warn(t)
		} else {
			s.fail(t)
		}
	case len(w.found) == 0:
		t := trouble{code: "SHP-F202", detail: detail, cause: "No file matches now. Files that appear later are found.", whose: Configuration,
			fix: []string{"if there should be some: check paths and exclude of [input." + name + "]"}}
		for _, p := range in.Paths {
			if info, err := os.Stat(p); err == nil && info.IsDir() {
				t.cause = p + " is a directory; paths name files."
				t.fix = []string{fmt.Sprintf("write paths = [%q] in [input.%s], or /**/* for the directories below it too", filepath.Join(p, "*"), name)}
			}
		}
		s.warn(t)
	case os.Geteuid() == 0:
		if _, err := user.Lookup("shipper"); err == nil { // the service's user, whose rights matter
			s.ok(detail + " by root; for the service: runuser -u shipper -- shipper check")
		}
	}
}

// closedFiles names what cannot be read, with owner and mode, and how to open it.
func closedFiles(detail string, w *walk) trouble {
	t := trouble{code: "SHP-F201", whose: Host, cause: "Their lines stay where they are: shipper tries again and again, and sends nothing of them until then."}
	n := 0
	opens := "" // a command that opens one of them
	name := func(list []shut, what, mode string) {
		for _, p := range list {
			why := cause(p.err)
			if errors.Is(p.err, fs.ErrPermission) {
				why += fmt.Sprintf(" for user %s (%s)", username(os.Geteuid()), rights(p.path))
				opens = cmp.Or(opens, fmt.Sprintf("chgrp adm %[1]s && chmod %[2]s %[1]s", word(p.path), mode))
			}
			if n++; n <= maxNamed {
				detail += "\n" + p.path + ": " + why + what
			}
		}
	}
	name(w.locked, "", "640")
	name(w.closed, ", a directory that cannot be entered", "750")
	if n > maxNamed {
		detail += fmt.Sprintf("\nand %d more", n-maxNamed)
	}
	t.detail = detail
	if len(w.locked) == 0 {
		t.code = "SHP-F203"
	}
	if opens == "" {
		t.fix = []string{"look at the disk or the mount: the kernel says so, and rights are not the reason"}
		return t
	}
	t.fix = []string{
		"install the unit's drop-in 10-read-root-only-logs.conf (CAP_DAC_READ_SEARCH and nothing else)",
		"or give the group the right, here and in logrotate's create line:",
		opens,
	}
	return t
}

// word makes one word of a path for a shell: whoever may name a log file must not write commands for who pastes them.
func word(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return r > '~' || !strings.ContainsRune("/._-+:@%", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// rights are mode and owner of a path as ls shows them: 0640 root:adm.
func rights(p string) string {
	info, err := os.Stat(p)
	if err != nil {
		return "not visible"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Sprintf("%04o", info.Mode().Perm())
	}
	group := strconv.Itoa(int(st.Gid))
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("%04o %s:%s", info.Mode().Perm(), username(int(st.Uid)), group)
}

func username(uid int) string {
	id := strconv.Itoa(uid)
	u, err := user.LookupId(id)
	if err != nil {
		return id
	}
	return cmp.Or(u.Username, id)
}
