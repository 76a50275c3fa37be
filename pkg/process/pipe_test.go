package process

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shipper/internal/units"
	"shipper/pkg/tail"
)

const (
	o1 = "2024-05-01T10:00:00.000000001Z stdout "
	o2 = "2024-05-01T10:00:02Z stdout "
	e1 = "2024-05-01T18:00:01+08:00 stderr "
)

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		in     []piece
		want   []string
	}{
		{"start", Config{Multiline: &Multiline{Start: `^\d`}}, plainLines("lost", "1 a", " b", " c", "2 d", "3 e"),
			[]string{"content=lost", "content=1 a\n b\n c", "content=2 d", "content=3 e"}},
		{"start and continue", Config{Multiline: &Multiline{Start: `^\d`, Continue: `^\s`}}, plainLines("1 a", " b", "x", " c", "2"),
			[]string{"content=1 a\n b", "content=x", "content= c", "content=2"}},
		{"continue", Config{Multiline: &Multiline{Continue: `^\s`}}, plainLines("a", " b", "c", "d", " e"),
			[]string{"content=a\n b", "content=c", "content=d\n e"}},
		{"end", Config{Multiline: &Multiline{End: `;$`}}, plainLines("a", "b;", "c;", "d"),
			[]string{"content=a\nb;", "content=c;", "content=d"}},
		{"max lines", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 2}}, plainLines("1", "a", "b", "c", "2"),
			[]string{"content=1\na", "content=b\nc", "content=2"}},
		{"max bytes", Config{Multiline: &Multiline{Start: `^\d`, MaxBytes: 6}}, plainLines("1", "aaaa", "bbbbbbbbbbbb", "c", "2"),
			[]string{"content=1\naaaa", "content=bbbbbbbbbbbb", "content=c", "content=2"}},
		{"pieces share the fate of the first", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 1},
			Steps: []Step{{DropIf: &Match{Regex: "^1"}}, {Redact: &Redact{Regex: "b+"}}}}, plainLines("1", "a", "2", "1", "bb"),
			[]string{"skip", "skip", "content=2", "skip", "skip"}},
		{"keep_if keeps pieces", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 1},
			Steps: []Step{{KeepIf: &Match{Regex: "^1"}}, {Redact: &Redact{Regex: "b+"}}}}, plainLines("1", "abb", "2"),
			[]string{"content=1", "content=a***", "skip"}},
		{"split line", Config{Steps: []Step{{DropIf: &Match{Regex: "^x"}}}},
			[]piece{{"x1", tail.Continued}, {"x2", tail.Continued}, {"3", 0}, {"4", tail.Continued}, {"x5", 0}},
			[]string{"skip", "skip", "skip", "content=4", "content=x5"}},
		{"split line in an event", Config{Multiline: &Multiline{Start: `^\d`}},
			[]piece{{"1a", tail.Continued}, {"1b", 0}, {" c", 0}, {"2", 0}},
			[]string{"content=1a1b\n c", "content=2"}},
		{"hole in an event", Config{Multiline: &Multiline{Start: `^\d`}},
			[]piece{{"1", 0}, {"a", 0}, {"long", tail.Skip}, {"b", 0}, {"2", 0}},
			[]string{"content=1\na", "skip", "content=b", "content=2"}},
		{"empty lines in an event", Config{Multiline: &Multiline{Start: `^\d`}}, plainLines("1", "", "a", "", "", "b", "", "2", ""),
			[]string{"content=1\n\na\n\n\nb", "content=2"}},
		{"empty lines count", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 3}}, plainLines("1", "", "a", "b", "", "", "", "c", "2"),
			[]string{"content=1\n\na", "content=b", "content=c", "content=2"}},
		{"empty lines and continue", Config{Multiline: &Multiline{Continue: `^\s`}, Steps: []Step{{DropIf: &Match{Regex: "^a"}}}}, plainLines("a", "", " b", "", "c"),
			[]string{"skip", "skip", "content= b", "skip", "content=c"}},
		{"empty lines continue", Config{Multiline: &Multiline{Continue: `^(\s|$)`}}, plainLines("", "a", "", " b", "", "c"),
			[]string{"skip", "content=a\n\n b", "content=c"}},
		{"empty lines before an end", Config{Multiline: &Multiline{End: `;$`}}, plainLines("a", "", "b;", "", "c"),
			[]string{"content=a\n\nb;", "skip", "content=c"}},
		{"paragraphs", Config{Multiline: &Multiline{End: `^$`}, Steps: []Step{{DropIf: &Match{Regex: "^a"}}}}, plainLines("a", "b", "", "c", "d", "", "", "e"),
			[]string{"skip", "content=c\nd", "skip", "content=e"}},
		{"paragraphs by start", Config{Multiline: &Multiline{Start: `^$`}}, plainLines("a", "b", "", "c", "d"),
			[]string{"content=a\nb", "skip", "content=c\nd"}},
		{"short hole in an event", Config{Multiline: &Multiline{Start: `^\d`}},
			[]piece{{"1", 0}, {"a", 0}, {"", tail.Skip}, {"b", 0}, {"2", 0}},
			[]string{"content=1\na", "skip", "content=b", "content=2"}},
		{"empty line behind a long one", Config{Multiline: &Multiline{Start: `^\d`}},
			[]piece{{"1", 0}, {"a", tail.Truncated}, {"", tail.Skip}, {"2", 0}, {"", 0}, {"b", 0}},
			[]string{"content=1\na", "skip", "content=2\n\nb"}},
		{"empty line behind an event that was cut", Config{Multiline: &Multiline{End: `;$`}, Steps: []Step{{DropIf: &Match{Regex: "^a"}}}},
			[]piece{{"a", tail.Truncated}, {"bb", tail.Skip}, {"", 0}, {"c;", 0}, {"d", 0}},
			[]string{"skip", "skip", "skip", "skip", "content=d"}},
		{"end of a line that was flushed", Config{Multiline: &Multiline{Start: `^\d`}},
			[]piece{{"1", 0}, {"a", tail.Unterminated}, {"", 0}, {"b", 0}, {"2", tail.Unterminated}, {"", 0}, {"", 0}, {"c", 0}},
			[]string{"content=1\na\nb", "content=2\n\nc"}},
		{"rest of a line that was flushed", Config{Multiline: &Multiline{End: `;$`}},
			[]piece{{"1 a", tail.Unterminated}, {"2 b", tail.Unterminated}, {"c", 0}, {"d", tail.Unterminated}, {";", 0}, {"3", tail.Unterminated}, {";", tail.Unterminated}, {"4;", 0}},
			[]string{"content=1 a2 bc\nd;", "content=3;", "content=4;"}},
		{"rest of a line that was flushed begins nothing", Config{Multiline: &Multiline{Start: `^\d`, MaxLines: 3}},
			[]piece{{"1", 0}, {" a", tail.Unterminated}, {"2b", 0}, {" c", 0}, {"d", tail.Unterminated}, {"e", 0}, {"2", 0}},
			[]string{"content=1\n a2b\n c", "content=de", "content=2"}},
		{"end of a flushed line is no empty line", Config{Multiline: &Multiline{End: `^$`}},
			[]piece{{"a", tail.Unterminated}, {"", 0}, {"b", 0}, {"", 0}, {"c", 0}},
			[]string{"content=a\nb", "content=c"}},
		{"end of a flushed line, alone", Config{Steps: []Step{{Add: map[string]string{"x": "y"}}}},
			[]piece{{"a", tail.Unterminated}, {"", 0}, {"b", 0}},
			[]string{"content=a x=y", "skip", "content=b x=y"}},
		{"end of a flushed line of a container", Config{Format: CRI, Steps: []Step{{Remove: []string{"_time_"}}}},
			[]piece{{o1 + "P a", 0}, {o1 + "F b", tail.Unterminated}, {"", 0}, {e1 + "P x", 0}, {o2 + "P c", tail.Unterminated}, {"", 0}, {e1 + "F y", 0}, {o2 + "F d", 0}},
			[]string{"0501T100000.000000001 content=ab _source_=stdout", "skip", "0501T100001 content=xy _source_=stderr", "0501T100002 content=cd _source_=stdout"}},
		{"end of a long line", Config{Multiline: &Multiline{Start: `^\d`}},
			[]piece{{"1", 0}, {"aaa", tail.Truncated}, {"", tail.Skip}, {"b", 0}, {"2", 0}},
			[]string{"content=1\naaa", "skip", "content=b", "content=2"}},
		{"cri", Config{Format: CRI}, plainLines(o1+"F one", o1+"F ", e1+"F two  x", o2+"F", "no cri", o2+"X x"),
			[]string{
				"0501T100000.000000001 content=one _time_=2024-05-01T10:00:00.000000001Z _source_=stdout",
				"0501T100000.000000001 content= _time_=2024-05-01T10:00:00.000000001Z _source_=stdout",
				"0501T100001 content=two  x _time_=2024-05-01T18:00:01+08:00 _source_=stderr",
				"0501T100002 content= _time_=2024-05-01T10:00:02Z _source_=stdout",
				"content=no cri", "content=2024-05-01T10:00:02Z stdout X x",
			}},
		{"cri parts", Config{Format: CRI, Steps: []Step{{Remove: []string{"_time_"}}}},
			plainLines(o1+"P one,", e1+"P x", o2+"P two,", e1+"F y", o2+"F three", o2+"F four", o2+"P five"),
			[]string{
				"0501T100000.000000001 content=one,two,three _source_=stdout", "0501T100001 content=xy _source_=stderr",
				"0501T100002 content=four _source_=stdout", "0501T100002 content=five _source_=stdout",
			}},
		{"cri events", Config{Format: CRI, Multiline: &Multiline{Continue: `^\s`}, Steps: []Step{{Remove: []string{"_time_"}}}},
			plainLines(o1+"F a", e1+"F x", o1+"P  b", o1+"F ,b", e1+"F  y", o1+"F c"),
			[]string{
				"0501T100000.000000001 content=a\n b,b _source_=stdout", "0501T100001 content=x\n y _source_=stderr",
				"0501T100000.000000001 content=c _source_=stdout",
			}},
		{"cri bad line ends a part", Config{Format: CRI, Steps: []Step{{Remove: []string{"_time_"}}}}, plainLines(o1+"P a", "bad", o2+"F b"),
			[]string{"0501T100000.000000001 content=a _source_=stdout", "content=bad", "0501T100002 content=b _source_=stdout"}},
		{"cri split line", Config{Format: CRI, Steps: []Step{{Remove: []string{"_time_"}}}},
			[]piece{{o1 + "F aaa", tail.Continued}, {"bbb", 0}, {o2 + "F c", 0}},
			[]string{"0501T100000.000000001 content=aaa _source_=stdout", "0501T100000.000000001 content=bbb _source_=stdout", "0501T100002 content=c _source_=stdout"}},
		{"docker", Config{Format: Docker}, plainLines(
			`{"log":"one \u4e2d\n","stream":"stdout","time":"2024-05-01T10:00:00.5Z"}`,
			`{"log":"tw","stream":"stderr","time":"2024-05-01T10:00:01Z"}`,
			`{"log":"three\r\n","stream":"stdout","time":"2024-05-01T10:00:02Z"}`,
			`{"log":"o\n","stream":"stderr","time":"2024-05-01T10:00:03Z"}`,
			`{"log":3}`, `{"log":"x\n","stream":"stdout"}`),
			[]string{
				"0501T100000.5 content=one 中 _time_=2024-05-01T10:00:00.5Z _source_=stdout",
				"0501T100001 content=two _time_=2024-05-01T10:00:01Z _source_=stderr",
				"0501T100002 content=three _time_=2024-05-01T10:00:02Z _source_=stdout",
				`content={"log":3}`, `content={"log":"x\n","stream":"stdout"}`,
			}},
		{"json", Config{Format: JSON}, plainLines(`{"a":"x","b":{ "c": [1, 2] },"":null,"d":1.50,"e":true}`, `{"a":`, `[1]`, `{}`, ``),
			[]string{`a=x b={"c":[1,2]} _=null d=1.50 e=true`, `content={"a":`, `content=[1]`, `content={}`, `skip`}},
		{"json over lines", Config{Format: JSON, Multiline: &Multiline{Start: `^\{`}}, plainLines(`{`, `"a":1`, `}`, `{"b":2}`),
			[]string{`a=1`, `b=2`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prog := mustNew(t, tt.config)
			ones := slices.Repeat([]int{1}, len(tt.in))
			for _, cuts := range [][]int{nil, ones, {2, 2}} {
				if got := play(t, prog, tt.in, cuts...).logs; !slices.Equal(got, tt.want) {
					t.Errorf("chunks %v:\n got %q\nwant %q", cuts, got, tt.want)
				}
			}
		})
	}
}

