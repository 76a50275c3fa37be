package process

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shipper/pkg/batch"
	"shipper/pkg/tail"
)

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// record is an Out that remembers what it got and checks that sizes and markers fit the file.
type record struct {
	t      testing.TB
	file   []byte // the whole stream
	pos    int64
	logs   []string // "TIME k=v k=v", "skip"
	sizes  []int64
	jumps  []int64
	busy   bool
	closed bool
}

func (r *record) Append(l *batch.Log, c *tail.Chunk) {
	var b strings.Builder
	if len(l.Fields) == 0 {
		b.WriteString("skip")
	} else if l.Time != noon.UnixNano() {
		b.WriteString(time.Unix(0, l.Time).UTC().Format("0102T150405.999999999 "))
	}
	for i, f := range l.Fields {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%s", f.Key, f.Value)
	}
	r.step(b.String(), l.Size)
	if want := tail.MarkerOf(r.file[max(0, r.pos-tail.MarkerMax):r.pos]); r.pos < c.From || c.From == c.To {
		if l.Marker != want {
			r.t.Errorf("log %d ended at %d, before its chunk: marker %v, want %v", len(r.logs), r.pos, l.Marker, want)
		}
	} else if l.Marker != (tail.Marker{}) && l.Marker != want {
		r.t.Errorf("log %d: marker %v, want none or %v", len(r.logs), l.Marker, want)
	}
}

func (r *record) Skip(n int, _ *tail.Chunk) { r.step("skip", n) }

func (r *record) step(what string, n int) {
	if n <= 0 {
		r.t.Errorf("size %d for %q", n, what)
	}
	r.pos += int64(n)
	r.logs = append(r.logs, what)
	r.sizes = append(r.sizes, int64(n))
}

func (r *record) Ready() bool { return !r.busy }
func (r *record) Jump(off int64) {
	r.jumps = append(r.jumps, off)
	r.pos = off
}
func (r *record) Finish() { r.closed = true }

// piece is a line of a made-up file.
type piece struct {
	text  string
	flags tail.Flags
}

// bytes is what the piece is in the file.
func (p piece) bytes() string {
	switch {
	case p.flags&tail.Skip != 0:
		return strings.Repeat("\x00", len(p.text)+1)
	case p.flags&(tail.Continued|tail.Unterminated) != 0:
		return p.text
	}
	return p.text + "\n"
}

// file is a stream that is written to a pipe chunk by chunk.
type file struct {
	content []byte
	pieces  []piece
	offs    []int64 // where each piece begins; one more for the end
	next    int
}

func newFile(pieces []piece) *file {
	f := &file{pieces: pieces, offs: []int64{0}}
	for _, p := range pieces {
		f.content = append(f.content, p.bytes()...)
		f.offs = append(f.offs, int64(len(f.content)))
	}
	return f
}

func plainLines(lines ...string) []piece {
	var out []piece
	for _, l := range lines {
		out = append(out, piece{text: l})
	}
	return out
}

// chunk makes a chunk of the next n pieces, and spoils its memory after use.
func (f *file) write(p *Pipe, n int, read time.Time) {
	from, to := f.offs[f.next], f.offs[f.next+n]
	start := max(0, from-tail.MarkerMax)
	block := append([]byte(nil), f.content[start:to]...)
	var lines []tail.Line
	for i := f.next; i < f.next+n; i++ {
		l := tail.Line{Size: int(f.offs[i+1] - f.offs[i]), Flags: f.pieces[i].flags}
		if f.pieces[i].text == "" && l.Flags == 0 { // as the tailer does
			l.Flags = tail.Skip | tail.Empty
		}
		if l.Flags&tail.Skip == 0 {
			b := f.offs[i] - start
			l.Text = block[b : b+int64(len(f.pieces[i].text))]
		}
		lines = append(lines, l)
	}
	p.Write(tail.NewChunk(block, start, from, to, lines, read))
	for i := range block {
		block[i] = '#'
	}
	f.next += n
}

// play sends pieces through a pipe in chunks of the given lengths, then all the rest in one, and finishes it.
func play(t testing.TB, prog *Program, pieces []piece, cuts ...int) *record {
	f := newFile(pieces)
	r := &record{t: t, file: f.content}
	p := prog.Pipe(r)
	for _, n := range cuts {
		f.write(p, min(n, len(pieces)-f.next), noon)
	}
	f.write(p, len(pieces)-f.next, noon)
	p.Finish()
	if !r.closed || p.Pending() || p.held != 0 {
		t.Error("Finish left something behind")
	}
	if r.pos != int64(len(f.content)) {
		t.Errorf("%d bytes of %d accounted for", r.pos, len(f.content))
	}
	return r
}

func mustNew(t testing.TB, c Config) *Program {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
