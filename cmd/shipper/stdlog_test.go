package main

import (
	"bytes"
	"log"
	"os"
	"path/filepath"
	"testing"

	"shipper/pkg/config"
)

// What libraries tell the standard logger comes in the format of the log, at level debug.
func TestStandardLogger(t *testing.T) {
	stderr := os.Stderr
	t.Cleanup(func() {
		os.Stderr = stderr
		log.SetOutput(stderr)
		log.SetFlags(log.LstdFlags)
	})
	for verbose, want := range map[bool]string{false: "", true: `"level":"DEBUG","msg":"Unsolicited response\n of \"x\""}`} {
		file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		os.Stderr = file
		g := &global{stderr: os.Stderr, verbose: verbose}
		g.logger(config.Log{Level: "info", Format: "json"})
		log.Print("Unsolicited response\n of \"x\"")
		got, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, []byte(want)) || verbose == (len(got) == 0) {
			t.Errorf("verbose %t: %s", verbose, got)
		}
	}
}
