//go:build amd64 || arm64

package lz4block

import "unsafe"

// word returns the eight bytes from position i on, the first of them lowest. It does not check that they are there, which would cost a
// third of the speed: each caller says why they are.
func (s source) word(i uint32) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), uintptr(i)))
}
