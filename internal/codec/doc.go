// Package codec holds the four body encodings of Log Service: none, deflate (a zlib stream), lz4 (a raw block without
// frame or size) and zstd (a standard frame).
//
// It promises that Decompress gives back what AppendCompressed took, that neither panics on any input, and that
// decompressing never allocates more than the raw size that the caller allowed. Both are safe for concurrent use.
//
// The producer compresses with it, the emulator reads with it, the tailer unpacks rotated files with NewZstdReader. It knows nothing of HTTP headers or of log groups.
package codec
