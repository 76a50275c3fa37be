package emulator

import (
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"
)

// The messages of Log Service, read from the wire without a schema compiler. Field numbers: aliyun-log-go-sdk log.proto,
// loongcollector sls_logs.proto.

// errWire is any bytes that are no message of ours.
var errWire = errors.New("malformed message")

// Wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// field is one field of a message: num for the varint and fixed types, data for the length-delimited one.
type field struct {
	number int
	kind   int
	num    uint64
	data   []byte
}

// next cuts one field off b.
func next(b []byte) (field, []byte, error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
		return field{}, nil, errWire
	}
	f, b := field{number: int(tag >> 3), kind: int(tag & 7)}, b[n:]
	switch f.kind {
	case wireVarint:
		f.num, n = binary.Uvarint(b)
		if n <= 0 {
			return field{}, nil, errWire
		}
		return f, b[n:], nil
	case wireFixed64:
		if len(b) < 8 {
			return field{}, nil, errWire
		}
		f.num = binary.LittleEndian.Uint64(b)
		return f, b[8:], nil
	case wireFixed32:
		if len(b) < 4 {
			return field{}, nil, errWire
		}
		f.num = uint64(binary.LittleEndian.Uint32(b))
		return f, b[4:], nil
	case wireBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return field{}, nil, errWire
		}
		f.data = b[n : n+int(size)]
		return f, b[n+int(size):], nil
	}
	return field{}, nil, errWire // groups, which no message of ours has
}

// is reports whether f is the field of that number, and fails if it has another type than the schema says.
func (f field) is(number, kind int) (bool, error) {
	if f.number != number {
		return false, nil
	}
	if f.kind != kind {
		return false, errWire
	}
	return true, nil
}

// visit walks over a message. each returns an error to stop.
func visit(b []byte, each func(field) error) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return err
		}
		if err := each(f); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// pair reads a Log.Content or a LogTag; both fields are required.
func pair(b []byte) (key, val []byte, err error) {
	var seen int
	err = visit(b, func(f field) error {
		if f.number != 1 && f.number != 2 {
			return nil
		}
		if f.kind != wireBytes {
			return errWire
		}
		seen |= f.number
		if f.number == 1 {
			key = f.data
		} else {
			val = f.data
		}
		return nil
	})
	if err == nil && seen != 3 {
		err = errWire
	}
	return key, val, err
}

// window is the range of log times that is accepted, in Unix seconds; a zero window is everything.
type window struct{ from, to int64 }

// maxKey is the longest key of a content, in bytes (product documentation, data model).
const maxKey = 128

// checkGroup validates a LogGroup as the service does: all of it is good or all of it is refused. It returns the number of
// logs.
func checkGroup(b []byte, w window) (logs int, _ *fail) {
	var bad *fail
	text := func(s []byte) error {
		if !utf8.Valid(s) {
			bad = failf(400, "InvalidEncoding", "Non-UTF8 characters are in logs.")
			return errWire
		}
		return nil
	}
	err := visit(b, func(f field) error {
		switch {
		case f.number < 1 || f.number > 6:
			return nil
		case f.kind != wireBytes:
			return errWire
		case f.number == 1:
			logs++
			if bad = checkLog(f.data, w); bad != nil {
				return errWire
			}
			return nil
		case f.number == 6:
			k, v, err := pair(f.data)
			if err != nil {
				return err
			}
			return errors.Join(text(k), text(v))
		}
		return text(f.data)
	})
	if bad != nil {
		return 0, bad
	}
	if err != nil {
		return 0, unparsable()
	}
	return logs, nil
}

func unparsable() *fail {
	return failf(400, "PostBodyInvalid", "Protobuffer content cannot be parsed.")
}

// checkLog validates one Log.
func checkLog(b []byte, w window) *fail {
	var at int64
	var timed bool
	contents := 0
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return unparsable()
		}
		b = rest
		switch f.number {
		case 1:
			if f.kind != wireVarint || f.num > 1<<32-1 {
				return unparsable()
			}
			at, timed = int64(f.num), true
		case 2:
			if f.kind != wireBytes {
				return unparsable()
			}
			contents++
			if bad := checkContent(f.data); bad != nil {
				return bad
			}
		case 4:
			if f.kind != wireFixed32 {
				return unparsable()
			}
			if f.num > 999_999_999 {
				return failf(400, "InvalidTimestamp", "Invalid timestamps are in logs.")
			}
		}
	}
	switch {
	case !timed || contents == 0: // required by the schema
		return unparsable()
	case at == 0:
		return failf(400, "InvalidTimestamp", "Invalid timestamps are in logs.")
	case w != window{} && (at < w.from || at > w.to):
		return failf(400, "PostBodyInvalid", "The post data time is out of range").
			because("a log has time %s", time.Unix(at, 0).UTC().Format(time.RFC3339))
	}
	return nil
}

func checkContent(b []byte) *fail {
	k, v, err := pair(b)
	switch {
	case err != nil:
		return unparsable()
	case !utf8.Valid(k) || !utf8.Valid(v):
		return failf(400, "InvalidEncoding", "Non-UTF8 characters are in logs.")
	case len(k) == 0 || len(k) > maxKey:
		return failf(400, "InvalidKey", "Invalid keys are in logs.").because("a key has %d bytes, 1 to %d are allowed", len(k), maxKey)
	}
	return nil
}

// decodeGroup reads a LogGroup that checkGroup has accepted.
func decodeGroup(b []byte) Group {
	var g Group
	_ = visit(b, func(f field) error {
		switch f.number {
		case 1:
			g.Logs = append(g.Logs, decodeLog(f.data))
		case 3:
			g.Topic = string(f.data)
		case 4:
			g.Source = string(f.data)
		case 6:
			k, v, err := pair(f.data)
			g.Tags = append(g.Tags, Content{string(k), string(v)})
			return err
		}
		return nil
	})
	return g
}

func decodeLog(b []byte) Log {
	var l Log
	var sec, nano int64
	_ = visit(b, func(f field) error {
		switch f.number {
		case 1:
			sec = int64(f.num)
		case 2:
			k, v, err := pair(f.data)
			l.Contents = append(l.Contents, Content{string(k), string(v)})
			return err
		case 4:
			nano = int64(f.num)
		}
		return nil
	})
	l.Time = time.Unix(sec, nano).UTC()
	return l
}

// appendBytes appends a length-delimited field.
func appendBytes[T string | []byte](dst []byte, number int, data T) []byte {
	dst = binary.AppendUvarint(dst, uint64(number)<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(data)))
	return append(dst, data...)
}

// appendTag appends a LogTag to a LogGroup.
func appendTag(dst []byte, key, val string) []byte {
	return appendBytes(dst, 6, appendBytes(appendBytes(nil, 1, key), 2, val))
}
