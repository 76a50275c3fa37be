package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A frame is length of the payload (4 bytes, little endian), type (1), CRC32C of length, type and payload (4), payload.
// This layout is for ever: a newer format may change payloads and must raise the version in the header.
const (
	frameHead = 9
	frameMax  = 1 << 20 // payload bytes; far above any record, so that a flipped length is not believed
)

// kind is the type of a record. A kind with kindOptional set may be stepped over by a program that does not know it; any other
// unknown kind means that the file was written by a newer program.
type kind byte

const (
	kindHeader   kind = 1 // first frame of every file
	kindEpoch    kind = 2 // who a stream is: begun or updated
	kindAck      kind = 3 // how far a stream is settled
	kindEnd      kind = 4 // a stream is forgotten
	kindComplete kind = 5 // last frame of a snapshot: all of it was written
	kindOptional kind = 0x80
	kindLane     kind = kindOptional | 1 // how far a lane has come: a program without lanes repeats lines and loses none
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frameSum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, head[:5]), castagnoli, payload)
}

// appendFrame appends a frame whose payload is what fill appends.
func appendFrame(dst []byte, k kind, fill func([]byte) []byte) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(k), 0, 0, 0, 0)
	dst = fill(dst)
	head, payload := dst[start:start+frameHead], dst[start+frameHead:]
	binary.LittleEndian.PutUint32(head, uint32(len(payload)))
	binary.LittleEndian.PutUint32(head[5:], frameSum(head, payload))
	return dst
}

var (
	errTorn  = errors.New("the last frame is torn")
	errFrame = errors.New("a frame is damaged")
)

// scanFrames calls fn for every frame of data up to the first bad one. It returns the length of the good prefix and what is
// wrong behind it. Zeros at the end are what a file system leaves of space that was allocated and never written: they end
// the file without being wrong. An error from fn makes its frame a bad one.
func scanFrames(data []byte, fn func(k kind, payload []byte) error) (good int, err error) {
	for rest := data; ; rest = data[good:] {
		if allZero(rest) {
			return good, nil
		}
		if len(rest) < frameHead {
			return good, errTorn
		}
		size := int64(binary.LittleEndian.Uint32(rest))
		if size > frameMax {
			return good, errFrame
		}
		if int64(len(rest)) < frameHead+size {
			return good, errTorn
		}
		payload := rest[frameHead : frameHead+size]
		if binary.LittleEndian.Uint32(rest[5:]) != frameSum(rest, payload) {
			return good, errFrame
		}
		if err := fn(kind(rest[4]), payload); err != nil {
			return good, fmt.Errorf("record of kind %d: %w", rest[4], err)
		}
		good += frameHead + int(size)
	}
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false // almost always at the first byte or two: a frame starts with its length
		}
	}
	return true
}
