package main

import (
	"encoding/binary"
	"errors"
)

var errWire = errors.New("not a protobuf message")

// fields calls f with every field of a message: its bytes if it is length-delimited, else its value.
func fields(msg []byte, f func(number int, data []byte, value uint64)) error {
	for len(msg) > 0 {
		key, n := binary.Uvarint(msg)
		if n <= 0 {
			return errWire
		}
		msg = msg[n:]
		switch key & 7 {
		case 0:
			v, n := binary.Uvarint(msg)
			if n <= 0 {
				return errWire
			}
			f(int(key>>3), nil, v)
			msg = msg[n:]
		case 2:
			size, n := binary.Uvarint(msg)
			if n <= 0 || size > uint64(len(msg)-n) {
				return errWire
			}
			f(int(key>>3), msg[n:n+int(size)], 0)
			msg = msg[n+int(size):]
		case 5:
			if len(msg) < 4 {
				return errWire
			}
			f(int(key>>3), nil, uint64(binary.LittleEndian.Uint32(msg)))
			msg = msg[4:]
		default:
			return errWire
		}
	}
	return nil
}

// tags returns the tags of a LogGroup.
func tags(group []byte) map[string]string {
	out := map[string]string{}
	_ = fields(group, func(n int, tag []byte, _ uint64) {
		if n != 6 {
			return
		}
		var key, value string
		_ = fields(tag, func(n int, b []byte, _ uint64) {
			switch n {
			case 1:
				key = string(b)
			case 2:
				value = string(b)
			}
		})
		out[key] = value
	})
	return out
}
