package process

import (
	"strings"
	"testing"

	"shipper/pkg/batch"
	"shipper/pkg/tail"
)

// sink takes everything and keeps nothing.
type sink struct{ logs int }

func (s *sink) Append(*batch.Log, *tail.Chunk) { s.logs++ }
func (s *sink) Skip(int, *tail.Chunk)          {}
func (s *sink) Ready() bool                    { return true }
func (s *sink) Jump(int64)                     {}
func (s *sink) Finish()                        {}

// feed returns a function that writes n lines as one chunk, and the bytes in it.
func feed(prog *Program, n int, lines ...string) (write func(), size int64) {
	var block []byte
	var cut []tail.Line
	for i := range n {
		l := lines[i%len(lines)]
		block = append(append(block, l...), '\n')
		cut = append(cut, tail.Line{Size: len(l) + 1})
	}
	at := 0
	for i := range cut {
		cut[i].Text = block[at : at+cut[i].Size-1]
		at += cut[i].Size
	}
	p := prog.Pipe(new(sink))
	off := int64(0)
	return func() {
		p.Write(tail.NewChunk(block, off, off, off+int64(at), cut, noon))
		off += int64(at)
	}, int64(at)
}

var workloads = []struct {
	name   string
	config Config
	lines  []string
	allocs float64 // a line, at most
}{
	{"drop", Config{Steps: []Step{{DropIf: &Match{Regex: "DEBUG"}}}}, []string{"2024-05-01 12:00:00 INFO something happened " + strings.Repeat("x", 150)}, 0},
	{"cri", Config{Format: CRI}, []string{o1 + "F something happened " + strings.Repeat("x", 150)}, 0},
	{"docker", Config{Format: Docker}, []string{`{"log":"something happened ` + strings.Repeat("x", 100) + `\n","stream":"stdout","time":"2024-05-01T10:00:00.123456789Z"}`}, 0},
	{"multiline", Config{Multiline: &Multiline{Start: `^\d`}}, []string{"2024-05-01 12:00:00 INFO " + strings.Repeat("x", 150), "\tat java.lang.Thread", "\tat b.c"}, 0},
	{"json", Config{Format: JSON, Steps: []Step{{Time: &Time{Key: "ts", Layout: "rfc3339"}}}},
		[]string{`{"ts":"2024-05-01T10:00:00.5+08:00","level":"info","msg":"something \"happened\"","n":12,"ctx":{"a":[1,2,3]}}`}, 0},
	{"nginx", Config{Steps: []Step{parser(Parse{As: AsNginx}), {Time: &Time{Key: "time_local", Layout: "%d/%b/%Y:%H:%M:%S %z"}}}},
		[]string{`10.0.0.1 - - [01/May/2024:12:00:00 +0800] "GET /a/b?c=d HTTP/1.1" 200 512 "-" "curl/8.0"`}, 3},
	{"logfmt", Config{Steps: []Step{parser(Parse{As: AsLogfmt})}}, []string{`ts=2024-05-01T10:00:00Z level=info msg="something \"happened\"" n=12`}, 0},
	{"csv", Config{Steps: []Step{parser(Parse{As: AsDelimiter, Quote: `"`, Fields: []string{"a", "b", "c"}})}}, []string{`one,"two ""2""",three`}, 0},
	{"regex", Config{Steps: []Step{parser(Parse{As: AsRegex, Pattern: `^(?P<ts>\S+ \S+) (?P<level>\w+) (?P<msg>.*)`})}}, []string{"2024-05-01 12:00:00 INFO something happened"}, 1},
	{"redact", Config{Steps: []Step{{Redact: &Redact{Regex: `\b\d{16}\b`}}}}, []string{"nothing secret in this line " + strings.Repeat("x", 100)}, 0},
}

func TestAllocations(t *testing.T) {
	if raceOn {
		t.Skip("pools are emptied at random under the race detector")
	}
	const n = 1000
	for _, w := range workloads {
		write, _ := feed(mustNew(t, w.config), n, w.lines...)
		write()
		if got := testing.AllocsPerRun(5, write) / n; got > w.allocs+0.05 {
			t.Errorf("%s: %.2f allocations a line, at most %v wanted", w.name, got, w.allocs)
		}
	}
}

func BenchmarkPipe(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			const n = 1000
			write, size := feed(mustNew(b, w.config), n, w.lines...)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				write()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/line")
		})
	}
}
