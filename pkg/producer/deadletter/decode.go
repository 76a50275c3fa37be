package deadletter

import (
	"encoding/binary"
	"errors"
	"time"
)

// Group is a LogGroup for people to read.
type Group struct {
	Topic  string  `json:"topic"`
	Source string  `json:"source"`
	Tags   []Field `json:"tags"`
	Logs   []Log   `json:"logs"`
}

// Log is one log of a Group.
type Log struct {
	Time   time.Time `json:"time"`
	Fields []Field   `json:"fields"`
}

// Field is a key and its value, in the order in which they were sent.
type Field struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

var errGroup = errors.New("its content is no LogGroup")

// Decode reads a serialised LogGroup. Field numbers: sls_logs.proto.
func Decode(b []byte) (Group, error) {
	g := Group{Tags: []Field{}, Logs: []Log{}}
	err := walk(b, func(num, _ uint64, data []byte) error {
		switch num {
		case 1:
			l, err := decodeLog(data)
			g.Logs = append(g.Logs, l)
			return err
		case 3:
			g.Topic = string(data)
		case 4:
			g.Source = string(data)
		case 6:
			f, err := decodeField(data)
			g.Tags = append(g.Tags, f)
			return err
		}
		return nil
	})
	return g, err
}

func decodeLog(b []byte) (Log, error) {
	l := Log{Fields: []Field{}}
	var secs, nanos int64
	err := walk(b, func(num, n uint64, data []byte) error {
		switch num {
		case 1:
			secs = int64(uint32(n))
		case 2:
			f, err := decodeField(data)
			l.Fields = append(l.Fields, f)
			return err
		case 4:
			nanos = int64(uint32(n))
		}
		return nil
	})
	l.Time = time.Unix(secs, nanos).UTC()
	return l, err
}

func decodeField(b []byte) (Field, error) {
	var f Field
	err := walk(b, func(num, _ uint64, data []byte) error {
		switch num {
		case 1:
			f.Key = string(data)
		case 2:
			f.Value = string(data)
		}
		return nil
	})
	return f, err
}

// walk calls visit for every field of a message: n is its number if it is one, data its bytes if it has a length.
func walk(b []byte, visit func(num, n uint64, data []byte) error) error {
	for len(b) > 0 {
		tag, size := binary.Uvarint(b)
		if size <= 0 {
			return errGroup
		}
		b = b[size:]
		var n uint64
		var data []byte
		switch tag & 7 {
		case 0:
			if n, size = binary.Uvarint(b); size <= 0 {
				return errGroup
			}
		case 1:
			size = 8
		case 2:
			length, head := binary.Uvarint(b)
			if head <= 0 || length > uint64(len(b)-head) {
				return errGroup
			}
			size = head + int(length)
			data = b[head:size]
		case 5:
			if size = 4; len(b) >= size {
				n = uint64(binary.LittleEndian.Uint32(b))
			}
		default:
			return errGroup
		}
		if size > len(b) {
			return errGroup
		}
		if err := visit(tag>>3, n, data); err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}
