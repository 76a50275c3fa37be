package tail

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// cutter cuts the bytes of one stream into lines. It keeps no bytes: what it does not use stays in the file.
//
//   - A line end is \n or \r\n. An empty line carries nothing and becomes a Skip that says Empty.
//   - NUL bytes where a line should begin are the hole that a writer without O_APPEND leaves after a truncation: a Skip,
//     but only once something follows them, because at the end of a file they may be space that the writer reserved.
//   - A line longer than max bytes without its end is treated by policy; its neighbours do not notice.
type cutter struct {
	max      int
	long     policy
	cs       *charset
	dec      transform.Transformer // nil: no decoding
	skipping bool                  // inside a long line whose rest is left out
	inside   bool                  // the data ends inside a long line that is left out
}

func newCutter(max int, long policy, cs *charset) cutter {
	c := cutter{max: max - max%2, long: long}
	c.use(cs)
	return c
}

func (c *cutter) use(cs *charset) {
	c.cs, c.dec = cs, nil
	if cs.enc != nil {
		c.dec = cs.enc.NewDecoder()
	}
}

// start takes the byte order mark off the very first bytes of a content and returns its length.
func (c *cutter) start(data []byte) int {
	n, cs := bom(data)
	if cs != nil {
		c.use(cs)
	}
	return n
}

// cut appends what data begins with to lines until their capacity is reached, and returns them with the number of bytes
// that they stand for. final says that nothing will follow data. text is scratch for decoded lines and is returned grown.
func (c *cutter) cut(lines []Line, data, text []byte, final bool) (_ []Line, used int, _ []byte) {
	unit := c.cs.unit
	for len(lines) < cap(lines) && used < len(data) {
		if unit == 1 && c.dec == nil && !c.skipping {
			n := 0
			if lines, n = c.usual(lines, data[used:]); n > 0 {
				used += n
				continue
			}
		}
		rest := data[used:]
		if len(rest) < unit { // half a unit
			if !final {
				break
			}
			lines = append(lines, Line{Size: len(rest), Flags: Skip})
			return lines, len(data), text
		}
		if n := c.nuls(rest); n > 0 && !c.skipping {
			if len(rest)-n < unit && !final {
				break
			}
			lines = append(lines, Line{Size: n, Flags: Skip})
			used += n
			continue
		}
		end := c.end(rest)
		switch {
		case c.skipping:
			n := end + unit
			if end < 0 {
				n = c.leaveOut(rest)
			} else {
				c.skipping = false
			}
			lines = append(lines, Line{Size: n, Flags: Skip})
			used += n
		case end < 0 && (len(rest) >= c.max+2*unit || final && len(rest) >= c.max+unit):
			var n int
			lines, n, text = c.overlong(lines, rest, text)
			used += n
		case end < 0 && !final:
			return lines, used, text
		case end < 0 && c.inside:
			lines = append(lines, Line{Size: len(rest), Flags: Skip | Truncated})
			used += len(rest)
		case end < 0:
			lines, text = c.line(lines, rest, text, len(rest), Unterminated)
			used += len(rest)
		default:
			lines, text = c.line(lines, c.cs.trimCR(rest[:end]), text, end+unit, 0)
			used += end + unit
		}
	}
	return lines, used, text
}

// usual takes the lines that data begins with up to the first that is too long, has no end, or begins with NUL: nearly all there are, so
// that this is worth being short. It returns with them the number of bytes that they stand for.
func (c *cutter) usual(lines []Line, data []byte) ([]Line, int) {
	used := 0
	for len(lines) < cap(lines) && used < len(data) && data[used] != 0 {
		rest := data[used:]
		end := bytes.IndexByte(rest[:min(len(rest), c.max+1)], '\n')
		if end < 0 {
			break
		}
		used += end + 1
		text := rest[:end]
		if end > 0 && text[end-1] == '\r' {
			text = text[:end-1]
		}
		if len(text) == 0 {
			lines = append(lines, Line{Size: end + 1, Flags: Skip | Empty})
			continue
		}
		lines = append(lines, Line{Text: text, Size: end + 1})
	}
	return lines, used
}

