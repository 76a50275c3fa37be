package codec

import (
	"fmt"
	"slices"

	"github.com/pierrec/lz4/v4"

	"shipper/internal/lz4block"
	"shipper/internal/spare"
)

// lz4Encoders is a cache: each holds a table of 32 KiB.
var lz4Encoders spare.List[lz4block.Encoder]

// lz4Ratio is the most that one byte of an LZ4 block can stand for (a run of length bytes of 255).
const lz4Ratio = 255

func appendLZ4(dst, src []byte) []byte {
	e := lz4Encoders.Get()
	if e == nil {
		e = new(lz4block.Encoder)
	}
	defer lz4Encoders.Put(e)
	return e.Append(dst, src)
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
