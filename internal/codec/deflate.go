package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zlib"
)

func appendDeflate(dst, src []byte) ([]byte, error) {
	buf := bytes.NewBuffer(dst)
	w := zlib.NewWriter(buf)
	if _, err := w.Write(src); err != nil {
		return dst, fmt.Errorf("compress deflate: %w", err)
	}
	if err := w.Close(); err != nil {
		return dst, fmt.Errorf("compress deflate: %w", err)
	}
	return buf.Bytes(), nil
}

func decompressDeflate(dst, src []byte, rawSize int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(src))
	if err != nil {
		return dst, err
	}
	out := slices.Grow(dst, rawSize)[:len(dst)+rawSize]
	n, err := io.ReadFull(r, out[len(dst):])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return out[:len(dst)+n], nil
	}
	if err != nil {
		return dst, err
	}
	// The next read must find the end and the right checksum.
	var more [1]byte
	switch k, err := io.ReadFull(r, more[:]); {
	case k > 0:
		return dst, ErrSize
	case !errors.Is(err, io.EOF):
		return dst, err
	}
	return out, nil
}
