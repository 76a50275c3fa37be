package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"
)

// What is written file by file is what json.Encoder makes of the whole.
func TestStatusIsWhole(t *testing.T) {
	file := FileStatus{Path: "/var/log/<a>\n      \"files\": null.log", Size: 7, State: "active", LagSeconds: 0.25, Error: "x"}
	for name, inputs := range map[string][]InputStatus{
		"nil": nil, "none": {}, "no files": {{Name: "a", Files: []FileStatus{}}, {Name: "b"}},
		"some": {{Name: "a", Target: "t", Files: []FileStatus{file}}, {Name: "b", Target: "t", Files: []FileStatus{file, {}, file}}},
	} {
		s := Status{Schema: 1, Version: "\n  \"inputs\": null", Started: time.Unix(0, 0).UTC(), Reasons: []string{"why"}, Inputs: inputs}
		var want, got bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		if err := writeStatus(&got, s); err != nil || got.String() != want.String() {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, &got, &want)
		}
	}
}

// The status of many files takes no memory of its own size.
func TestStatusIsWrittenInPieces(t *testing.T) {
	s := Status{Inputs: []InputStatus{{Files: make([]FileStatus, 5000)}}}
	for i := range s.Inputs[0].Files {
		s.Inputs[0].Files[i].Path = fmt.Sprintf("/var/log/service-%d.log", i)
	}
	w := &meter{}
	if err := writeStatus(w, s); err != nil {
		t.Fatal(err)
	}
	if w.n < 1<<20 || w.most > 64<<10 {
		t.Errorf("%d bytes, %d of them at once", w.n, w.most)
	}
	if w.heap > 3<<20 {
		t.Errorf("%d bytes of memory for a status of %d", w.heap, w.n)
	}
}

// meter counts what is written, and by how much that lets the heap grow.
type meter struct {
	n, most      int
	before, heap uint64
}

func (m *meter) Write(p []byte) (int, error) {
	m.n, m.most = m.n+len(p), max(m.most, len(p))
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	if m.before == 0 {
		m.before = s.HeapAlloc
	}
	m.heap = max(m.heap, s.HeapAlloc-min(m.before, s.HeapAlloc))
	return len(p), nil
}
