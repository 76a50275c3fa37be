//go:build !amd64 && !arm64

package lz4block

import "encoding/binary"

// word returns the eight bytes from position i on, the first of them lowest.
func (s source) word(i uint32) uint64 { return binary.LittleEndian.Uint64(s[i : i+8]) }
