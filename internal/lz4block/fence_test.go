//go:build linux

package lz4block

import (
	"bytes"
	"os"
	"runtime/debug"
	"syscall"
	"testing"
)

// fence returns memory for n bytes or a few more, between two pages that nobody may touch.
func fence(t *testing.T, n int) []byte {
	page := os.Getpagesize()
	size := (n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(mem) })
	for _, edge := range [][]byte{mem[:page], mem[page+size:]} {
		if err := syscall.Mprotect(edge, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	return mem[page : page+size]
}

// Nothing is read before the input or behind it: word does not check that.
func TestStaysInside(t *testing.T) {
	debug.SetPanicOnFault(true)
	all := inputs()
	most := 0
	for _, src := range all {
		most = max(most, len(src))
	}
	room := fence(t, most)
	var e Encoder
	for name, src := range all {
		want := e.Append(nil, src)
		for where, at := range map[string][]byte{"start": room[:len(src)], "end": room[len(room)-len(src):]} {
			copy(at, src)
			if !bytes.Equal(e.Append(nil, at), want) {
				t.Errorf("%s: another block at the %s of the memory", name, where)
			}
		}
	}
}
