package batch

import (
	"math/bits"
	"sync"
)

// Buffers come in size classes, four to a doubling, from 1 KiB (ten thousand slow streams fit 10 MiB) to MaxGroup.
const (
	classMinBits = 10
	classes      = 13*4 + 2 // the last one is 8 MiB * 1.25 = MaxGroup
)

// buffer is the memory of one batch.
type buffer struct {
	data  []byte   // wire bytes; its capacity is that of the class
	sizes []uint32 // file bytes of each log
	class int
}

// mem is what the buffer costs.
func (b *buffer) mem() int64 { return int64(cap(b.data)) + 4*int64(cap(b.sizes)) }

type pools [classes]sync.Pool

func classSize(class int) int {
	return (4 + class%4) << (classMinBits - 2 + class/4)
}

// classOf returns the smallest class that holds n bytes.
func classOf(n int) int {
	if n <= 1<<classMinBits {
		return 0
	}
	shift := bits.Len(uint(n-1)) - 3 // n-1 = 1xx... in binary: the three leading bits choose the class
	class := (shift-classMinBits+2)*4 + (n-1)>>shift - 4 + 1
	return min(class, classes-1)
}

// get returns an empty buffer for at least n bytes.
func (p *pools) get(n int) *buffer {
	if n > MaxGroup { // tags of megabytes: such a group is refused, but that is for the service to say
		return &buffer{data: make([]byte, 0, n), class: -1}
	}
	class := classOf(n)
	if b, ok := p[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{data: make([]byte, 0, classSize(class)), class: class}
}

func (p *pools) put(b *buffer) {
	if b.class < 0 {
		return
	}
	b.data, b.sizes = b.data[:0], b.sizes[:0]
	p[b.class].Put(b)
}

// grow returns a buffer for at least n bytes with the content of b, which goes back.
func (p *pools) grow(b *buffer, n int) *buffer {
	next := p.get(n)
	next.data = append(next.data, b.data...)
	next.sizes, b.sizes = b.sizes, next.sizes
	p.put(b)
	return next
}