func TestMixedSizes(t *testing.T) {
	prog := mustNew(t, Config{Format: CRI})
	in := plainLines(o1+"P a", e1+"F x", o1+"F b")
	l := func(i int) int64 { return int64(len(in[i].text) + 1) }
	if got, want := play(t, prog, in).sizes, []int64{l(0), l(1) + l(2)}; !slices.Equal(got, want) {
		t.Errorf("sizes %v, want %v", got, want)
	}
}

func TestBounded(t *testing.T) {
	prog := mustNew(t, Config{Format: CRI})
	in := plainLines(o1 + "P never ends")
	for range maxWaiting + 10 {
		in = append(in, piece{text: e1 + "F x"})
	}
	f := newFile(in)
	r := &record{t: t, file: f.content}
	p := prog.Pipe(r)
	f.write(p, len(in), noon)
	if len(r.logs) != len(in) || p.held != 0 {
		t.Errorf("%d logs of %d, %d bytes held", len(r.logs), len(in), p.held)
	}
	long := strings.Repeat("y", 100<<10)
	in = nil
	for range 20 {
		in = append(in, piece{text: o1 + "P " + long})
	}
	f = newFile(in)
	r = &record{t: t, file: f.content}
	p = prog.Pipe(r)
	for range in {
		f.write(p, 1, noon)
		if p.held > prog.limit {
			t.Fatalf("%d bytes held", p.held)
		}
	}
	p.Finish()
	if len(r.logs) != 4 || prog.Stats().Cut != 4 {
		t.Errorf("%d logs, stats %+v", len(r.logs), prog.Stats())
	}
}

