package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipper/pkg/daemon"
)

// TestDryRun reads everything, asks nobody, and leaves the state directory as it was, byte for byte.
func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer srv.Close()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := writeConfigAt(t, filepath.Join(dir, "shipper.toml"), fmt.Sprintf(`
[agent]
state_dir = %[1]q
[admin]
listen = ""
[credentials.host]
source = "static"
access_key_id = "x"
access_key_secret = "y"
[target.central]
project = "sec-logs"
logstore = "web"
region = "cn-hangzhou"
role_arn = "acs:ram::1111111111111111:role/shipper-writer"
endpoint = %[2]q
assume_role.sts_endpoint = %[2]q
[input.plain]
paths = [%[3]q]
[input.steps]
paths = [%[4]q]
[[input.steps.step]]
parse = { as = "json" }
[[input.steps.step]]
drop_if = { key = "level", regex = "debug" }
`, filepath.Join(dir, "state"), srv.URL, filepath.Join(dir, "plain*.log"), filepath.Join(dir, "steps.log")))
	if _, errs, code := call(t, "run", "--dry-run", "-q", "-c", config); code != exitNoInput {
		t.Errorf("no file: exit code %d, %s", code, errs)
	}
	write("plain.log", strings.Repeat("a line of some length\n", 200_000))
	write("steps.log", "{\"level\":\"debug\"}\n{\"level\":\"info\"}\nno json\n")
	look := func() (r daemon.DryRun) {
		t.Helper()
		out, errs, code := call(t, "run", "--dry-run", "--json", "-q", "-c", config)
		if code != exitOK {
			t.Fatalf("exit code %d, %s", code, errs)
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := look()
	c := first.Targets[0]
	if !first.Complete || c.Logs != 200_002 || c.Requests < 4 || c.Raw < 4<<20 || c.Compressed < 1 || c.Compressed > c.Raw/2 {
		t.Errorf("target: %+v", c)
	}
	if f := first.Files[0]; f.From != 0 || f.Read != 4_400_000 || f.Sent != f.Read {
		t.Errorf("file: %+v", f)
	}
	if in := first.Inputs[1]; in.Dropped != 1 || len(in.Steps) != 1 || in.Steps[0].Failed != 1 {
		t.Errorf("steps: %+v", in)
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err == nil {
		t.Error("it made a state directory")
	}

	// With positions, as a run that got nothing through leaves them: they are the same afterwards, and so is the answer.
	if _, errs, code := call(t, "run", "--once", "-q", "-c", config, "--set", "agent.drain_limit=200ms", "--set", "agent.drain=host"); code == exitOK {
		t.Fatalf("the run got through: %s", errs)
	}
	was, before := asked, content(t, filepath.Join(dir, "state"))
	if again := look(); again.Targets[0].Logs != c.Logs || again.Files[0].From != 0 {
		t.Errorf("after a run that sent nothing: %+v %+v", again.Targets[0], again.Files[0])
	}
	if asked != was || content(t, filepath.Join(dir, "state")) != before {
		t.Errorf("%d requests; state changed: %v", asked-was, content(t, filepath.Join(dir, "state")) != before)
	}
	out, _, code := call(t, "run", "--dry-run", "-q", "--quiet=false", "-c", config)
	if code != exitOK || !strings.HasPrefix(out, "dry run: nothing was sent") || !strings.Contains(out, "input steps: steps drop 1 log\n") || !strings.Contains(out, `input steps: 1 log that step "1 parse json" could not make sense of`) {
		t.Errorf("exit code %d, printed\n%s", code, out)
	}
}

// content is every file of a directory.
func content(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %q\n", path, text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
