package check

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"shipper/internal/durable"
	"shipper/internal/units"
	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/ram"
)

func hostConfig(dir string, paths ...string) *config.Config {
	c := config.Default()
	c.Agent.StateDir = filepath.Join(dir, "state")
	in := config.DefaultInput()
	in.Paths = paths
	c.Inputs = map[string]config.Input{"app": in}
	return c
}

func touch(t *testing.T, path string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x\n"), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// asNobody runs a test in a process without rights. It reports whether this is that process.
func asNobody(t *testing.T, dir string) bool {
	t.Helper()
	if os.Getenv("CHECK_DIR") != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give up rights")
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test")
	if err := os.WriteFile(binary, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "CHECK_DIR="+dir, "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	return false
}

// Files and directories that this user may not read are named with mode and owner, and how to open them.
func TestUnreadable(t *testing.T) {
	dir := os.Getenv("CHECK_DIR")
	if dir == "" {
		dir = t.TempDir()
		touch(t, filepath.Join(dir, "open.log"), 0o644)
		touch(t, filepath.Join(dir, "closed.log"), 0o600)
		touch(t, filepath.Join(dir, "$(touch pwned) it's.log"), 0o600)
		touch(t, filepath.Join(dir, "secret", "a.log"), 0o644)
		if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "secret"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if !asNobody(t, dir) {
		return
	}
	for _, tt := range []struct {
		pattern string
		status  Status
		code    string
		says    string
	}{
		{"*.log", Warn, "SHP-F201", "closed.log: permission denied for user nobody (0600 root:root)"},
		{"closed.log", Fail, "SHP-F201", "chgrp adm " + filepath.Join(dir, "closed.log") + " && chmod 640 " + filepath.Join(dir, "closed.log")},
		{"$(*.log", Fail, "SHP-F201", "chmod 640 '" + filepath.Join(dir, `$(touch pwned) it'\''s.log`) + "'"},
		{"loop/*.log", Fail, "SHP-F203", "loop: too many levels of symbolic links, a directory that cannot be entered\nlook at the disk"},
		{"secret/*.log", Fail, "SHP-F203", "secret: permission denied for user nobody (0700 root:root), a directory"},
		{"secret/deep/*.log", Fail, "SHP-F203", "chmod 750"},
		{"open.log", OK, "", "1 file, all readable"},
		{"none*.log", Warn, "SHP-F202", "0 files"},
		{"", Warn, "SHP-F202", "write paths = [\"" + dir + "/*\"] in [input."},
	} {
		c := newChecker(hostConfig(dir, filepath.Join(dir, tt.pattern)), Options{})
		c.files(t.Context())
		s := c.report.Steps[0]
		if s.Status != tt.status || s.Code != tt.code || !strings.Contains(s.Detail+"\n"+strings.Join(s.Fix, "\n"), tt.says) {
			t.Errorf("%s: %+v", tt.pattern, s)
		}
	}
	c := newChecker(hostConfig(dir), Options{})
	c.step(StepState, "", c.state)
	if s := c.report.Steps[0]; s.Status != Fail || s.Code != "SHP-K101" || !strings.Contains(s.Detail, "does not exist") {
		t.Errorf("state: %+v", s)
	}
}

// What is excluded, what is shipper's own, and links in a circle are not counted.
func TestWalk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.log", "a.log.gz", "deep/er/b.log", "state/own.log", "skip/c.log"} {
		touch(t, filepath.Join(dir, name), 0o644)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "deep", "circle")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "a.log"), filepath.Join(dir, "link.log")); err != nil {
		t.Fatal(err)
	}
	cfg := hostConfig(dir, filepath.Join(dir, "**"))
	in := cfg.Inputs["app"]
	in.Exclude = []string{"*.gz", filepath.Join(dir, "skip")}
	cfg.Inputs["app"] = in
	c := newChecker(cfg, Options{})
	c.files(t.Context())
	var got []string
	for _, f := range c.matched["app"] {
		rel, _ := filepath.Rel(dir, f)
		got = append(got, rel)
	}
	if s := strings.Join(got, " "); s != "a.log deep/er/b.log link.log" {
		t.Errorf("found %s", s)
	}
}

