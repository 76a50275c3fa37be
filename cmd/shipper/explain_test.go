package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"shipper/pkg/daemon/check"
)

func explain(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, bad bytes.Buffer
	code := run(t.Context(), append([]string{"explain"}, args...), &out, &bad)
	return code, out.String() + bad.String()
}

func TestExplain(t *testing.T) {
	for _, name := range []string{"SHP-A103", "shp-a103", "A103"} {
		if code, out := explain(t, name); code != exitOK || !strings.HasPrefix(out, "SHP-A103  ") || !strings.Contains(out, "trust policy") {
			t.Errorf("explain %s: %d %s", name, code, out)
		}
	}
	if code, out := explain(t, "SHP-X999"); code != exitUsage || !strings.Contains(out, "SHP-X999") {
		t.Errorf("unknown code: %d %s", code, out)
	}
	var list struct{ Codes []check.Entry }
	if code, out := explain(t, "--json"); code != exitOK || json.Unmarshal([]byte(out), &list) != nil || len(list.Codes) < 100 {
		t.Errorf("--json: %d, %d codes", code, len(list.Codes))
	}
	_, out := explain(t)
	for _, e := range list.Codes {
		if !strings.Contains(out, e.Code) {
			t.Errorf("%s is not listed", e.Code)
		}
	}
	var one check.Entry
	if _, out := explain(t, "K101", "--json"); json.Unmarshal([]byte(out), &one) != nil || one.Code != "SHP-K101" {
		t.Errorf("one code as JSON: %s", out)
	}
}

// Every code is there once, with words.
func TestCatalogueWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range check.Catalogue() {
		if seen[e.Code] {
			t.Errorf("%s is there twice", e.Code)
		}
		seen[e.Code] = true
		if e.Title == "" || e.Part == "" || e.Means == "" && e.Fix == "" {
			t.Errorf("%s says too little: %+v", e.Code, e)
		}
	}
}

// Every code in the sources of the program can be explained.
func TestCatalogueKnowsSources(t *testing.T) {
	code := regexp.MustCompile(`SHP-[A-Z][0-9]+[a-z]*`)
	found := 0
	for _, top := range []string{"../../cmd", "../../pkg", "../../internal"} {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, c := range code.FindAllString(string(text), -1) {
				if strings.HasSuffix(c, "x") || isPart(c) {
					continue // SHP-C0xx, SHP-A1: families
				}
				found++
				if _, ok := check.Explain(c); !ok {
					t.Errorf("%s: %s is not in the catalogue (pkg/daemon/check/codes.go)", path, c)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 100 {
		t.Errorf("only %d codes found: the test looks in the wrong place", found)
	}
}

func isPart(s string) bool {
	for _, p := range check.Parts() {
		if p.Prefix == s {
			return true
		}
	}
	return false
}

// docs/codes.md is what go generate would write.
func TestCodesPageFresh(t *testing.T) {
	text, err := os.ReadFile("../../docs/codes.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != codesPage(check.Catalogue()) {
		t.Error("docs/codes.md is stale; run: go generate ./cmd/shipper")
	}
}
