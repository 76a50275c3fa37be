package check

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipper/pkg/config"
	"shipper/pkg/creds"
)

// A warning about the configuration is said once.
func TestWarningOnce(t *testing.T) {
	const text = "access_key_secret can be read by everybody"
	cfg := hostConfig(t.TempDir())
	cfg.Warnings = config.Warnings{{File: "shipper.toml", Line: 7, Code: "SHP-C102", Message: text}}
	c := newChecker(cfg, Options{})
	s := c.step(StepConfig, "", c.configuration)
	if n := strings.Count(s.Detail+s.Cause+strings.Join(s.Fix, "\n"), text); n != 1 || s.Status != Warn || s.Code != "SHP-C102" {
		t.Errorf("said %d times: %+v", n, s)
	}
}

// Names of settings stay as they are written, also where a sentence begins with them.
func TestSentences(t *testing.T) {
	for in, want := range map[string]string{
		"the role is missing": "The role is missing.", "max_memory is too small": "max_memory is too small.",
		"admin.listen answers": "admin.listen answers.", "shipper check says": "shipper check says.", "stored.": "Stored.", "": "",
	} {
		if got := ended(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// Files of another user in the state directory keep the daemon out although the directory itself can be written.
func TestStateOfAnotherUser(t *testing.T) {
	dir := os.Getenv("CHECK_DIR")
	if dir == "" {
		dir = t.TempDir()
		touch(t, filepath.Join(dir, "state", "lock"), 0o600)
		if err := os.Chmod(filepath.Join(dir, "state"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if !asNobody(t, dir) {
		return
	}
	c := newChecker(hostConfig(dir), Options{})
	s := c.step(StepState, "", c.state)
	if s.Status != Fail || s.Code != "SHP-K101" || !strings.Contains(s.Detail, "lock: permission denied (0600 root:root)") || !strings.Contains(s.Fix[0], "chown -R nobody") {
		t.Errorf("%+v", s)
	}
}

// A key file that this user may not read is opened to him; a source that is not there is to be configured.
func TestIdentityFix(t *testing.T) {
	path := touch(t, filepath.Join(t.TempDir(), "a secret"), 0o600)
	denied := &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	if got := identityFix(denied, " ([x])"); len(got) != 2 || !strings.HasSuffix(got[0], " ([x]):") || !strings.HasPrefix(got[1], "chgrp ") || !strings.HasSuffix(got[1], "chmod 0640 '"+path+"'") {
		t.Errorf("%q", got)
	}
	if got := identityFix(&fs.PathError{Op: "open", Path: path + "/below", Err: fs.ErrPermission}, ""); !strings.Contains(got[0], "directories above") {
		t.Error(got)
	}
	var handed creds.Secret
	if err := handed.UnmarshalTOML(map[string]any{"credential": "id"}); err != nil {
		t.Fatal(err)
	}
	_, err := handed.Read(func(string) string { return "" })
	if got := identityFix(err, ""); !strings.Contains(got[0], "as root while the service runs") {
		t.Error(got)
	}
	if got := identityFix(errors.New("nothing is set"), ""); !strings.Contains(got[0], "docs/configuration.md") {
		t.Error(got)
	}
}
