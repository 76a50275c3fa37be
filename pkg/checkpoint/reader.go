package checkpoint

import (
	"encoding/binary"
	"errors"
	"math"

	"shipper/pkg/tail"
)

// textMax bounds a string of a record, so that a record always fits a frame. Paths end at 4096 bytes on Linux.
const textMax = 64 << 10

func appendString(b []byte, s string) []byte {
	s = s[:min(len(s), textMax)]
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendMarker(b []byte, m tail.Marker) []byte {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(b, uint64(m.Len)), m.Sum)
}

var errShort = errors.New("record is too short")

// reader takes fields off a payload. After the first error it returns zeros; the caller looks at err once, at the end.
// It does not mind bytes that are left over: a newer program may have added fields.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && n > len(r.b) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) uint() uint64 { return varint(r, binary.Uvarint) }
func (r *reader) int() int64   { return varint(r, binary.Varint) }

func varint[T uint64 | int64](r *reader, decode func([]byte) (T, int)) T {
	v, n := decode(r.b)
	if n <= 0 && r.err == nil {
		r.err = errShort
	}
	if r.err != nil {
		return 0
	}
	r.b = r.b[n:]
	return v
}

// offsetMax is the limit of offsets and counts. It keeps sums of a few of them from overflowing.
const offsetMax = math.MaxInt64 / 16

// size reads an offset or a number of bytes.
func (r *reader) size() int64 {
	v := r.uint()
	if v > offsetMax && r.err == nil {
		r.err = errors.New("size out of range")
	}
	if r.err != nil {
		return 0
	}
	return int64(v)
}

func (r *reader) string() string {
	n := r.uint()
	if n > textMax && r.err == nil {
		r.err = errors.New("text is too long")
	}
	return string(r.take(int(min(n, textMax))))
}

func (r *reader) bool() bool {
	b := r.take(1)
	return len(b) == 1 && b[0] != 0
}

func (r *reader) fixed64() uint64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *reader) fixed32() uint32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *reader) marker() tail.Marker {
	n := r.uint()
	if n > tail.MarkerMax && r.err == nil {
		r.err = errors.New("marker out of range")
	}
	return tail.Marker{Len: uint16(min(n, tail.MarkerMax)), Sum: r.fixed64()}
}
