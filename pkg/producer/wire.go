package producer

import (
	"encoding/binary"
	"errors"
)

// Field numbers of the protocol (sls_logs.proto).
const (
	groupLogs   = 1
	groupTopic  = 3
	groupSource = 4
	groupTags   = 6

	logTime     = 1
	logContents = 2
	logTimeNS   = 4

	pairKey   = 1 // Log.Content and LogTag are both a key and a value
	pairValue = 2

	listPackages    = 1
	packageData     = 1
	packageRawSize  = 2
	packageCompress = 3
)

// Wire types of protobuf.
const (
	varint  = 0
	fixed64 = 1
	lengthy = 2
	fixed32 = 5
)

var errWire = errors.New("not a protobuf message")

// field is one field of a message.
type field struct {
	num  uint64
	kind uint64
	data []byte // payload of a length-delimited field
	raw  []byte // the whole field with its tag
}

// next cuts the first field off b.
func next(b []byte) (f field, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 || tag>>3 == 0 {
		return f, nil, errWire
	}
	f.num, f.kind = tag>>3, tag&7
	size := n
	switch f.kind {
	case varint:
		_, k := binary.Uvarint(b[n:])
		if k <= 0 {
			return f, nil, errWire
		}
		size += k
	case fixed64:
		size += 8
	case fixed32:
		size += 4
	case lengthy:
		length, k := binary.Uvarint(b[n:])
		if k <= 0 || length > uint64(len(b)-n-k) {
			return f, nil, errWire
		}
		f.data = b[n+k : n+k+int(length)]
		size += k + int(length)
	default:
		return f, nil, errWire
	}
	if size > len(b) {
		return f, nil, errWire
	}
	f.raw = b[:size]
	return f, b[size:], nil
}

// number is the value of a varint field.
func (f field) number() uint64 {
	_, n := binary.Uvarint(f.raw)
	v, _ := binary.Uvarint(f.raw[n:])
	return v
}

func appendBytes(dst []byte, num uint64, data []byte) []byte {
	dst = binary.AppendUvarint(dst, num<<3|lengthy)
	dst = binary.AppendUvarint(dst, uint64(len(data)))
	return append(dst, data...)
}

func appendVarint(dst []byte, num, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, num<<3|varint), v)
}

func appendFixed32(dst []byte, num uint64, v uint32) []byte {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(dst, num<<3|fixed32), v)
}
