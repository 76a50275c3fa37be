package codec

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestZstdReader(t *testing.T) {
	want := strings.Repeat("a line of a rotated file\n", 10_000)
	var packed bytes.Buffer
	for range 2 { // two frames, as `cat a.zst b.zst` makes them
		w, err := zstd.NewWriter(&packed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, want); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewZstdReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != want+want {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	bad, err := NewZstdReader(strings.NewReader("not zstd at all"))
	if err == nil {
		_, err = io.ReadAll(bad)
		bad.Close()
	}
	if err == nil {
		t.Error("garbage was unpacked")
	}
}