// The command fits what it is for, also where other files do not open for other reasons: a directory that nobody may enter is no file.
func TestCommandFitsDirectory(t *testing.T) {
	w := walk{locked: []shut{{"/var/log/round.log", syscall.ELOOP}}, closed: []shut{{"/var/log/app", fs.ErrPermission}}}
	got := closedFiles("", &w)
	if want := "chgrp adm /var/log/app && chmod 750 /var/log/app"; got.code != "SHP-F201" || !slices.Contains(got.fix, want) {
		t.Errorf("%+v, want %s", got, want)
	}
}

// copytruncate is found where it concerns a file that is shipped, and nowhere else.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	log := touch(t, filepath.Join(dir, "log", "app.log"), 0o644)
	for _, tt := range []struct {
		text   string
		status Status
	}{
		{log + " {\n  daily\n  copytruncate\n}\n", Warn},
		{"\"" + filepath.Join(dir, "log") + "/*.log\" /other {\n copytruncate }\n", Warn},
		{log + " {\n  daily\n  create 0640 root adm\n}\n", OK},
		{"/elsewhere/*.log {\n copytruncate\n}\n", OK},
		{"copytruncate\n" + log + " {\n daily\n}\n", Warn},
		{"copytruncate\n" + log + " {\n nocopytruncate\n}\n", OK},
		{log + " {\n # copytruncate\n postrotate\n echo copytruncate {\n endscript\n}\n", OK},
	} {
		if err := os.MkdirAll(filepath.Join(dir, "logrotate.d"), 0o755); err != nil {
			t.Fatal(err)
		}
		touch(t, filepath.Join(dir, "logrotate.d", "app"), 0o644)
		if err := os.WriteFile(filepath.Join(dir, "logrotate.d", "app"), []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		c := newChecker(hostConfig(dir, log), Options{})
		c.etc = dir
		c.files(t.Context())
		s := c.step(StepRotation, "", c.rotation)
		if s.Status != tt.status || s.Status == Warn && s.Code != "SHP-F204" {
			t.Errorf("%q: %+v", tt.text, s)
		}
	}
	// What logrotate.conf says before it includes the others holds for them, too, and its own paths are no logs.
	if err := os.WriteFile(filepath.Join(dir, "logrotate.conf"), []byte("copytruncate\ncompresscmd /usr/bin/xz\ninclude "+dir+"/logrotate.d\n"+log+" {\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "logrotate.d", "app"), []byte(log+" {\n daily\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := newChecker(hostConfig(dir, log), Options{})
	c.etc = dir
	c.files(t.Context())
	want := fmt.Sprintf("%[1]s/logrotate.conf uses copytruncate for %[2]s\n%[1]s/logrotate.d/app uses copytruncate for %[2]s", dir, log)
	if s := c.step(StepRotation, "", c.rotation); s.Detail != want {
		t.Errorf("general: %s, want %s", s.Detail, want)
	}
	c = newChecker(hostConfig(dir, log), Options{})
	c.etc = filepath.Join(dir, "nothing")
	if s := c.step(StepRotation, "", c.rotation); s.Status != Skipped {
		t.Errorf("no logrotate: %+v", s)
	}
}

// A directory that a daemon uses is fine, and check says who uses it; it leaves nothing behind.
func TestStateInUse(t *testing.T) {
	dir := t.TempDir()
	cfg := hostConfig(dir)
	if err := os.Mkdir(cfg.Agent.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	state := func() Step {
		c := newChecker(cfg, Options{})
		return c.step(StepState, "", c.state)
	}
	if s := state(); s.Status != OK || strings.Contains(s.Detail, "in use") {
		t.Errorf("free: %+v", s)
	}
	left, err := os.ReadDir(cfg.Agent.StateDir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	lock, err := durable.Lock(filepath.Join(cfg.Agent.StateDir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	if s := state(); s.Status != OK || !strings.Contains(s.Detail, fmt.Sprintf("in use by a running shipper (process %d)", os.Getpid())) {
		t.Errorf("in use: %+v", s)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	proc := filepath.Join(dir, "proc")
	touch(t, filepath.Join(proc, "fs/inotify/max_user_watches"), 0o644)
	if err := os.WriteFile(filepath.Join(proc, "fs/inotify/max_user_watches"), []byte("10\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg := hostConfig(dir)
	cfg.Agent.MaxOpenFiles = 16
	c := newChecker(cfg, Options{})
	c.proc = proc
	if s := c.step(StepLimits, "", c.limits); s.Status != OK {
		t.Errorf("%+v", s)
	}
	c.directories = 10
	if s := c.step(StepLimits, "", c.limits); s.Status != Warn || s.Code != "SHP-F210" || !strings.Contains(s.Fix[0], "max_user_watches=524288") {
		t.Errorf("%+v", s)
	}
	cfg.Agent.MaxOpenFiles = 1 << 30
	if s := c.step(StepLimits, "", c.limits); s.Status != Warn || s.Code != "SHP-F211" {
		t.Errorf("%+v", s)
	}
}

// A network error has a code of its own kind.
func TestNetworkCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code string
	}{
		{&url.Error{Op: "Get", URL: "https://x", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}}, "SHP-N101"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "SHP-N102"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, "SHP-N103"},
		{os.ErrDeadlineExceeded, "SHP-N104"},
		{fmt.Errorf("something else"), "SHP-N109"},
	} {
		p := &peer{title: "STS", host: "x"}
		p.broken(tt.err)
		if p.trouble.code != tt.code || p.trouble.kind != unreachable || len(p.trouble.fix) == 0 {
			t.Errorf("%v: %+v", tt.err, p.trouble)
		}
	}
}

// When STS does not tell which half is missing, both documents are printed, that of the owner first.
func TestDenialWithoutDetail(t *testing.T) {
	role, err := ram.ParseRole("acs:ram::1111111111111111:role/writer")
	if err != nil {
		t.Fatal(err)
	}
	c := newChecker(hostConfig(t.TempDir()), Options{})
	ch := &chain{c: c, name: "central", who: &creds.Identity{Account: "2222222222222222"}, plan: ram.Plan{
		RoleARN: role, Caller: ram.Principal{Account: "2222222222222222", Kind: ram.Role, Name: "web-host"},
		Targets: []ram.Logstore{{Project: "p", Logstore: "l"}},
	}}
	got := ch.stsTrouble(&creds.Error{ID: "SHP-A103", Op: "AssumeRole", Class: creds.Denied, Code: "NoPermission", HTTPStatus: 403, Whose: creds.Either})
	text := strings.Join(got.fix, "\n")
	a, b := strings.Index(text, "account 1111111111111111"), strings.Index(text, "account 2222222222222222")
	if got.whose != Either || got.kind != denied || a < 0 || b < a || !strings.Contains(text, `"acs:ram::2222222222222222:role/web-host"`) ||
		!strings.Contains(text, `"acs:ram::1111111111111111:role/writer"`) {
		t.Errorf("%+v\n%s", got, text)
	}
}

// The documents of a role cover every target that writes with it.
func TestSets(t *testing.T) {
	cfg := config.Default()
	cfg.Agent.Name = "h"
	target := func(logstore, role, external, credentials string) config.Target {
		t := config.DefaultTarget()
		t.Project, t.Logstore, t.RoleARN, t.Credentials = "proj", logstore, role, credentials
		t.AssumeRole.ExternalID, t.AssumeRole.Duration = external, units.Duration(3600e9)
		return t
	}
	const a, b = "acs:ram::1111111111111111:role/a", "acs:ram::3333333333333333:role/b"
	cfg.Targets = map[string]config.Target{
		"one": target("x", a, "", ""), "two": target("y", a, "", ""), "three": target("z", b, "", ""),
		"four": target("w", a, "id", ""), "five": target("v", "", "", ""),
	}
	var got []string
	for _, s := range Sets(cfg) {
		got = append(got, fmt.Sprintf("%s %v %d %s", s.Plan.RoleARN.RoleName(), s.Targets, len(s.Plan.Targets), s.Plan.Owner))
	}
	want := "a [four] 1 1111111111111111|a [one two] 2 1111111111111111|b [three] 1 3333333333333333"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("%s", s)
	}
	if s := Sets(cfg, "two"); len(s) != 1 || len(s[0].Targets) != 1 {
		t.Errorf("%+v", s)
	}
}
