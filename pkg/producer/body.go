package producer

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
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

	// The transport may still read data after a request has ended, so the last reader gives it back, not the sender.
	refs atomic.Int32
}

// bodies lends out buffers. It is a cache, not state.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// maxPooled is the largest buffer that is kept, in bytes: one huge body must not stay for ever.
const maxPooled = 4 << 20

// NewBody compresses groups. Free gives its memory back.
//
// One group travels as itself. Several travel as packages, each compressed by itself, with x-log-mode: batch_group, and
// x-log-bodyrawsize is the size of the list (loongcollector FlusherSLS.cpp).
func NewBody(c codec.Codec, groups ...[]byte) (*Body, error) {
	b := &Body{codec: c, groups: len(groups)}
	b.refs.Store(1)
	buf := bodies.Get().(*[]byte)
	b.data = (*buf)[:0]
	var err error
	if len(groups) == 1 {
		b.rawSize = len(groups[0])
		b.data, err = c.AppendCompressed(b.data, groups[0])
	} else {
		err = b.pack(groups)
		b.rawSize = len(b.data)
	}
	if err != nil {
		b.Free()
		return nil, fmt.Errorf("compress body: %w", err)
	}
	return b, nil
}

// pack writes the list. The wire numbers of codec.Codec are those of enum SlsCompressType.
func (b *Body) pack(groups [][]byte) error {
	buf := bodies.Get().(*[]byte)
	defer func() { bodies.Put(buf) }()
	for _, g := range groups {
		var err error
		if *buf, err = b.codec.AppendCompressed((*buf)[:0], g); err != nil {
			return err
		}
		size := 2*binary.MaxVarintLen64 + 4 + len(*buf)
		b.data = slices.Grow(b.data, size+binary.MaxVarintLen64+1)
		head := make([]byte, 0, 2*binary.MaxVarintLen64+4)
		head = appendVarint(head, packageRawSize, uint64(len(g)))
		head = appendVarint(head, packageCompress, uint64(b.codec))
		var prefix [binary.MaxVarintLen64 + 1]byte
		data := binary.AppendUvarint(append(prefix[:0], packageData<<3|lengthy), uint64(len(*buf)))
		b.data = append(b.data, listPackages<<3|lengthy)
		b.data = binary.AppendUvarint(b.data, uint64(len(data)+len(*buf)+len(head)))
		b.data = append(append(append(b.data, data...), *buf...), head...)
	}
	return nil
}

// Len is the size on the wire, in bytes.
func (b *Body) Len() int { return len(b.data) }

// Free gives up the sender's hold on the memory. Readers that are still open keep theirs.
func (b *Body) Free() {
	if b.refs.Add(-1) == 0 && cap(b.data) <= maxPooled {
		data := b.data[:0]
		b.data = nil
		bodies.Put(&data)
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
