package tail

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
)

// cutAll cuts content the way the reader does, in windows of at most window bytes (grown when nothing fits).
func cutAll(t testing.TB, c *cutter, content []byte, window, lines int) []Line {
	var out []Line
	used, size := 0, window
	first := true
	for used < len(content) {
		data := content[used:min(len(content), used+size)]
		final := used+len(data) == len(content)
		n := 0
		if first {
			if n = c.start(data); n > 0 {
				out = append(out, Line{Size: n, Flags: Skip})
			}
		}
		got, m, _ := c.cut(make([]Line, 0, lines), data[n:], nil, final)
		sum := 0
		for _, l := range got {
			sum += l.Size
			l.Text = bytes.Clone(l.Text)
			out = append(out, l)
		}
		if sum != m {
			t.Fatalf("sizes add up to %d of %d", sum, m)
		}
		if n += m; n == 0 {
			if final {
				t.Fatalf("nothing taken of %q, which is all", data)
			}
			size *= 2
			continue
		}
		used, size, first = used+n, window, false
	}
	return out
}

func texts(lines []Line) (out []string) {
	for _, l := range lines {
		if l.Flags&Skip == 0 {
			out = append(out, string(l.Text))
		}
	}
	return out
}

func TestCut(t *testing.T) {
	utf16, _ := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("a\r\nਊ\n\nb")
	wide, _ := unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(strings.Repeat("x", 32) + "\r\n" + strings.Repeat("x", 33) + "\nb")
	gbk, _ := simplifiedchinese.GBK.NewEncoder().String("你好\n" + strings.Repeat("好", 40) + "\nx")
	long := strings.Repeat("x", 70)
	for _, tt := range []struct {
		name, cs string
		long     policy
		in       string
		want     []string
	}{
		{"lines", "utf-8", split, "a\nb\r\n\n\r\nc", []string{"a", "b", "c"}},
		{"NULs where a line begins", "utf-8", split, "\x00\x00a\x00b\n\x00\x00", []string{"a\x00b"}},
		{"split", "utf-8", split, "a\n" + long + "\nb\n", []string{"a", long[:64], long[64:], "b"}},
		{"exactly max", "utf-8", split, long[:64] + "\n" + long[:64] + "\r\n" + long[:64], []string{long[:64], long[:64], long[:64]}},
		{"exactly max is not too long", "utf-8", skip, long[:64] + "\r\n" + long[:65] + "\nb\n" + long[:65], []string{long[:64], "b"}},
		{"exactly max in UTF-16", "utf-8", skip, wide, []string{long[:32], "b"}},
		{"split before its end", "utf-8", split, long[:64] + long[:64] + "\r\nb\n", []string{long[:64], long[:64], "b"}},
		{"carriage return where a piece ends", "utf-8", split, long[:64] + "\rx\n" + long[:64] + "\r", []string{long[:64], "\rx", long[:64], "\r"}},
		{"split between runes", "utf-8", split, "x" + strings.Repeat("好", 22) + "\n", []string{"x" + strings.Repeat("好", 21), "好"}},
		{"truncate", "utf-8", truncate, long + long + "\nb\n", []string{long[:64], "b"}},
		{"skip", "utf-8", skip, "a\n" + long + long + "\nb\n", []string{"a", "b"}},
		{"utf-8 mark", "utf-8", split, "\xef\xbb\xbfa\n", []string{"a"}},
		{"utf-16 mark", "utf-8", split, utf16, []string{"a", "ਊ", "b"}},
		{"gbk", "gbk", split, gbk, []string{"你好", strings.Repeat("好", 32), strings.Repeat("好", 8), "x"}},
	} {
		cs, err := lookupCharset(tt.cs)
		if err != nil {
			t.Fatal(err)
		}
		for _, window := range []int{1, 2, 3, 7, 64, 1000} {
			c := newCutter(64, tt.long, cs)
			got := texts(cutAll(t, &c, []byte(tt.in), window, 3))
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%s, windows of %d: %q, want %q", tt.name, window, got, tt.want)
			}
		}
	}
}

