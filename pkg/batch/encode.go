package batch

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
	"unicode/utf8"
)

// Wire format (aliyun-log-go-sdk log.proto): LogGroup.Logs 1, Topic 3, Source 4, LogTags 6; Log.Time 1 varint seconds,
// Contents 2, Time_ns 4 fixed32; Content and LogTag: Key 1, Value 2. Fields are written in this order, as the SDK writes them.
const (
	tagLogs   = 1<<3 | 2
	tagTopic  = 3<<3 | 2
	tagSource = 4<<3 | 2
	tagTags   = 6<<3 | 2

	tagTime     = 1 << 3
	tagContents = 2<<3 | 2
	tagTimeNs   = 4<<3 | 5

	tagKey   = 1<<3 | 2
	tagValue = 2<<3 | 2
)

// contentKey is the key under which a plain line travels, as Logtail has it.
const contentKey = "content"

// stamp is the time of a log, encoded: the same for all lines of a chunk.
type stamp struct {
	sec  [6]byte // tag and varint
	secN int     // bytes of sec
	ns   [5]byte // tag and fixed32

	fixed       bool      // the heads are there
	long, short [3]uint64 // see fixHeads
}

func stampOf(t time.Time) stamp { return newStamp(t.Unix(), t.Nanosecond()) }

func stampNano(ns int64) stamp {
	sec, rest := ns/1e9, ns%1e9
	if rest < 0 {
		sec, rest = sec-1, rest+1e9
	}
	return newStamp(sec, int(rest))
}

func newStamp(sec int64, ns int) (s stamp) {
	s.sec[0] = tagTime
	s.secN = 1 + binary.PutUvarint(s.sec[1:], uint64(min(max(sec, 0), math.MaxUint32)))
	s.ns[0] = tagTimeNs
	binary.LittleEndian.PutUint32(s.ns[1:], uint32(ns))
	s.fixHeads()
	return s
}

// varintLen is the length of n as a varint.
func varintLen(n int) int { return (bits.Len32(uint32(n)|1)*9 + 64) >> 6 }

// pairLen is the length of a Content or LogTag with this key and value, without tag and length of its own.
func pairLen(key, value int) int {
	return 1 + varintLen(key) + key + 1 + varintLen(value) + value
}

// fieldLen is the length of a length-delimited field with a body of n bytes.
func fieldLen(n int) int { return 1 + varintLen(n) + n }

// plain is the lengths that make up a log with the single field content: they are needed before the first byte is written.
type plain struct {
	pair  int // of the Content
	body  int // of the Log
	total int // of the field of the LogGroup
}

// plainOf measures a line of n bytes.
func (s *stamp) plainOf(n int) (p plain) {
	p.pair = 1 + 1 + len(contentKey) + 1 + varintLen(n) + n
	p.body = s.secN + fieldLen(p.pair) + len(s.ns)
	p.total = fieldLen(p.body)
	return p
}

// putPlain writes text as a log to dst, whose length is p.total.
func (s *stamp) putPlain(dst, text []byte, p plain) {
	dst[0] = tagLogs
	n := putVarint(dst, 1, p.body)
	*(*[6]byte)(dst[n:]) = s.sec // the last byte may be too much: it is written over
	n += s.secN
	dst[n] = tagContents
	n = putVarint(dst, n+1, p.pair)
	*(*[2 + len(contentKey)]byte)(dst[n:]) = [...]byte{tagKey, byte(len(contentKey)), 'c', 'o', 'n', 't', 'e', 'n', 't'}
	n += 2 + len(contentKey)
	dst[n] = tagValue
	n = putVarint(dst, n+1, len(text))
	n += copy(dst[n:], text)
	*(*[5]byte)(dst[n:]) = s.ns
}

// The lengths of most lines take two bytes each, or one each if the line is short, and times since 1978 take six: then everything before
// the text has its fixed place.
const (
	longHead, longPair, longBody    = 24, 2 + len(contentKey) + 1 + 2, 6 + 1 + 2 + longPair + 5
	shortHead, shortPair, shortBody = 21, 2 + len(contentKey) + 1 + 1, 6 + 1 + 1 + shortPair + 5

	longMin, longMax, shortMax = 1 << 7, 1<<14 - 1 - longBody, 1<<7 - 1 - shortBody // bytes of text

	timeTail = 5 // bytes behind the text
)

