package process

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shipper/pkg/tail"
)

// TestRedactOverCuts: what is to be taken away is found also where a line or an event had to be cut in the middle of it.
func TestRedactOverCuts(t *testing.T) {
	star := func(r Redact) []Step { return []Step{{Redact: &r}} }
	token := star(Redact{Regex: `key=\w+`})
	for _, tt := range []struct {
		name   string
		config Config
		in     []piece
		want   []string
	}{
		{"split line", Config{Steps: token}, []piece{{"a key=12", tail.Continued}, {"34 b", tail.Continued}, {"c", 0}, {"d", 0}},
			[]string{"content=a ***", "content= b", "content=c", "content=d"}},
		{"all of a piece", Config{Steps: token}, []piece{{"key=12", tail.Continued}, {"34", 0}}, []string{"content=***", "content="}},
		{"the beginning alone", Config{Steps: token}, []piece{{"key=12", tail.Continued}, {" 34", 0}}, []string{"content=***", "content= 34"}},
		{"twice", Config{Steps: token}, []piece{{"key=1 ke", tail.Continued}, {"y=2 key=3", 0}}, []string{"content=*** ***", "content= ***"}},
		{"groups", Config{Steps: star(Redact{Regex: `key=(\w)\w+`, Replace: new("$1...")})}, []piece{{"key=a", tail.Continued}, {"bc d", 0}},
			[]string{"content=a...", "content= d"}},
		{"a field", Config{Steps: star(Redact{Regex: `key=\w+`, Key: "content"})}, []piece{{"ke", tail.Continued}, {"y=1", 0}}, []string{"content=***", "content="}},
		{"another field", Config{Steps: star(Redact{Regex: `key=\w+`, Key: "other"})}, []piece{{"ke", tail.Continued}, {"y=1", 0}}, []string{"content=ke", "content=y=1"}},
		{"empty lines", Config{Multiline: &Multiline{Start: `^\d`, MaxBytes: 8}, Steps: star(Redact{Regex: `SEC\n\nRET`})},
			plainLines("1 SEC", "", "RETxx", "2"), []string{"content=1 ***", "content=xx", "content=2"}},
		{"max lines", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 2}, Steps: star(Redact{Regex: `(?s)BEGIN.*?END`})},
			plainLines("1", "x BEGIN", "y END z", "2 BEGIN", "3 END"), []string{"content=1\nx ***", "content= z", "content=2 BEGIN", "content=3 END"}},
		{"a line feed is no value", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 1}, Steps: star(Redact{Regex: `\s+`})},
			plainLines("1", "a", " b"), []string{"content=1", "content=a***", "content=b"}},
		{"max bytes", Config{Format: CRI, Multiline: &Multiline{Start: `^\d`, MaxBytes: 6}, Steps: append(token, Step{Remove: []string{"_time_", "_source_"}})},
			plainLines(o1+"P 1 key", o1+"P =234", o1+"F 5 6"), []string{"0501T100000.000000001 content=1 ***", "0501T100000.000000001 content=5 6"}},
		{"cri split line", Config{Format: CRI, Steps: append(token, Step{Remove: []string{"_time_", "_source_"}})},
			[]piece{{o1 + "F a key=1", tail.Continued}, {"2 b", 0}, {o2 + "F c", 0}},
			[]string{"0501T100000.000000001 content=a ***", "0501T100000.000000001 content= b", "0501T100002 content=c"}},
		{"nothing follows", Config{Steps: token}, []piece{{"key=12", tail.Continued}}, []string{"content=***"}},
		{"the rest is left out", Config{Steps: token}, []piece{{"key=12", tail.Continued}, {"345", tail.Skip}, {"6", 0}}, []string{"content=***", "skip", "content=6"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prog := mustNew(t, tt.config)
			ones := slices.Repeat([]int{1}, len(tt.in))
			for _, cuts := range [][]int{nil, ones} {
				if got := play(t, prog, tt.in, cuts...).logs; !slices.Equal(got, tt.want) {
					t.Errorf("chunks %v:\n got %q\nwant %q", cuts, got, tt.want)
				}
			}
		})
	}
}

// TestSeamIsAsGoodAsNone: the pieces of a line that was cut once hold together what redacting all of it leaves.
func TestSeamIsAsGoodAsNone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		re := rapid.SampledFrom([]string{`a+`, `ab`, `b\w*`, `a[^a]*a`, `(?:ab)+|c`}).Draw(rt, "regex")
		text := rapid.StringMatching(`[abc ]{2,30}`).Draw(rt, "text")
		at := rapid.IntRange(1, len(text)-1).Draw(rt, "at")
		prog := mustNew(t, Config{Steps: []Step{{Redact: &Redact{Regex: re}}}})
		var got strings.Builder
		for _, l := range play(t, prog, []piece{{text[:at], tail.Continued}, {text[at:], 0}}).logs {
			got.WriteString(strings.TrimPrefix(l, "content="))
		}
		if want := regexp.MustCompile(re).ReplaceAllString(text, "***"); got.String() != want {
			rt.Fatalf("%q cut at %d: got %q, want %q", text, at, got.String(), want)
		}
	})
}

// TestSeamWaits: a piece waits for the next one, but not for ever, and all that is held is accounted for.
func TestSeamWaits(t *testing.T) {
	prog := mustNew(t, Config{Steps: []Step{{Redact: &Redact{Regex: `key=\w+`}}}})
	f := newFile([]piece{{"key=12", tail.Continued}, {"34 5", tail.Continued}, {"6", 0}})
	r := &record{t: t, file: f.content}
	p := prog.Pipe(r)
	f.write(p, 1, noon)
	if len(r.logs) != 0 || !p.Pending() {
		t.Fatalf("sent at once: %q", r.logs)
	}
	f.write(p, 1, noon)
	if !slices.Equal(r.logs, []string{"content=***"}) {
		t.Fatalf("got %q", r.logs)
	}
	p.Tick(noon.Add(time.Hour))
	if !slices.Equal(r.logs, []string{"content=***", "content= 5"}) || p.Pending() || p.held != 0 {
		t.Fatalf("got %q, %d bytes held", r.logs, p.held)
	}
	f.write(p, 1, noon)
	p.Finish()
	if !slices.Equal(r.logs, []string{"content=***", "content= 5", "content=6"}) || p.held != 0 || r.pos != int64(len(f.content)) {
		t.Errorf("got %q, %d bytes held, %d accounted for", r.logs, p.held, r.pos)
	}
}
