package codec

import (
	"errors"
	"fmt"
)

// Codec is one body encoding. The numbers are those of the protocol's enum SlsCompressType (sls_logs.proto).
type Codec uint8

const (
	// None leaves the bytes as they are.
	None Codec = 0
	// Deflate is a zlib stream.
	Deflate Codec = 1
	// LZ4 is a raw LZ4 block; a reader must know the raw size.
	LZ4 Codec = 2
	// Zstd is a zstd frame.
	Zstd Codec = 3
)

// ErrSize reports a body whose decompressed size is not the one that was announced.
var ErrSize = errors.New("decompressed size differs from the announced raw size")

// Parse reads a codec's name as x-log-compresstype and the configuration write it; "" and "none" are None.
func Parse(name string) (Codec, error) {
	switch name {
	case "", "none":
		return None, nil
	case "deflate":
		return Deflate, nil
	case "lz4":
		return LZ4, nil
	case "zstd":
		return Zstd, nil
	}
	return None, fmt.Errorf("%q is not a compression", name)
}

// String is the name that Parse reads.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case Deflate:
		return "deflate"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec(%d)", uint8(c))
}

// Bound is the most that n bytes become by LZ4 or Zstd, bytes that cannot be compressed included: with so much room at the end of
// dst AppendCompressed allocates nothing.
func Bound(n int) int { return n + n/255 + 64 }

// AppendCompressed appends the encoding of src to dst. dst and src must not overlap.
func (c Codec) AppendCompressed(dst, src []byte) ([]byte, error) {
	switch c {
	case None:
		return append(dst, src...), nil
	case Deflate:
		return appendDeflate(dst, src)
	case LZ4:
		return appendLZ4(dst, src), nil
	case Zstd:
		return appendZstd(dst, src)
	}
	return dst, fmt.Errorf("compress: unknown %v", c)
}

// Trim gives up encoders that were not needed since the last call.
func Trim() {
	lz4Encoders.Trim()
	zstdEncoders.Trim()
}

// Decompress appends the decoding of src to dst. The result must be exactly rawSize bytes long: more or fewer is ErrSize.
// At most rawSize bytes are allocated for it, so a caller that reads from strangers bounds rawSize first.
func (c Codec) Decompress(dst, src []byte, rawSize int) ([]byte, error) {
	if rawSize < 0 {
		return dst, fmt.Errorf("decompress %v: raw size %d: %w", c, rawSize, ErrSize)
	}
	var out []byte
	var err error
	switch c {
	case None:
		if len(src) != rawSize {
			return dst, fmt.Errorf("decompress none: %d bytes, announced %d: %w", len(src), rawSize, ErrSize)
		}
		return append(dst, src...), nil
	case Deflate:
		out, err = decompressDeflate(dst, src, rawSize)
	case LZ4:
		out, err = decompressLZ4(dst, src, rawSize)
	case Zstd:
		out, err = decompressZstd(dst, src, rawSize)
	default:
		return dst, fmt.Errorf("decompress: unknown %v", c)
	}
	if err != nil {
		return dst, fmt.Errorf("decompress %v: %w", c, err)
	}
	if n := len(out) - len(dst); n != rawSize {
		return dst, fmt.Errorf("decompress %v: %d bytes, announced %d: %w", c, n, rawSize, ErrSize)
	}
	return out, nil
}