// end returns where the line end of the line that rest begins with stands, its \n; -1 if there is none or the line is too long.
func (c *cutter) end(rest []byte) int {
	end := c.cs.newline(rest[:min(len(rest), c.max+2*c.cs.unit)])
	if end > c.max && len(c.cs.trimCR(rest[:end])) > c.max {
		return -1
	}
	return end
}

// resume makes c ready to go on at off: in the rest of a long line, if that is where it stands. A place in the middle of a shorter line
// is where a part was flushed; the rest of that line is wanted.
func (c *cutter) resume(src content, off int64) {
	c.skipping = c.long != split && off > 0 && c.midLong(src, off)
}

func (c *cutter) midLong(src content, off int64) bool {
	unit := c.cs.unit
	from := max(0, off-int64(c.max+unit))
	buf := make([]byte, off-from)
	if n, _ := src.ReadAt(buf, from); n < len(buf) {
		return false
	}
	begin := 0 // of the line
	for {
		end := c.cs.newline(buf[begin:])
		if end < 0 {
			break
		}
		begin += end + unit
	}
	switch part := len(buf) - begin; {
	case begin == 0 && from > 0:
		return true
	case part <= c.max-utf8.UTFMax: // a piece is shorter than max by less than one character
		return false
	}
	line := make([]byte, c.max+2*unit)
	n, _ := src.ReadAt(line, from+int64(begin))
	return n == len(line) && c.end(line) < 0
}

// leaveOut returns how much of rest belongs to the long line that is being skipped: no line end is near its beginning.
func (c *cutter) leaveOut(rest []byte) int {
	if end := c.cs.newline(rest); end >= 0 {
		return end
	}
	return len(rest) - len(rest)%c.cs.unit
}

// overlong takes the first piece of a line that is longer than max.
func (c *cutter) overlong(lines []Line, rest, text []byte) ([]Line, int, []byte) {
	n := c.cs.whole(rest, c.max)
	if c.long == skip {
		c.skipping = true
		return append(lines, Line{Size: n, Flags: Skip | Truncated}), n, text
	}
	if c.long == truncate {
		c.skipping = true
		lines, text = c.line(lines, rest[:n], text, n, Truncated)
		return lines, n, text
	}
	lines, text = c.line(lines, rest[:n], text, n, Continued)
	return lines, n, text
}

func (c *cutter) line(lines []Line, b, text []byte, size int, flags Flags) ([]Line, []byte) {
	if len(b) == 0 {
		return append(lines, Line{Size: size, Flags: Skip | Empty}), text
	}
	if c.dec == nil {
		return append(lines, Line{Text: b, Size: size, Flags: flags}), text
	}
	from := len(text)
	text = c.cs.decode(c.dec, text, b)
	return append(lines, Line{Text: text[from:len(text):len(text)], Size: size, Flags: flags}), text
}

// nuls returns the length of the run of NUL units that b begins with.
func (c *cutter) nuls(b []byte) int {
	if b[0] != 0 {
		return 0
	}
	n := zeros(b)
	return n - n%c.cs.unit
}

// zeros returns how many NUL bytes b begins with; long runs are compared a block at a time.
func zeros(b []byte) int {
	n := 0
	for len(b)-n >= len(nothing) && bytes.Equal(b[n:n+len(nothing)], nothing[:]) {
		n += len(nothing)
	}
	for n < len(b) && b[n] == 0 {
		n++
	}
	return n
}

// endNULs returns the length of the run of NUL units that b ends with.
func endNULs(b []byte, unit int) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == 0 {
		n++
	}
	return n - n%unit
}

// nothing is a run of NULs to compare with; it is never written to.
var nothing [1024]byte