func TestTick(t *testing.T) {
	prog := mustNew(t, Config{Multiline: &Multiline{Start: `^\d`, Timeout: units.Duration(3 * time.Second)}, Steps: []Step{{DropIf: &Match{Regex: "^9"}}}})
	f := newFile(plainLines("1 a", " b", " late", "9 c", " late", "2"))
	r := &record{t: t, file: f.content}
	p := prog.Pipe(r)
	if p.Pending() {
		t.Error("pending before anything came")
	}
	f.write(p, 1, noon)
	f.write(p, 1, noon.Add(2*time.Second))
	p.Tick(noon.Add(4 * time.Second))
	if len(r.logs) != 0 || !p.Pending() {
		t.Fatalf("sent too early: %q", r.logs)
	}
	r.busy = true
	p.Tick(noon.Add(5 * time.Second))
	if len(r.logs) != 0 || p.Ready() {
		t.Fatal("sent although there was no room")
	}
	r.busy = false
	p.Tick(noon.Add(5 * time.Second))
	if want := []string{"content=1 a\n b"}; !slices.Equal(r.logs, want) || p.Pending() {
		t.Fatalf("got %q, want %q", r.logs, want)
	}
	f.write(p, 1, noon.Add(6*time.Second)) // a piece: it bears the time of the event
	f.write(p, 1, noon.Add(7*time.Second))
	p.Tick(noon.Add(time.Minute))
	f.write(p, 2, noon.Add(8*time.Second))
	p.Finish()
	if want := []string{"content=1 a\n b", "content= late", "skip", "skip", "0501T120008 content=2"}; !slices.Equal(r.logs, want) {
		t.Errorf("got %q, want %q", r.logs, want)
	}
}

