package deadletter

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"
)

// A line is what encoding/json makes of a letter, but costs no memory of the letter's size.
func TestLine(t *testing.T) {
	for _, n := range []int{1, 2, 3, 100_000, 1 << 20} {
		l := letter(1)
		l.Group = bytes.Repeat([]byte{0xfe, 1, 2}, n)[:n]
		want, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		line, err := lineOf(l)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := line.write(&got); err != nil || got.String() != string(want)+"\n" || line.size() != int64(got.Len()) {
			t.Errorf("%d bytes: %v, %d bytes of %d, said %d", n, err, got.Len(), len(want)+1, line.size())
		}
	}
	l := letter(1)
	l.Group = make([]byte, 8<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	line, err := lineOf(l)
	if err == nil {
		err = line.write(null{})
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err != nil || n > 1<<20 {
		t.Errorf("%d bytes for a letter of %d: %v", n, len(l.Group), err)
	}
}

type null struct{}

func (null) Write(p []byte) (int, error) { return len(p), nil }
