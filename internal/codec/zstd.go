package codec

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"shipper/internal/spare"
)

// Caches of coders, not state: building one costs far more than using it.
var (
	zstdEncoders spare.List[zstd.Encoder]
	zstdDecoders sync.Pool // of *zstd.Decoder; only the emulator and commands unpack bodies
)

// bodyWindow bounds what a frame from outside may ask for, in bytes. Bodies are at most 10 MiB raw.
const bodyWindow = 16 << 20

// encodeWindow is how far back an encoder looks, in bytes: one keeps 1.6 MB. With the library's 4 MiB it keeps 4.8 MB and log lines become no
// smaller.
const encodeWindow = 1 << 20

func appendZstd(dst, src []byte) ([]byte, error) {
	e := zstdEncoders.Get()
	if e == nil {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(encodeWindow), zstd.WithZeroFrames(true))
		if err != nil {
			return dst, fmt.Errorf("compress zstd: %w", err)
		}
	}
	dst = e.EncodeAll(src, dst)
	zstdEncoders.Put(e)
	return dst, nil
}

func decompressZstd(dst, src []byte, rawSize int) ([]byte, error) {
	d, ok := zstdDecoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(bodyWindow), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return dst, err
		}
	}
	defer zstdDecoders.Put(d)
	// The decoder stops at the capacity; clipping it to rawSize is what bounds it.
	room := slices.Grow(dst, rawSize)
	out, err := d.DecodeAll(src, room[:len(dst):len(dst)+rawSize])
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return dst, ErrSize
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}