func TestTickWhileWriting(t *testing.T) {
	prog := mustNew(t, Config{Multiline: &Multiline{Start: `^\d`}})
	f := newFile(slices.Repeat(plainLines("1 a", " b"), 200))
	r := &record{t: t, file: f.content}
	p := prog.Pipe(r)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				p.Tick(noon.Add(time.Hour))
				p.Pending()
				prog.Stats()
			}
		}
	})
	for range f.pieces {
		f.write(p, 1, noon)
	}
	close(stop)
	wg.Wait()
	p.Finish()
	if r.pos != int64(len(f.content)) {
		t.Errorf("%d bytes of %d accounted for", r.pos, len(f.content))
	}
}

func TestJump(t *testing.T) {
	prog := mustNew(t, Config{Multiline: &Multiline{Start: `^\d`}})
	f := newFile(plainLines("1", "a", "2", "b", "3"))
	r := &record{t: t, file: f.content}
	p := prog.Pipe(r)
	f.write(p, 2, noon)
	f.next = 3
	p.Jump(f.offs[3])
	if !slices.Equal(r.logs, []string{"content=1\na"}) || !slices.Equal(r.jumps, []int64{f.offs[3]}) {
		t.Fatalf("logs %q, jumps %v", r.logs, r.jumps)
	}
	f.write(p, 2, noon)
	p.Finish()
	if want := []string{"content=1\na", "content=b", "content=3"}; !slices.Equal(r.logs, want) {
		t.Errorf("got %q, want %q", r.logs, want)
	}
}

