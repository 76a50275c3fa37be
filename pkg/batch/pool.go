package batch

import (
	"math/bits"
	"sync"
)

// Buffers come in size classes, four to a doubling, from 256 bytes (a line of a slow stream, with its tags) to MaxGroup.
const (
	classMinBits = 8
	classes      = 15*4 + 2 // the last one is 8 MiB * 1.25 = MaxGroup
)

// buffer is the memory of one batch.
type buffer struct {
	data  []byte   // wire bytes; its capacity is that of the class
	sizes []uint32 // file bytes of each log
	class int      // -1: none
}

// mem is what the buffer costs.
func (b *buffer) mem() int64 { return int64(cap(b.data)) + 4*int64(cap(b.sizes)) }

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

// bufferSize is what a new buffer for n bytes takes.
func bufferSize(n int) int64 {
	if n > MaxGroup {
		return int64(n)
	}
	return int64(classSize(classOf(n)))
}

// classBelow returns the largest class that has at most n bytes.
func classBelow(n int) int {
	class := classOf(n)
	if class > 0 && classSize(class) > n {
		class--
	}
	return class
}

// pools keep buffers that were given back. What lies in them is memory of the process like any other: it stays within what the
// account has left, and trim lets go of what nobody wanted for a while. (A sync.Pool knows no bound and lives for two
// collections, each of which then lets the heap grow by a part of it.)
type pools struct {
	left func() int64 // what the account has left

	mu    sync.Mutex
	free  [classes][]*buffer
	idle  int64 // bytes in free
	least int64 // the smallest idle since the last trim

	spare [][]uint32 // sizes of buffers that were lent without them, for batches in buffers that have none; a few hundred KB at most
}

const spareMost = 16

// near is how many classes larger a buffer may be than what is wanted, to be taken instead of a new one: up to half as large again.
const near = 2

// batch is get for a batch: with what its sizes take, if that is there.
func (p *pools) batch(n int) *buffer {
	b := p.get(n)
	if b.sizes != nil {
		return b
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.spare) - 1; last >= 0 {
		b.sizes, p.spare[last], p.spare = p.spare[last], nil, p.spare[:last]
	}
	return b
}

// strip takes the sizes off a buffer that is lent for something else than a batch.
func (p *pools) strip(b *buffer) []byte {
	if b.sizes != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.spare) < spareMost {
			p.spare = append(p.spare, b.sizes[:0])
		}
	}
	return b.data
}

// get returns an empty buffer for at least n bytes.
func (p *pools) get(n int) *buffer {
	if n > MaxGroup { // tags of megabytes: such a group is refused, but that is for the service to say
		return &buffer{data: make([]byte, 0, n), class: -1}
	}
	class := classOf(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := class; c < min(class+near+1, classes); c++ {
		if list := p.free[c]; len(list) > 0 {
			b := list[len(list)-1]
			list[len(list)-1] = nil
			p.free[c] = list[:len(list)-1]
			p.idle -= b.mem()
			p.least = min(p.least, p.idle)
			return b
		}
	}
	p.shrinkLocked(p.left() - int64(classSize(class)))
	return &buffer{data: make([]byte, 0, classSize(class)), class: class}
}

func (p *pools) put(b *buffer) {
	if b.class < 0 {
		return
	}
	b.data, b.sizes = b.data[:0], b.sizes[:0]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free[b.class] = append(p.free[b.class], b)
	p.idle += b.mem()
}

// grow returns a buffer for at least n bytes with the content of b, which goes back.
func (p *pools) grow(b *buffer, n int) *buffer {
	next := p.get(n)
	next.data = append(next.data, b.data...)
	next.sizes, b.sizes = b.sizes, next.sizes
	p.put(b)
	return next
}

// shrinkLocked drops buffers, of the classes that hold the most, until at most n bytes are left.
func (p *pools) shrinkLocked(n int64) {
	for p.idle > max(n, 0) {
		most, of := 0, 0
		for class, list := range p.free {
			if size := len(list) * classSize(class); size > most {
				most, of = size, class
			}
		}
		list := p.free[of]
		p.idle -= list[len(list)-1].mem()
		list[len(list)-1] = nil
		p.free[of] = list[:len(list)-1]
	}
	p.least = min(p.least, p.idle)
}

// trim drops what was not needed since the last trim.
func (p *pools) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spare = nil
	p.shrinkLocked(p.idle - p.least)
	p.least = p.idle
}
