package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuaranteesAreTested holds docs/guarantees.md to its table: every test that it names is there.
func TestGuaranteesAreTested(t *testing.T) {
	b, err := os.ReadFile("../../docs/guarantees.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "| claim | test |")
	if !ok {
		t.Fatal("there is no table of claims")
	}
	row := regexp.MustCompile("`((?:cmd|pkg|internal)/[a-z0-9/]+)` ([^`|]+)")
	name := regexp.MustCompile(`\bTest\w+`)
	found := 0
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		source := testSource(t, filepath.Join("../..", m[1]))
		for _, test := range name.FindAllString(m[2], -1) {
			found++
			if !strings.Contains(source, "func "+test+"(t *testing.T)") {
				t.Errorf("%s has no %s", m[1], test)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d tests were recognised in the table", found)
	}
}

func testSource(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
