package tail

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipper/internal/units"
)

// What is left out of a long line stays left out, wherever in it a life begins or a jump ends.
func TestInsideLongLine(t *testing.T) {
	x, wide := strings.Repeat("x", 80), strings.Repeat("好", 30)
	for name, tt := range map[string]struct {
		file  string
		off   int64 // settled up to here
		ahead []Range
		max   int64
		long  string
		want  []string
	}{
		"begun":              {"one\n" + x + "\nend\n", 4 + 64, nil, 64, "truncate", []string{"end"}},
		"odd limit":          {"one\n" + x + "\nend\n", 4 + 64, nil, 65, "truncate", []string{"end"}},
		"between characters": {"one\n" + wide + "\nend\n", 4 + 63, nil, 65, "truncate", []string{"end"}},
		"at its end":         {"one\n" + x + "\nend\n", 4 + 80, nil, 64, "truncate", []string{"end"}},
		"from the beginning": {x + "\nend\n", 64, nil, 64, "truncate", []string{"end"}},
		"jumped into":        {"one\n" + x + "\nend\n", 0, []Range{{4, 4 + 64}}, 64, "truncate", []string{"one", "end"}},
		"jumped out of":      {"one\n" + x + "\nend\n", 4 + 64, []Range{{4 + 70, 4 + 81}}, 64, "truncate", []string{"end"}},
		"a part was flushed": {"one\n" + x[:64] + "\nend\n", 4 + 63, nil, 64, "truncate", []string{"x", "end"}},
		"all of it":          {"one\n" + x[:64] + "\r\nend\n", 4 + 64, nil, 64, "truncate", []string{"end"}},
		"up to a jump into":  {"one\n" + x + "\nend\n", 0, []Range{{4 + 64, 4 + 81}}, 64, "skip", []string{"one", "end"}},
		"up to a flushed":    {"one\n" + x[:60] + "\nend\n", 0, []Range{{4 + 20, 4 + 61}}, 64, "skip", []string{"one", x[:20], "end"}},
	} {
		dir, w := t.TempDir(), newWorld(t)
		path := filepath.Join(dir, "app.log")
		write(t, path, tt.file)
		o := w.options(path)
		o.Inputs[0].Config.MaxLine, o.Inputs[0].Config.LongLine = units.Bytes(tt.max), tt.long
		tl := still(t, w, o)
		drain(tl)
		w.take("a")
		tl.Close()
		e := w.ledger.epochs[1]
		e.Offset, e.Marker, e.Ahead = tt.off, MarkerOf([]byte(tt.file[:tt.off])), tt.ahead
		tl = still(t, w, o)
		drain(tl)
		var got []string
		for _, l := range w.take("a") {
			got = append(got, l.text)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