// TestEmptyLines checks that only a line without text is told as one, not what else is left out.
func TestEmptyLines(t *testing.T) {
	for _, long := range []policy{split, truncate, skip} {
		c := newCutter(4, long, utf8Charset())
		in := "\xef\xbb\xbfa\n\nb\r\n\r\n\x00\x00c\nlong!\n\nlong\r\n\r\nlong\n\n"
		var got []string
		at := 0
		for _, l := range cutAll(t, &c, []byte(in), 5, 3) {
			if l.Flags&Empty != 0 {
				got = append(got, in[at-1:at+l.Size])
				if l.Flags != Empty|Skip {
					t.Errorf("flags %b", l.Flags)
				}
			}
			at += l.Size
		}
		if want := "\n\n \n\r\n \n\n \n\r\n \n\n"; strings.Join(got, " ") != want {
			t.Errorf("policy %d: %q, want %q", long, got, want)
		}
	}
}

// naive is the plain way to cut, for content without long lines and holes.
func naive(text string) (out []string) {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if i < len(lines)-1 { // the last one has no end, so that \r is no part of it
			l = strings.TrimSuffix(l, "\r")
		}
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}

// FuzzCut cuts any bytes in any encoding with any split into blocks: sizes add up to the content, and the lines are the
// same whatever the split. Where the encoding allows it they are what splitting the decoded text gives.
func FuzzCut(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), uint8(3), uint8(0), uint8(0))
	f.Add([]byte("\xff\xfea\x00\n\x00"), uint8(1), uint8(1), uint8(1))
	f.Add([]byte("\x00\x00\x00\x00x\n"+strings.Repeat("y", 100)+"\n"), uint8(9), uint8(2), uint8(2))
	f.Fuzz(func(t *testing.T, content []byte, window, encoding, how uint8) {
		name := []string{"utf-8", "utf-16le", "utf-16be", "gbk", "gb18030", "big5", "shift_jis", "iso-2022-jp", "euc-kr", "windows-1252"}[encoding%10]
		cs, err := lookupCharset(name)
		if err != nil {
			t.Fatal(err)
		}
		cut := func(window int) []Line {
			c := newCutter(64, policy(how%3), cs)
			lines := cutAll(t, &c, content, window, 1+int(how)%7)
			sum := 0
			for _, l := range lines {
				sum += l.Size
			}
			if sum != len(content) {
				t.Fatalf("sizes add up to %d of %d", sum, len(content))
			}
			return lines
		}
		all := texts(cut(len(content) + 1))
		if got := texts(cut(max(4, int(window)))); strings.Join(got, "\n") != strings.Join(all, "\n") {
			t.Errorf("windows of %d: %q, at once %q", window, got, all)
		}
		for _, l := range all {
			if cs.enc != nil && !utf8.ValidString(l) && len(content) > 2 {
				if _, mark := bom(content); mark == nil {
					t.Errorf("%s: %q is not UTF-8", name, l)
				}
			}
		}
		if name == "utf-8" && utf8.Valid(content) && !bytes.Contains(content, []byte{0}) && !bytes.HasPrefix(content, []byte{0xef}) {
			want := naive(string(content))
			for _, l := range want {
				if len(l) > 64 {
					return
				}
			}
			if strings.Join(all, "\n") != strings.Join(want, "\n") {
				t.Errorf("%q, want %q", all, want)
			}
		}
	})
}

func TestCutAllocatesNothing(t *testing.T) {
	data := []byte(strings.Repeat("a line of a log file that is neither long nor short\n", 4000))
	c := newCutter(512<<10, split, utf8Charset())
	lines := make([]Line, 0, chunkLines)
	if n := testing.AllocsPerRun(10, func() { c.cut(lines, data, nil, false) }); n != 0 {
		t.Errorf("%v allocations for %d lines", n, chunkLines)
	}
}

func BenchmarkCut(b *testing.B) {
	data := []byte(strings.Repeat(strings.Repeat("x", 199)+"\n", blockSize/200))
	c := newCutter(512<<10, split, utf8Charset())
	lines := make([]Line, 0, chunkLines)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		c.cut(lines, data, nil, false)
	}
}