// fixHeads prepares the bytes before the text, but for the lengths, if they have their fixed place.
func (s *stamp) fixHeads() {
	if s.secN != len(s.sec) {
		return
	}
	long := [24]byte{0: tagLogs, 9: tagContents, 12: tagKey, 13: byte(len(contentKey)), 21: tagValue}
	copy(long[3:], s.sec[:])
	copy(long[14:], contentKey)
	short := [24]byte{0: tagLogs, 8: tagContents, 10: tagKey, 11: byte(len(contentKey)), 19: tagValue}
	copy(short[2:], s.sec[:])
	copy(short[12:], contentKey)
	for i := range s.long {
		s.long[i], s.short[i] = binary.LittleEndian.Uint64(long[8*i:]), binary.LittleEndian.Uint64(short[8*i:])
	}
	s.fixed = true
}

// fixedSize is the size of a line of n bytes as a log with a fixed head; 0 if it has none.
func fixedSize(n int) int {
	switch {
	case n >= longMin && n <= longMax:
		return longHead + n + timeTail
	case n <= shortMax:
		return shortHead + n + timeTail
	}
	return 0
}

// putFixed is putPlain for a line that has a fixed head. dst is fixedSize bytes long.
func (s *stamp) putFixed(dst, text []byte) {
	n := uint64(len(text))
	at := shortHead
	if n >= longMin {
		at = longHead
		binary.LittleEndian.PutUint64(dst[0:], s.long[0]|twoBytes(n+uint64(longBody))<<8)
		binary.LittleEndian.PutUint64(dst[8:], s.long[1]|twoBytes(n+uint64(longPair))<<16)
		binary.LittleEndian.PutUint64(dst[16:], s.long[2]|twoBytes(n)<<48)
	} else {
		binary.LittleEndian.PutUint64(dst[0:], s.short[0]|(n+uint64(shortBody))<<8)
		binary.LittleEndian.PutUint64(dst[8:], s.short[1]|(n+uint64(shortPair))<<8)
		binary.LittleEndian.PutUint64(dst[16:], s.short[2]|n<<32) // the last three bytes are written over
	}
	copy(dst[at:], text)
	*(*[timeTail]byte)(dst[at+len(text):]) = s.ns
}

// twoBytes is v, from 1<<7 to 1<<14-1, as a varint.
func twoBytes(v uint64) uint64 { return v&0x7f | 0x80 | v>>7<<8 }

// putVarint writes v to dst[n:] and returns where it ends.
func putVarint(dst []byte, n, v int) int {
	if v < 1<<14 && v >= 1<<7 { // nearly all lines
		*(*[2]byte)(dst[n:]) = [2]byte{byte(v) | 0x80, byte(v >> 7)}
		return n + 2
	}
	return putAnyVarint(dst, n, v)
}

func putAnyVarint(dst []byte, n, v int) int {
	return n + binary.PutUvarint(dst[n:], uint64(v))
}

// fieldsLen is the length of the LogGroup field that appendFields writes.
func (s *stamp) fieldsLen(fields []Field) int { return fieldLen(s.bodyLen(fields)) }

func (s *stamp) bodyLen(fields []Field) int {
	n := s.secN + len(s.ns)
	for i := range fields {
		n += fieldLen(pairLen(len(fields[i].Key), len(fields[i].Value)))
	}
	return n
}

func (s *stamp) appendFields(dst []byte, fields []Field) []byte {
	dst = append(dst, tagLogs)
	dst = binary.AppendUvarint(dst, uint64(s.bodyLen(fields)))
	dst = append(dst, s.sec[:s.secN]...)
	for i := range fields {
		dst = appendPair(dst, tagContents, fields[i].Key, fields[i].Value)
	}
	return append(dst, s.ns[:]...)
}

// appendPair appends a Content or a LogTag.
func appendPair[K, V []byte | string](dst []byte, tag byte, key K, value V) []byte {
	dst = append(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(pairLen(len(key), len(value))))
	return appendText(appendText(dst, tagKey, key), tagValue, value)
}

func appendText[T []byte | string](dst []byte, tag byte, text T) []byte {
	dst = append(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// appendValid appends text with every run of bytes that is not UTF-8 replaced by U+FFFD.
func appendValid(dst, text []byte) []byte {
	bad := false
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			if !bad {
				dst = append(dst, "\uFFFD"...)
			}
			bad = true
		} else {
			dst = append(dst, text[:n]...)
			bad = false
		}
		text = text[n:]
	}
	return dst
}

// cut returns the longest prefix of text of at most n bytes that does not end within a character.
func cut(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	end := max(n, 0)
	for end > 0 && end > n-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
