package lz4block

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// noise returns n bytes that do not compress.
func noise(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, 0, n+8)
	for len(out) < n {
		out = binary.LittleEndian.AppendUint64(out, r.Uint64())
	}
	return out[:n]
}

// lines returns about n bytes of log lines.
func lines(n int) (out []byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := 0; len(out) < n; i++ {
		out = fmt.Appendf(out, "10.%d.%d.%d - - [01/Jun/2025:00:%02d:%02d +0000] \"GET /api/v1/orders?id=%d HTTP/1.1\" %d %d \"-\" \"curl/8.5.0\" %.3f\n",
			r.IntN(256), r.IntN(256), r.IntN(256), i/6000%60, i/100%60, r.IntN(1e6), 200+r.IntN(4)*100, r.IntN(80_000), r.Float64()*2)
	}
	return out
}

// inputs are those where an encoder may go wrong: short, without a match, one long match, repeated at the farthest offset and beyond.
func inputs() map[string][]byte {
	in := map[string][]byte{
		"noise": noise(300_000, 1), "zeros": make([]byte, 300_000), "lines": lines(300_000), "pairs": bytes.Repeat([]byte("ab"), 70_000),
		"noise, then lines": append(noise(200_000, 2), lines(100_000)...), "lines, then noise": append(lines(100_000), noise(200_000, 3)...),
	}
	for n := range 300 {
		in[fmt.Sprintf("%d zeros", n)] = make([]byte, n)
		in[fmt.Sprintf("%d of noise", n)] = noise(n, 4)
		in[fmt.Sprintf("%d of lines", n)] = lines(n)[:n]
	}
	for _, apart := range []int{8, 100, 65_534, 65_535, 65_536, 65_537, 65_538, 131_072} {
		for _, size := range []int{20, 300} {
			again := noise(size, 5)
			gap := noise(apart-size%apart, 6)
			in[fmt.Sprintf("%d bytes again %d further on", size, len(gap)+size)] = bytes.Join([][]byte{noise(9, 7), again, gap, again, noise(50, 8)}, nil)
		}
	}
	for _, n := range []int{14, 15, 16, 17, 268, 269, 270, 271, 272, 524, 525, 526} { // lengths that just take one byte more
		in[fmt.Sprintf("%d literals", n)] = append(append(bytes.Repeat([]byte{1}, 40), noise(n, 9)...), bytes.Repeat([]byte{1}, 40)...)
		in[fmt.Sprintf("%d of a match", n)] = append(append(noise(40, 10), bytes.Repeat([]byte{2}, n)...), noise(40, 11)...)
	}
	return in
}

func TestAppend(t *testing.T) {
	var e Encoder
	for name, src := range inputs() {
		block := e.Append([]byte("head"), src)
		if !bytes.HasPrefix(block, []byte("head")) || len(block)-4 > Bound(len(src)) {
			t.Errorf("%s: %d bytes where %d are the most, behind %q", name, len(block)-4, Bound(len(src)), block[:4])
		}
		if err := check(block[4:], src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if fresh := new(Encoder).Append(nil, src); !bytes.Equal(fresh, block[4:]) {
			t.Errorf("%s: an encoder that was used before makes another block", name)
		}
	}
}

// check decodes a block, strictly as the format says, and with the decoder of a library.
func check(block, src []byte) error {
	var out []byte
	for rest := block; ; {
		if len(rest) == 0 {
			return fmt.Errorf("no last literals")
		}
		token := rest[0]
		lits, rest2, err := readLength(rest[1:], int(token>>4))
		if err != nil || lits > len(rest2) {
			return fmt.Errorf("%d literals at the end: %v", lits, err)
		}
		out, rest = append(out, rest2[:lits]...), rest2[lits:]
		if len(rest) == 0 {
			if len(out) > lits && lits < lastLiterals {
				return fmt.Errorf("%d last literals", lits)
			}
			break
		}
		off := int(binary.LittleEndian.Uint16(rest))
		match, rest3, err := readLength(rest[2:], int(token&15))
		if err != nil || off == 0 || off > len(out) {
			return fmt.Errorf("offset %d at %d: %v", off, len(out), err)
		}
		if len(out) > len(src)-12 {
			return fmt.Errorf("a match begins %d before the end", len(src)-len(out))
		}
		for range match + minMatch {
			out = append(out, out[len(out)-off])
		}
		rest = rest3
	}
	if !bytes.Equal(out, src) {
		return fmt.Errorf("another content")
	}
	theirs := make([]byte, len(src)+1) // the library's assembly needs a destination
	if n, err := lz4.UncompressBlock(block, theirs); err != nil || !bytes.Equal(theirs[:n], src) {
		return fmt.Errorf("the library decodes %d bytes: %v", n, err)
	}
	return nil
}

func readLength(b []byte, n int) (int, []byte, error) {
	for n >= long {
		if len(b) == 0 {
			return 0, nil, fmt.Errorf("a length without an end")
		}
		n += int(b[0])
		more := b[0] == 255
		if b = b[1:]; !more {
			break
		}
	}
	return n, b, nil
}

// Log lines become about as small as by the library's encoder.
func TestRatio(t *testing.T) {
	src := lines(1 << 20)
	var c lz4.CompressorCCompat
	theirs, err := c.CompressBlock(src, make([]byte, lz4.CompressBlockBound(len(src))))
	if err != nil {
		t.Fatal(err)
	}
	if ours := len(new(Encoder).Append(nil, src)); ours*100 > theirs*103 {
		t.Errorf("%d bytes, the library makes %d", ours, theirs)
	}
}

func TestNoAllocation(t *testing.T) {
	src := lines(100_000)
	var e Encoder
	dst := make([]byte, 0, Bound(len(src)))
	if n := testing.AllocsPerRun(10, func() { e.Append(dst, src) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzAppend(f *testing.F) {
	for _, src := range inputs() {
		if len(src) < 2000 {
			f.Add(src, uint16(1), uint16(0))
		}
	}
	f.Add([]byte("GET /index.html 200 0123456789abcdef"), uint16(2000), uint16(65_000))
	var e Encoder
	// What is fuzzed stands at the beginning as often as times says, and again after a distance.
	f.Fuzz(func(t *testing.T, piece []byte, times, distance uint16) {
		src := bytes.Repeat(piece, min(int(times), 300_000/(len(piece)+1)))
		src = append(append(src, noise(int(distance), 12)...), piece...)
		if err := check(e.Append(nil, src), src); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	src := lines(1 << 20)
	dst := make([]byte, Bound(len(src)))
	run := func(name string, encode func() int) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			n := 0
			for b.Loop() {
				n = encode()
			}
			b.ReportMetric(float64(len(src))/float64(n), "ratio")
		})
	}
	var e Encoder
	run("ours", func() int { return len(e.Append(dst[:0], src)) })
	var c lz4.CompressorCCompat
	run("library", func() int {
		n, _ := c.CompressBlock(src, dst)
		return n
	})
}
