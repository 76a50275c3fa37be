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

// putPlain writes text as a log to dst, whose length is p.total. It is the hot path: everything goes to its place without appending.
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
