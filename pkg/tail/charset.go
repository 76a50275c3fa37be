package tail

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// charset is how the bytes of a file become UTF-8. A line end is one unit with the value 10; no encoding offered here
// uses that byte inside another character, except UTF-16, where the unit is two bytes wide.
type charset struct {
	name string
	enc  encoding.Encoding // nil: bytes are handed over as they are
	unit int               // bytes of a code unit
	high int               // where the high byte of a 2-byte unit stands: 1 little endian, 0 big endian
}

func utf8Charset() *charset { return &charset{name: "utf-8", unit: 1} }

func utf16Charset(big bool) *charset {
	if big {
		return &charset{name: "utf-16be", enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), unit: 2, high: 0}
	}
	return &charset{name: "utf-16le", enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), unit: 2, high: 1}
}

// lookupCharset finds an encoding by its WHATWG label.
func lookupCharset(name string) (*charset, error) {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "", "utf-8", "utf8":
		return utf8Charset(), nil
	case "utf-16le", "utf-16":
		return utf16Charset(false), nil
	case "utf-16be":
		return utf16Charset(true), nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a known encoding", name)
	}
	if canonical, err := htmlindex.Name(enc); err != nil || canonical == "replacement" {
		return nil, fmt.Errorf("%q is not an encoding that can be read", name)
	}
	return &charset{name: name, enc: enc, unit: 1}, nil
}

// bom returns the length of the byte order mark that head begins with and the charset it stands for; nil is none.
func bom(head []byte) (int, *charset) {
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return 3, utf8Charset()
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return 2, utf16Charset(false)
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return 2, utf16Charset(true)
	}
	return 0, nil
}

// newline returns where the first line end of b begins, or -1. b begins at a unit.
func (c *charset) newline(b []byte) int {
	if c.unit == 1 {
		return bytes.IndexByte(b, '\n')
	}
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return -1
		}
		i += at
		if unit := i &^ 1; i-unit == 1-c.high && unit+1 < len(b) && b[unit+c.high] == 0 {
			return unit
		}
		at = i + 1
	}
}

// trimCR takes a carriage return off the end of a line.
func (c *charset) trimCR(b []byte) []byte {
	n := len(b) - c.unit
	if n < 0 {
		return b
	}
	if c.unit == 1 {
		if b[n] == '\r' {
			return b[:n]
		}
	} else if b[n+1-c.high] == '\r' && b[n+c.high] == 0 {
		return b[:n]
	}
	return b
}

// whole returns how many of the first limit bytes of b are whole characters; at least one unit. b is longer than limit.
func (c *charset) whole(b []byte, limit int) int {
	limit -= limit % c.unit
	if c.enc == nil {
		for n := limit; n > max(0, limit-4); n-- {
			if b[n]&0xc0 != 0x80 { // not in the middle of a UTF-8 sequence
				return n
			}
		}
		return limit
	}
	dst := make([]byte, 4*limit+64) // a character's UTF-8 is at most three times as long, U+FFFD for a bad byte included
	_, n, _ := c.enc.NewDecoder().Transform(dst, b[:limit], false)
	if n <= 0 {
		return limit
	}
	return n
}

// decode appends b as UTF-8 to dst; what is not valid becomes U+FFFD.
func (c *charset) decode(dec transform.Transformer, dst, b []byte) []byte {
	dec.Reset()
	for {
		if cap(dst)-len(dst) < len(b)+16 {
			grown := make([]byte, len(dst), 2*cap(dst)+2*len(b)+64)
			copy(grown, dst)
			dst = grown
		}
		nd, ns, err := dec.Transform(dst[len(dst):cap(dst)], b, true)
		dst, b = dst[:len(dst)+nd], b[ns:]
		switch {
		case err == nil:
			return dst
		case errors.Is(err, transform.ErrShortDst):
			grown := make([]byte, len(dst), 2*cap(dst)+64)
			copy(grown, dst)
			dst = grown
		default: // a decoder says nothing else, but a line must never be able to hang or crash us
			dst = append(dst, "\ufffd"...)
			if len(b) == 0 {
				return dst
			}
			b = b[1:]
		}
	}
}
