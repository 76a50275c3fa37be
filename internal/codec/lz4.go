package codec

import (
	"fmt"
	"slices"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// lz4Pool caches compressors: each holds a 16 KiB table, and CompressorCCompat is the fastest of the library's three on
// log text in blocks of 64 KiB and more.
var lz4Pool = sync.Pool{New: func() any { return new(lz4.CompressorCCompat) }}

// lz4Ratio is the most that one byte of an LZ4 block can stand for (a run of length bytes of 255).
const lz4Ratio = 255

func appendLZ4(dst, src []byte) ([]byte, error) {
	bound := lz4.CompressBlockBound(len(src))
	dst = slices.Grow(dst, bound)
	c := lz4Pool.Get().(*lz4.CompressorCCompat)
	n, err := c.CompressBlock(src, dst[len(dst):len(dst)+bound])
	lz4Pool.Put(c)
	if err != nil {
		return dst, fmt.Errorf("compress lz4: %w", err)
	}
	if n > 0 {
		return dst[:len(dst)+n], nil
	}
	return appendLiterals(dst, src), nil
}

// appendLiterals writes src as one LZ4 sequence without a match: what a block of incompressible (or no) bytes looks like.
// The library's convention for such input is to return nothing.
func appendLiterals(dst, src []byte) []byte {
	n := len(src)
	if n < 15 {
		return append(append(dst, byte(n<<4)), src...)
	}
	dst = append(dst, 15<<4)
	for n -= 15; n >= 255; n -= 255 {
		dst = append(dst, 255)
	}
	return append(append(dst, byte(n)), src...)
}

func decompressLZ4(dst, src []byte, rawSize int) ([]byte, error) {
	if rawSize/lz4Ratio > len(src) {
		return dst, fmt.Errorf("%d bytes cannot hold %d: %w", len(src), rawSize, ErrSize)
	}
	if rawSize == 0 { // the library's assembly does not survive a destination of no bytes
		if len(src) > 1 || len(src) == 1 && src[0] != 0 {
			return dst, ErrSize
		}
		return dst, nil
	}
	out := slices.Grow(dst, rawSize)
	n, err := lz4.UncompressBlock(src, out[len(dst):len(dst)+rawSize])
	if err != nil {
		return dst, err
	}
	return out[:len(dst)+n], nil
}
