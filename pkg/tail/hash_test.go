package tail

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestHeadBegins(t *testing.T) {
	var lines strings.Builder
	for i := range 200 {
		fmt.Fprintf(&lines, "line %06d of the application\n", i)
	}
	content := lines.String()
	for _, n := range []int{20, 100, 1000, HeadMax, len(content)} { // bytes when the head was made
		h := HeadOf([]byte(content[:n]))
		for size := range min(len(content), HeadMax) + 1 { // bytes in the copy
			first := content[:size]
			want := size >= firstStep && 2*min(n, HeadMax) >= size
			if got := h.begins([]byte(first)); got != want {
				t.Fatalf("head of %d bytes, the first %d of the content: %v", n, size, got)
			}
			if size >= firstStep && h.begins([]byte("other"+first[5:])) {
				t.Fatalf("head of %d bytes, %d others", n, size)
			}
			if limit := h.shortest(max(size, firstStep)); limit > max(size, firstStep) || limit > len(content) || !h.starts([]byte(content[:limit])) {
				t.Fatalf("head of %d bytes: %d of %d do not start it", n, limit, size)
			}
		}
	}
	if h := (Head{}); h.begins(nil) || !h.Same(nil) {
		t.Error("an empty content")
	}
}

// FuzzHead: a head is that of every content that goes on from there, and of no other.
func FuzzHead(f *testing.F) {
	f.Add([]byte("a line\n"), []byte("another one\n"), 3)
	f.Fuzz(func(t *testing.T, a, b []byte, at int) {
		h := HeadOf(a)
		whole := append(bytes.Clone(a), b...)
		if !h.Same(whole) || h.in(whole) != h {
			t.Error("not the head of what goes on from there")
		}
		if len(a) == 0 || len(a) > HeadMax {
			return
		}
		other := bytes.Clone(a)
		other[uint(at)%uint(len(a))] ^= 1
		if h.Same(other) {
			t.Error("the head of something else")
		}
	})
}
