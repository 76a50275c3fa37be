package tail

import (
	"bytes"
	"fmt"
	"testing"
)

// TestFindMarker: found at the first end of a line where it stands, across the borders of blocks, and not behind the end.
func TestFindMarker(t *testing.T) {
	var text []byte
	var ends []int64
	for i := 0; len(text) < 2*keepTailBlock+1000; i++ {
		text = fmt.Appendf(text, "line %d of a file that is longer than a block\n", i)
		ends = append(ends, int64(len(text)))
	}
	c := bytes.NewReader(text)
	check := func(end int64) {
		t.Helper()
		m := MarkerOf(text[max(0, end-MarkerMax):end])
		if at, err := findMarker(c, m, int64(len(text))); at != end || err != nil {
			t.Errorf("marker of %d bytes that ends at %d: found at %d, %v", m.Len, end, at, err)
		}
		if at, err := findMarker(c, m, end-1); at != -1 || err != nil {
			t.Errorf("marker that ends at %d: found at %d before %d, %v", end, at, end-1, err)
		}
	}
	for _, border := range []int64{0, MarkerMax, keepTailBlock, 2 * keepTailBlock} {
		for _, end := range ends {
			if end > border-300 && end < border+300 {
				check(end)
			}
		}
	}
	check(ends[len(ends)-1])
	if at, err := findMarker(c, Marker{Len: MarkerMax, Sum: 1}, int64(len(text))); at != -1 || err != nil {
		t.Errorf("something else: found at %d, %v", at, err)
	}
}
