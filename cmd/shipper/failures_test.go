package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFailuresAreShown holds docs/failures.md to its last column: every script, test and benchmark that it names is there.
func TestFailuresAreShown(t *testing.T) {
	b, err := os.ReadFile("../../docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| .+ \| (.+#\d+) \| (.+) \|$`)
	group := regexp.MustCompile("^`((?:pkg|internal)/[a-z0-9/]+)` (.+)$")
	rows := row.FindAllStringSubmatch(string(b), -1)
	if n := strings.Count(string(b), "\n| ") - strings.Count(string(b), "\n| what went wrong |"); len(rows) != n || n < 80 {
		t.Errorf("%d of %d rows have reports and what shows them", len(rows), n)
	}
	for _, r := range rows {
		for _, part := range strings.Split(r[2], "; ") {
			m := group.FindStringSubmatch(part)
			if m == nil {
				t.Errorf("%q names no package", part)
				continue
			}
			for _, name := range strings.Split(m[2], ", ") {
				if !isShown(t, filepath.Join("../..", m[1]), name) {
					t.Errorf("%s has no %s", m[1], name)
				}
			}
		}
	}
}

// isShown reports whether the package in dir has a test, a benchmark or a script of that name.
func isShown(t *testing.T, dir, name string) bool {
	t.Helper()
	if strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Benchmark") {
		return strings.Contains(testSource(t, dir), "\nfunc "+name+"(")
	}
	for _, scripts := range []string{"testdata", "testdata/model"} {
		if _, err := os.Stat(filepath.Join(dir, scripts, name+".txt")); err == nil {
			return true
		}
	}
	return false
}
