package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testedConfig = `
[target.central]
project  = "sec-logs"
logstore = "web"
region   = "cn-hangzhou"

[input.app]
paths = ["/var/log/app.log"]
[[input.app.step]]
parse = { as = "logfmt" }
[[input.app.step]]
drop_if = { key = "level", regex = "^debug$" }

`

// call runs a command and returns what it printed and its exit code.
func call(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	return writeConfigAt(t, filepath.Join(t.TempDir(), "shipper.toml"), text)
}

func writeConfigAt(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTestPasses(t *testing.T) {
	path := writeConfig(t, testedConfig+`
[[test]]
name  = "fields"
lines = ["level=info msg=hello"]
[[test.log]]
fields = { level = "info", msg = "hello" }

[[test]]
lines = ["level=debug msg=hello", ""]
`)
	out, errs, code := call(t, "test", "-c", path)
	if want := "ok    app: fields\nok    app: test 2\n2 tests, 0 failed\n"; code != exitOK || out != want || errs != "" {
		t.Errorf("exit code %d, stderr %q, stdout:\n%s", code, errs, out)
	}
	if out, _, code := call(t, "test", "-c", path, "-q"); code != exitOK || out != "" {
		t.Errorf("--quiet: exit code %d, stdout %q", code, out)
	}
	if out, _, _ := call(t, "test", "-c", path, "test 2", "-v"); !strings.Contains(out, "drop_if   drops it") || strings.Contains(out, "fields") {
		t.Errorf("one test, verbose:\n%s", out)
	}
	if _, errs, code := call(t, "test", "-c", path, "no such"); code != exitUsage || !strings.Contains(errs, `"no such"`) {
		t.Errorf("unknown test: exit code %d, %q", code, errs)
	}
}

func TestTestFails(t *testing.T) {
	path := writeConfig(t, testedConfig+`
[[test]]
name  = "all that can be wrong"
at    = "2026-05-01T12:00:00Z"
lines = ["level=info msg=\"\\u001b[2J\"", "level=warn"]
[[test.log]]
has   = { level = "error", user = "bob" }
lacks = ["msg"]
time  = "2026-05-01T12:00:01Z"

[[test]]
name  = "dropped"
lines = ["level=debug"]
[[test.log]]
has = { level = "debug" }
`)
	out, _, code := call(t, "test", "-c", path)
	want := `FAIL  app: all that can be wrong   ` + path + `:15
      log 1: field "level"
        want "error"
        got  "info"
      log 1: field "msg" should not be there
        got  "\x1b[2J"
      log 1: field "user" is not there
        want "bob"
      log 1: time
        want 2026-05-01T12:00:01Z
        got  2026-05-01T12:00:00Z
      log 2: sent, and not expected
      what is sent, as the test would say it:
        [[test.log]]
        fields = { level = "info", msg = "\u001b[2J" }
        [[test.log]]
        fields = { level = "warn" }
FAIL  app: dropped   ` + path + `:24
      log 1: expected, and not sent
      every line was dropped; --verbose shows by which step
2 tests, 2 failed
`
	if code != exitProblem || out != want {
		t.Errorf("exit code %d, stdout:\n%s\nwant:\n%s", code, out, want)
	}
	out, _, code = call(t, "test", "-c", path, "--json")
	var got struct {
		Failed int
		Tests  []struct {
			Name        string
			Passed      bool
			Differences []struct {
				Log              int
				Field, Kind, Got string
			}
			Logs []struct{ Fields map[string]string }
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if code != exitProblem || got.Failed != 2 || len(got.Tests) != 2 || len(got.Tests[0].Differences) != 5 || got.Tests[0].Logs[1].Fields["level"] != "warn" {
		t.Errorf("exit code %d, %+v", code, got)
	}
}

func TestTestWithoutTests(t *testing.T) {
	_, errs, code := call(t, "test", "-c", writeConfig(t, testedConfig))
	if code != exitOK || !strings.Contains(errs, "nothing was tested") {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	if _, _, code := call(t, "test", "-c", writeConfig(t, testedConfig+"[[test]]\nlines = 3\n")); code != exitConfig {
		t.Errorf("broken configuration: exit code %d", code)
	}
}

// TestExamples runs the tests of the examples that are shipped.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../configs/examples/*.toml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		out, errs, code := call(t, "test", "-c", path)
		if code != exitOK || strings.Count(out, "ok ") == 0 || errs != "" {
			t.Errorf("%s: exit code %d\n%s%s", path, code, out, errs)
		}
	}
}
