package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// floors lists the packages from the top of the house down. A package may import what stands on a lower floor and, on
// its own floor, what beside names.
var floors = [][]string{
	{"cmd/shipper"},
	{"pkg/daemon", "pkg/emulator"},
	{"pkg/config", "pkg/admin"},
	{"pkg/producer", "pkg/checkpoint", "pkg/process", "pkg/batch"},
	{"pkg/tail", "pkg/creds", "pkg/ram"},
	{"internal"},
}

// beside lists the imports that stay on one floor, with the reason.
var beside = map[string]string{
	"pkg/batch > pkg/checkpoint":    "a sealed batch enters its span in the ledger",
	"pkg/process > pkg/batch":       "steps append to the stream's open batch",
	"pkg/producer > pkg/batch":      "senders take batches",
	"pkg/producer > pkg/checkpoint": "a verdict becomes an outcome in the ledger",
}

// homes names the one place where each outside library is imported.
var homes = map[string]string{
	"github.com/aliyun/aliyun-log-go-sdk": "pkg/producer",
	// Only its requests: the packages that sign and send reach json-iterator, whose reflection makes the binary a quarter larger.
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests": "pkg/creds",
	"github.com/fsnotify/fsnotify":                        "pkg/tail",
	"github.com/bmatcuk/doublestar":                       "pkg/tail",
	"github.com/cespare/xxhash":                           "pkg/tail",
	"golang.org/x/text":                                   "pkg/tail",
	"github.com/BurntSushi/toml":                          "pkg/config",
	"github.com/spf13/cobra":                              "cmd/shipper",
	"github.com/spf13/pflag":                              "cmd/shipper",
	"golang.org/x/term":                                   "cmd/shipper",
	"golang.org/x/crypto/x509roots/fallback":              "cmd/shipper",
	"github.com/prometheus/client_golang":                 "pkg/admin",
	"github.com/coreos/go-systemd":                        "pkg/daemon",
	"github.com/KimMachineGun/automemlimit":               "pkg/daemon",
	"github.com/google/renameio":                          "internal/durable",
	"github.com/pierrec/lz4":                              "internal/codec",
	"github.com/klauspost/compress":                       "internal/codec",
	"golang.org/x/sys":                                    "internal/linux",
	"github.com/valyala/fastjson":                         "pkg/process",
	"github.com/itchyny/timefmt-go":                       "pkg/process",
	"golang.org/x/time":                                   "pkg/producer",
}

func TestFloors(t *testing.T) {
	for _, im := range imports(t) {
		target, ok := strings.CutPrefix(im.path, "shipper/")
		if !ok {
			continue
		}
		from, to := room(im.from), room(target)
		if from == to {
			continue
		}
		ff, tf := floorOf(from), floorOf(to)
		switch {
		case ff < 0 || tf < 0:
			t.Errorf("%s: %s -> %s: a package that stands on no floor; give it one in arch_test.go", im.at, im.from, target)
		case to == "pkg/emulator" && from != "cmd/shipper":
			t.Errorf("%s: only cmd/shipper and tests may import pkg/emulator", im.at)
		case from == "pkg/emulator" && tf < floorOf("pkg/ram"):
			t.Errorf("%s: pkg/emulator judges from outside: it may import pkg/ram and internal only, not %s", im.at, to)
		case ff > tf, ff == tf && from[:3] == "pkg" && beside[from+" > "+to] == "":
			t.Errorf("%s: %s imports %s: imports point down", im.at, from, to)
		}
	}
}

func TestLibrariesComeInOnce(t *testing.T) {
	for _, im := range imports(t) {
		first, _, _ := strings.Cut(im.path, "/")
		if !strings.Contains(first, ".") {
			continue // standard library or our own
		}
		home := ""
		for lib, place := range homes {
			if im.path == lib || strings.HasPrefix(im.path, lib+"/") {
				home = place
			}
		}
		switch {
		case home == "":
			t.Errorf("%s imports %s, which has no home in arch_test.go", im.at, im.path)
		case room(im.from) != home && im.from != home:
			t.Errorf("%s imports %s; only %s may", im.at, im.path, home)
		}
	}
}

type imported struct{ at, from, path string }

// imports reads every import of the program itself: tests and generators may import what they like.
func imports(t *testing.T) []imported {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var out []imported
	walk := func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			out = append(out, imported{at: rel, from: filepath.Dir(rel), path: name})
		}
		return nil
	}
	for _, top := range []string{"cmd", "pkg", "internal"} {
		if err := filepath.WalkDir(filepath.Join(root, top), walk); err != nil {
			t.Fatal(err)
		}
	}
	if len(out) == 0 {
		t.Fatal("no imports found: the test looks in the wrong place")
	}
	return out
}

// room is the package of the house that a directory belongs to: sub-packages share their parent's floor.
func room(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

func floorOf(room string) int {
	for i, rooms := range floors {
		for _, r := range rooms {
			if r == room || r == "internal" && strings.HasPrefix(room, "internal/") {
				return i
			}
		}
	}
	return -1
}