// worlds are configurations that the properties are checked with.
func worlds() []Config {
	multi := []*Multiline{nil, {Start: `^[1-3]`}, {Start: `^1`, Continue: `^\s`}, {Continue: `^\s`}, {End: `;$`}, {Start: "^1", MaxLines: 2, MaxBytes: 40}, {End: ";", MaxBytes: 30}, {End: "^$"}, {Continue: `^(\s|$)`}}
	steps := [][]Step{
		nil,
		{{DropIf: &Match{Regex: "^1"}}, {Redact: &Redact{Regex: "a+"}}, {Remove: []string{"_time_"}}},
		{{Parse: &Parse{As: AsJSON}}, {KeepIf: &Match{Key: "a", Regex: "."}}, {Remove: []string{"content"}}},
		{{Parse: &Parse{As: AsLogfmt, Prefix: "p_", Keep: true}}, {Time: &Time{Key: "p_t", Layout: "unix"}}, {Add: map[string]string{"x": "y"}}},
		{{Parse: &Parse{As: AsDelimiter, Separator: " ", Quote: `"`, Fields: []string{"a", "", "c"}}}, {Rename: map[string]string{"a": "c", "c": "a"}}},
		{{Parse: &Parse{As: AsRegex, Pattern: `^(?P<n>\d) (?P<rest>.*)`}}, {Remove: []string{"n", "rest"}}},
	}
	var out []Config
	for _, f := range formats {
		for _, m := range multi {
			for _, s := range steps {
				out = append(out, Config{Format: f, Multiline: m, Steps: s})
			}
		}
	}
	return out
}

func TestChunkingNeverShows(t *testing.T) {
	var progs []*Program
	for _, c := range worlds() {
		progs = append(progs, mustNew(t, c))
	}
	text := rapid.OneOf(
		rapid.SampledFrom([]string{"", "1 a", "2 b;", " c", "\tat d", "1", ";", `{"a":"1"}`, `{"a":`, "t=1714557600.25 a=b", `"q ""x""" y z`, "1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;"}),
		rapid.String(),
	)
	line := rapid.Custom(func(t *rapid.T) piece {
		s := text.Draw(t, "text")
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2, 3:
			s = rapid.SampledFrom([]string{o1, o2, e1}).Draw(t, "head") + rapid.SampledFrom([]string{"P ", "F "}).Draw(t, "tag") + s
		case 4, 5:
			s = `{"log":"1 x` + rapid.SampledFrom([]string{"", `\n`}).Draw(t, "nl") + `","stream":"` + rapid.SampledFrom([]string{"stdout", "stderr"}).Draw(t, "stream") + `","time":"2024-05-01T10:00:00Z"}`
		}
		flags := rapid.SampledFrom([]tail.Flags{0, 0, 0, 0, 0, tail.Continued, tail.Skip, tail.Truncated, tail.Unterminated}).Draw(t, "flags")
		if flags&(tail.Continued|tail.Unterminated) != 0 && s == "" {
			s = "-" // the tailer makes no empty pieces
		}
		return piece{s, flags}
	})
	rapid.Check(t, func(rt *rapid.T) {
		prog := progs[rapid.IntRange(0, len(progs)-1).Draw(rt, "program")]
		pieces := rapid.SliceOfN(line, 1, 40).Draw(rt, "lines")
		cuts := rapid.SliceOf(rapid.IntRange(0, 5)).Draw(rt, "chunks")
		one := play(t, prog, pieces)
		many := play(t, prog, pieces, cuts...)
		if !slices.Equal(one.logs, many.logs) || !slices.Equal(one.sizes, many.sizes) {
			rt.Fatalf("in one chunk:\n%q %v\nin many:\n%q %v", one.logs, one.sizes, many.logs, many.sizes)
		}
		if t.Failed() {
			rt.FailNow()
		}
		at, border := int64(0), newFile(pieces).offs
		for i, n := range one.sizes {
			if at += n; !slices.Contains(border, at) {
				rt.Fatalf("log %d ends at %d, which is inside a line", i, at)
			}
		}
	})
}
