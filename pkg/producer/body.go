package producer

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"shipper/internal/codec"
)

// Body is the content of one request: one LogGroup, or several as an SlsLogPackageList. It can be sent any number of times.
type Body struct {
	data    []byte // on the wire
	rawSize int    // x-log-bodyrawsize
	codec   codec.Codec
	groups  int
	memory  Memory

	// The transport may still read data after a request has ended, so the last reader gives it back, not the sender.
	refs atomic.Int32
}

// Memory lends out what bodies are made in, and counts it. *batch.Budget is one.
type Memory interface {
	// Bytes returns an empty slice with room for n bytes, for one who gives back just that slice.
	Bytes(n int) []byte
	// Recycle takes back what Bytes returned.
	Recycle(p []byte)
	// Scratch is Bytes for something that is made at once. It waits until not too many have one.
	Scratch(n int) []byte
	// Discard takes back what Scratch returned.
	Discard(p []byte)
}

// heap is the Memory of those who make a body now and then.
type heap struct{}

func (heap) Bytes(n int) []byte   { return make([]byte, 0, n) }
func (heap) Scratch(n int) []byte { return make([]byte, 0, n) }
func (heap) Recycle([]byte)       {}
func (heap) Discard([]byte)       {}

// NewBody compresses groups. Free gives its memory back to where it comes from.
//
// One group travels as itself. Several travel as packages, each compressed by itself, with x-log-mode: batch_group, and
// x-log-bodyrawsize is the size of the list (loongcollector FlusherSLS.cpp).
func NewBody(c codec.Codec, m Memory, groups ...[]byte) (*Body, error) {
	b := &Body{codec: c, groups: len(groups), memory: m}
	b.refs.Store(1)
	if c == codec.None && len(groups) == 1 {
		b.rawSize = len(groups[0])
		b.data = append(m.Bytes(b.rawSize), groups[0]...)
		return b, nil
	}
	// How small a body becomes is not known before. It is made where there is room for the worst, which only those who compress at
	// this moment need, and kept in what it takes for as long as it is on its way.
	most := 0
	for _, g := range groups {
		most += codec.Bound(len(g)) + packageMax
	}
	room := m.Scratch(most)
	defer m.Discard(room)
	made, err := b.append(room, groups)
	if err != nil {
		return nil, fmt.Errorf("compress body: %w", err)
	}
	b.data = append(m.Bytes(len(made)), made...)
	return b, nil
}

func (b *Body) append(dst []byte, groups [][]byte) ([]byte, error) {
	if len(groups) == 1 {
		b.rawSize = len(groups[0])
		return b.codec.AppendCompressed(dst, groups[0])
	}
	var err error
	for _, g := range groups {
		if dst, err = b.appendPackage(dst, g); err != nil {
			return nil, err
		}
	}
	b.rawSize = len(dst)
	return dst, nil
}

// packageMax is the most that a package takes beside its data, in bytes.
const packageMax = 4 + 4*binary.MaxVarintLen64

// appendPackage appends g as one package of the list. How long the varints before the data are is known when it is compressed.
// The wire numbers of codec.Codec are those of enum SlsCompressType.
func (b *Body) appendPackage(dst, g []byte) ([]byte, error) {
	at := len(dst)
	var prefix, tail, head [2 * (binary.MaxVarintLen64 + 1)]byte
	dst = append(dst, prefix[:]...)
	start := len(dst)
	dst, err := b.codec.AppendCompressed(dst, g)
	if err != nil {
		return nil, err
	}
	size := len(dst) - start
	behind := appendVarint(tail[:0], packageRawSize, uint64(len(g)))
	behind = appendVarint(behind, packageCompress, uint64(b.codec))
	data := binary.AppendUvarint(append(prefix[:0], packageData<<3|lengthy), uint64(size))
	before := binary.AppendUvarint(append(head[:0], listPackages<<3|lengthy), uint64(len(data)+size+len(behind)))
	before = append(before, data...)
	copy(dst[at+len(before):], dst[start:])
	copy(dst[at:], before)
	return append(dst[:at+len(before)+size], behind...), nil
}

// Len is the size on the wire, in bytes.
func (b *Body) Len() int { return len(b.data) }

// Free gives up the sender's hold on the memory. Readers that are still open keep theirs.
func (b *Body) Free() {
	if b.refs.Add(-1) == 0 {
		data := b.data
		b.data = nil
		b.memory.Recycle(data)
	}
}

// bodyReader is one attempt's view of a Body.
type bodyReader struct {
	body *Body

	mu     sync.Mutex // net/http may close from another goroutine than the one that reads
	rest   []byte
	closed bool
}

func (b *Body) open() *bodyReader {
	b.refs.Add(1)
	return &bodyReader{body: b, rest: b.data}
}

// Read implements io.Reader.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// writeTo writes up to n bytes to w without a copy on the way. What is being written stays in memory if r is closed meanwhile.
func (r *bodyReader) writeTo(w io.Writer, n int64) (int64, error) {
	r.mu.Lock()
	data := r.rest[:min(int64(len(r.rest)), n)]
	r.rest = r.rest[len(data):]
	if r.closed || len(data) == 0 {
		r.mu.Unlock()
		return 0, nil
	}
	r.body.refs.Add(1)
	r.mu.Unlock()
	defer r.body.Free()
	wrote, err := w.Write(data)
	return int64(wrote), err
}

// Close implements io.Closer. The transport calls it when it will not read any more, maybe after the request has ended.
func (r *bodyReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed, r.rest = true, nil
		r.body.Free()
	}
	return nil
}
