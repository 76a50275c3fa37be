package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// loadWith loads minimal with a first line that includes conf.d/*.toml, from a directory that prepare has changed.
func loadWith(t *testing.T, prepare func(dir string) error) error {
	t.Helper()
	dir := write(t, map[string]string{"shipper.toml": "include = [\"conf.d/*.toml\"]\n" + minimal})
	if err := prepare(dir); err != nil {
		t.Fatal(err)
	}
	_, err := Load(Options{Path: filepath.Join(dir, "shipper.toml"), Env: noEnv})
	return err
}

// A directory that cannot be read must not pass for an empty one: every input in it would silently be gone, after a reload too.
func TestIncludedDirectoryCannotBeRead(t *testing.T) {
	err := loadWith(t, func(dir string) error {
		return os.Symlink("conf.d", filepath.Join(dir, "conf.d")) // root may read anything but a link to itself
	})
	if err == nil || !strings.Contains(err.Error(), "conf.d: too many levels of symbolic links") {
		t.Errorf("got %v", err)
	}
}

// Who may not read it, and what lets him.
func TestUnreadableSaysHow(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/etc/it's", Err: syscall.EACCES}
	if got := unreadable("/etc/it's", denied); !strings.Contains(got, "may not read it") || !strings.HasSuffix(got, `chmod g+rX '/etc/it'\''s'`) {
		t.Errorf("got %q", got)
	}
	if got := unreadable("/etc/x", fs.ErrNotExist); got != "" {
		t.Errorf("got %q", got)
	}
}

// Opening a pipe that nobody writes to would wait for ever, in a daemon that looks for changes too.
func TestIncludedPipeIsNotOpened(t *testing.T) {
	err := loadWith(t, func(dir string) error {
		path := filepath.Join(dir, "conf.d")
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		return syscall.Mkfifo(filepath.Join(path, "x.toml"), 0o600)
	})
	if err == nil || !strings.Contains(err.Error(), "x.toml: error: is not a regular file") {
		t.Errorf("got %v", err)
	}
}

func TestGlob(t *testing.T) {
	dir := write(t, map[string]string{"a/x.toml": "", "a/y.toml": "", "a/z.txt": "", "b/x.toml": "", "c": ""})
	t.Chdir(dir)
	for pattern, want := range map[string]string{
		"*/x.toml":           "a/x.toml b/x.toml",
		"a/*.toml":           "a/x.toml a/y.toml",
		"?":                  "a b c",
		"none/*.toml":        "",
		"c/*.toml":           "",
		"a/x.toml":           "a/x.toml",
		"a/none.toml":        "",
		dir + "/[ab]/[yz].*": dir + "/a/y.toml " + dir + "/a/z.txt",
	} {
		got, err := glob(pattern)
		std, _ := filepath.Glob(pattern)
		if s := strings.Join(got, " "); err != nil || s != want || s != strings.Join(std, " ") {
			t.Errorf("%s: %q, %v; want %q; the library finds %q", pattern, s, err, want, std)
		}
	}
	if _, err := glob("a/["); err == nil {
		t.Error("a/[ is taken for a pattern")
	}
}
