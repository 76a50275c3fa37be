package lz4block

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	// tableLog makes a table of 32 KiB, which stays in the processor's nearest cache. One of twice the size makes output 1 % smaller,
	// one of half the size 2 % larger.
	tableLog = 14
	// stride is the distance in bytes of the two positions that are looked at together, and advance that from one pair to the
	// next. By 4 log lines are compressed 5 % faster and up to 7 % worse.
	stride, advance = 2, 3
	// patience is after how many fruitless looks (as a power of two) the next ones are a byte further apart, so that noise is passed over.
	patience = 2
	// minMatch is the shortest match that the format knows.
	minMatch = 4
	// lastLiterals is how many bytes at the end of a block no match may take.
	lastLiterals = 5
	// first is where the search begins: behind a match there is a whole word then.
	first = 8
	// margin is how far before the end of a block the search stops. The second of two positions and the 16 bytes from there on then
	// lie before the last literals; and the format wants the last match to begin 12 bytes before the end.
	margin = stride + 16 + lastLiterals
	// long is the first length that has no room in its half of a token.
	long = 15
)

// Encoder finds matches. The zero value is ready for use; it is not safe for concurrent use. It is 32 KiB large.
type Encoder struct {
	// seen holds, for each hash of six bytes, the low half of the last position where they stood. An offset is 65,535 at most, so
	// the half tells which position is meant; one from further back is taken for a nearer one, where comparing finds other bytes.
	seen [1 << tableLog]uint16
}

// Bound is the most bytes that the block of n bytes takes. What a match leaves out, four bytes at least, pays for a token, an offset and
// the first byte of a length, so behind each match the block is no longer than the input up to there and a 255th of that. The last
// literals need two more. Those that are copied sixteen at once need none, as they begin margin before the end of the input.
func Bound(n int) int { return n + n/255 + 16 }

// hash mixes the first six of eight bytes; the prime is the one that LZ4's own tools use for so many.
func hash(word uint64) uint64 { return word * (227718039650203 << 16) >> (64 - tableLog) }

// Append appends the block of src, which must be shorter than 2 GiB, to dst. They must not overlap.
func (e *Encoder) Append(dst, src []byte) []byte {
	bound := Bound(len(src))
	dst = slices.Grow(dst, bound)
	out := dst[len(dst) : len(dst)+bound]
	from, n := 0, 0
	if len(src) > first+margin {
		from, n = e.sequences(out, src)
	}
	return dst[:len(dst)+n+literals(out[n:], src[from:])]
}

// sequences writes all but the last literals, which it leaves from a position of src on, and returns how many bytes it wrote.
func (e *Encoder) sequences(dst, src []byte) (from, n int) {
	clear(e.seen[:])
	in := source(src)
	last, at := uint32(0), uint32(0) // where what is written ends, in src and in dst
	next := uint32(first)
	for {
		pos, off, diff := e.find(in, next)
		if off == 0 {
			return int(last), int(at)
		}
		if diff != 0 {
			next = pos + same(diff)
		} else if diff = in.word(pos+8-off) ^ in.word(pos+8); diff != 0 {
			next = pos + 8 + same(diff)
		} else {
			next = in.common(pos+16, off, uint32(len(in)-lastLiterals))
		}
		if pos-off >= first { // the match may have begun where nothing was looked at
			pos -= min(uint32(bits.LeadingZeros64(in.word(pos-8)^in.word(pos-off-8)))/8, pos-last)
		}

		token, lits, more := at, pos-last, next-pos-minMatch
		at++
		head := lits << 4
		if lits >= long {
			head = long << 4
			at = number(dst, at, lits-long)
		}
		// Few literals are the rule, so sixteen are copied at once. What is too many is written over later, and the input has as many, as
		// a match begins margin before its end.
		binary.LittleEndian.PutUint64(dst[at:], in.word(last))
		binary.LittleEndian.PutUint64(dst[at+8:], in.word(last+8))
		if lits > 16 {
			copy(dst[at:], in[last:pos])
		}
		at += lits
		binary.LittleEndian.PutUint16(dst[at:], uint16(off))
		at += 2
		if more < long {
			head |= more
		} else {
			head |= long
			at = number(dst, at, more-long)
		}
		dst[token] = byte(head)
		last = next
	}
}

// find returns the first match from pos on: at least four bytes are the same as those off bytes before them, and diff is how the
// first eight differ. No match is an off of 0. Positions may only grow from call to call.
func (e *Encoder) find(in source, pos uint32) (at, off uint32, diff uint64) {
	end := uint32(len(in) - margin)
	for step := uint32(advance << patience); pos < end; step++ {
		// Two positions at once: that one of them matches is a branch that no processor foresees, and which one only a choice of values.
		// Both lie before end+stride, where there are whole words.
		here, there := in.word(pos), in.word(pos+stride)
		h, h2 := hash(here), hash(there)
		// An offset does not reach before the input: up to position 65,535 only what was passed has been seen, or 0.
		off := uint32(uint16(pos) - e.seen[h])
		e.seen[h] = uint16(pos)
		off2 := uint32(uint16(pos+stride) - e.seen[h2])
		e.seen[h2] = uint16(pos + stride)
		diff, diff2 := in.word(pos-off)^here, in.word(pos+stride-off2)^there
		if uint64(uint32(diff))*uint64(uint32(diff2)) == 0 { // at one of them four bytes are the same
			at := pos
			if uint32(diff) != 0 {
				at, off, diff = pos+stride, off2, diff2
			}
			if off != 0 { // else they stood 65,536 bytes before
				return at, off, diff
			}
		}
		pos += step >> patience
	}
	return 0, 0, 0
}

// same is how many bytes of two words are the same before the first that differs.
func same(diff uint64) uint32 { return uint32(bits.TrailingZeros64(diff)) / 8 }

// source is the input.
type source []byte

// common returns up to which position below end the bytes from i on are the same as those off bytes before them.
func (s source) common(i, off, end uint32) uint32 {
	for ; i+8 <= end; i += 8 {
		if diff := s.word(i) ^ s.word(i-off); diff != 0 {
			return i + same(diff)
		}
	}
	for i < end && s[i] == s[i-off] {
		i++
	}
	return i
}

// number writes what a length has beyond its half of a token, and returns the position after it.
func number(dst []byte, at, n uint32) uint32 {
	for ; n >= 255; n -= 255 {
		dst[at] = 255
		at++
	}
	dst[at] = byte(n)
	return at + 1
}

// literals writes the last sequence, which has no match.
func literals(dst, src []byte) (n int) {
	count, at := uint32(len(src)), uint32(1)
	dst[0] = byte(min(count, long) << 4)
	if count >= long {
		at = number(dst, at, count-long)
	}
	return int(at) + copy(dst[at:], src)
}
