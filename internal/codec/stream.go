package codec

import (
	"io"

	"github.com/klauspost/compress/zstd"
)

// streamWindow bounds the memory that a compressed file can ask for: what `zstd` makes at its default levels fits.
const streamWindow = 8 << 20

// NewZstdReader unpacks a stream of zstd frames, such as a rotated log file. A frame that wants a larger window than 8 MiB is
// an error.
func NewZstdReader(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(streamWindow))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
