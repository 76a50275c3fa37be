package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"shipper/pkg/admin"
	"shipper/pkg/tail"
)

// A wrong command line is answered with what is wrong with it, the command that may be meant, and where its help is.
func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want []string
	}{
		{"rnu", exitUsage, []string{"did you mean shipper run?", "see: shipper --help"}},
		{"dlq lst", exitUsage, []string{`"shipper dlq lst"`, "did you mean shipper dlq list?", "see: shipper dlq --help"}},
		{"run now", exitUsage, []string{`shipper run takes no argument, and "now" is one`, "see: shipper run --help"}},
		{"dlq show", exitUsage, []string{"wants one argument: an ID", "see: shipper dlq show --help"}},
		{"offsets set a b", exitUsage, []string{"wants one argument: an offset", "see: shipper offsets set --help"}},
		{"run --onse", exitUsage, []string{"--onse", "see: shipper run --help"}},
		{"status --color red", exitUsage, []string{"auto, always or never"}},
		{"emulator --token-life -5s", exitUsage, []string{"--token-life -5s: a token cannot"}},
		{"offsets forget", exitUsage, []string{"which file?", "see: shipper offsets forget --help"}},
		{"help", exitOK, []string{"Available Commands", "help        Tell what"}},
		{"help dlq list", exitOK, []string{"shipper dlq list"}},
		{"help rnu", exitUsage, []string{"did you mean shipper run?"}},
	} {
		var out, bad bytes.Buffer
		code := run(t.Context(), strings.Fields(tt.args), &out, &bad)
		for _, want := range tt.want {
			if text := out.String() + bad.String(); code != tt.code || !strings.Contains(text, want) {
				t.Errorf("%s: exit code %d, want %d and %q:\n%s", tt.args, code, tt.code, want, text)
			}
		}
	}
}

// Each of several errors is a line that says whose it is.
func TestJoinedErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	for text, want := range map[string][]string{
		`{"accounts":[{"uid":"x"},{"uid":"y"}]}`: {`shipper: world: accounts[0].uid: "x" is not`, `shipper: accounts[1].uid: "y" is not`},
		``:                                       {"world.json: empty, JSON is expected; --print-world"},
		`{} }`:                                   {"world.json: something follows the JSON"},
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, bad bytes.Buffer
		code := run(t.Context(), []string{"emulator", "--world", path}, &out, &bad)
		lines := strings.Split(strings.TrimSpace(bad.String()), "\n")
		if code != exitConfig || len(lines) != len(want) {
			t.Fatalf("exit code %d: %s", code, &bad)
		}
		for i, w := range want {
			if !strings.HasPrefix(lines[i], "shipper: ") || !strings.Contains(lines[i], w) {
				t.Errorf("%s: %s, want %s", text, lines[i], w)
			}
		}
	}
}

// Status says the code that explain takes.
func TestStatusNamesCode(t *testing.T) {
	var out bytes.Buffer
	printTargets(&out, &admin.Status{Targets: []admin.TargetStatus{{Name: "central", LastError: &admin.LastError{ID: "SHP-P401", Verdict: "hold", Code: "Unauthorized", Message: "denied"}}}})
	if !strings.Contains(out.String(), "central: hold Unauthorized: denied [SHP-P401]") {
		t.Error(out.String())
	}
}

// A standard output that takes nothing is trouble with output, not a wrong command line.
func TestOutputFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range []string{"version", "explain", "help"} {
		var bad bytes.Buffer
		if code := run(t.Context(), []string{args}, full, &bad); args != "help" && code != exitIO || strings.Contains(bad.String(), "--help") {
			t.Errorf("%s: exit code %d\n%s", args, code, bad.String())
		}
	}
}

// A path may be given from where one stands, also when several generations of it wait.
func TestSelectRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	path := filepath.Join(dir, "app.log")
	if err := os.WriteFile(path, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	route := tail.Route{Input: "app", Target: "central"}
	here := tail.Epoch{ID: 2, Path: path, Route: route, Identity: tail.Identity{Ino: info.Sys().(*syscall.Stat_t).Ino}}
	rotated := tail.Epoch{ID: 1, Path: path, Route: route}
	for _, asked := range []string{path, "app.log", "./app.log"} {
		pick := selection{path: asked}
		if got, err := pick.one([]tail.Epoch{rotated, here}); err != nil || got.ID != here.ID {
			t.Errorf("%s: %v, %v", asked, got.ID, err)
		}
	}
	pick := selection{path: "other.log", target: "central"}
	if _, err := pick.one([]tail.Epoch{here}); err == nil || !strings.Contains(err.Error(), "--path other.log --target central") {
		t.Errorf("unknown path: %v", err)
	}
}
