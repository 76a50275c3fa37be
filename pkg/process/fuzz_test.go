package process

import (
	"bytes"
	"testing"
	"time"
)

// FuzzSteps: no text makes a parser or a step panic, and every one finds its way out.
func FuzzSteps(f *testing.F) {
	var progs []*Program
	for _, s := range []Step{
		parser(Parse{As: AsJSON}),
		parser(Parse{As: AsLogfmt, Prefix: "p."}),
		parser(Parse{As: AsDelimiter, Separator: "||", Quote: "'", Fields: []string{"a", "", "b"}}),
		parser(Parse{As: AsDelimiter, Quote: `"`, Fields: []string{"a"}}),
		parser(Parse{As: AsNginx}),
		parser(Parse{As: AsNginx, Pattern: "$a $b"}),
		parser(Parse{As: AsRegex, Pattern: `(?P<a>\w+)(?P<b>=.*)?`}),
		{Redact: &Redact{Regex: "a+|b", Replace: new("$1${x}$$")}},
	} {
		progs = append(progs, mustNew(f, Config{Steps: []Step{s, {Rename: map[string]string{"a": "b", "b": "a"}}}}))
	}
	for _, format := range formats {
		progs = append(progs, mustNew(f, Config{Format: format}))
	}
	for _, s := range []string{
		"", `{"a":{"b":[1,"\ud800"]},"a":2}`, `a="\u12" b=c`, `''''||'x'||"`, `1.1.1.1 - - [x] "" 1 1 "" ""`, o1 + "P x", o1 + "F:x y",
		`{"log":"\n","stream":"stderr","time":"2024-05-01T10:00:00Z"}`, "\xff\x00=\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for _, p := range progs {
			kept := bytes.Clone(line)
			tr := p.Inspect(line, noon)
			if !tr.Dropped && len(tr.Stages[len(tr.Stages)-1].Fields) == 0 {
				t.Error("a log without fields")
			}
			if !bytes.Equal(kept, line) {
				t.Error("the line was written to")
			}
		}
	})
}

// FuzzTime: no text makes a layout panic or gives a time that the service cannot hold.
func FuzzTime(f *testing.F) {
	type read = func([]byte, time.Time) (int64, bool)
	var layouts []read
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range []string{
		"rfc3339", "iso8601", "unix", "unix_ms", "unix_us", "unix_ns", "%Y-%m-%dT%H:%M:%S.%f%z", "%c %Z", "%G-W%V-%u", "%j %Y %I %p", "%s",
		"%b %e %H:%M:%S", "Jan _2 15:04:05", "2006-01-02 15:04:05.000 MST -07:00", time.RFC1123, "%+",
	} {
		r, err := reader(l, berlin)
		if err != nil {
			f.Fatalf("%s: %v", l, err)
		}
		layouts = append(layouts, r)
	}
	for _, s := range []string{"2024-05-01T10:00:00.1+01:00", "1714557600.5", "Feb 29 10:00:00", "2024-05-01 10:00:00.000 CET +01:00", "Mon, 02 Jan 2006 15:04:05 MST"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for i, read := range layouts {
			if ns, ok := read(text, noon); ok && (ns < minTime || ns >= maxTime) {
				t.Errorf("layout %d: %q is %d", i, text, ns)
			}
		}
		want, err := time.Parse(time.RFC3339, string(text))
		if got, ok := parseISO(text, berlin, true); ok && err == nil && got != want.UnixNano() {
			t.Errorf("%q: got %d, the library says %d", text, got, want.UnixNano())
		}
	})
}

// FuzzConfig: no setting makes Validate panic, and what it takes can run.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"(?P<a>x)", "$a $b", "%Y-%m-%d", "2006-01-02", "(?=x)\\", "[", "${", "%", "a++", "Asia/Shanghai"} {
		f.Add(s, "line 2006-01-02")
	}
	f.Fuzz(func(t *testing.T, s, line string) {
		for _, c := range []Config{
			{Format: s}, {Multiline: &Multiline{Start: s}}, {Steps: []Step{parser(Parse{As: AsRegex, Pattern: s})}},
			{Steps: []Step{parser(Parse{As: AsNginx, Pattern: s})}}, {Steps: []Step{{Time: &Time{Key: ContentKey, Layout: s, Zone: s}}}},
			{Steps: []Step{{Time: &Time{Key: ContentKey, Layout: s}}}}, {Steps: []Step{{Redact: &Redact{Regex: s, Replace: &line}}}},
			{Steps: []Step{parser(Parse{As: AsDelimiter, Separator: s, Quote: line[:min(1, len(line))], Fields: []string{"a", s}})}},
		} {
			if p, err := New(c); err == nil {
				p.Inspect([]byte(line), noon)
			}
		}
	})
}

// FuzzPipe: the sizes add up, whatever stands in the file.
func FuzzPipe(f *testing.F) {
	var progs []*Program
	for _, c := range worlds() {
		progs = append(progs, mustNew(f, c))
	}
	f.Add(uint8(0), []byte("1 a\n b\n2"), uint8(1))
	f.Add(uint8(90), []byte(o1+"P x\n"+e1+"F y\n"+o1+"F z"), uint8(2))
	f.Fuzz(func(t *testing.T, world uint8, content []byte, cut uint8) {
		var pieces []piece
		for _, l := range bytes.Split(content, []byte("\n")) {
			pieces = append(pieces, piece{text: string(l)})
		}
		prog := progs[int(world)%len(progs)]
		one, many := play(t, prog, pieces), play(t, prog, pieces, int(cut), 1)
		if len(one.logs) != len(many.logs) {
			t.Errorf("%d logs in one chunk, %d in three", len(one.logs), len(many.logs))
		}
	})
}
