package tail

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"shipper/internal/linux"
)

// content is where the bytes of a stream come from. A reader uses it in its turn, discovery while the stream is parked.
type content interface {
	// ReadAt has the contract of io.ReaderAt; io.EOF means "no more for now".
	io.ReaderAt
	// Hole returns the first offset at or after off that may hold data, or -1 if there is none up to the end.
	Hole(off int64) (int64, error)
	// Rest gives up what is kept for sequential reading; called when the stream is at its end.
	Rest()
	// Close ends the use; the plain file itself belongs to discovery and stays open.
	Close() error
}

// plain is a file that is read as it stands.
type plain struct{ f *os.File }

// ReadAt implements io.ReaderAt. After a whole block there is more, and the disk may begin with it while this one is at work.
func (p plain) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.f.ReadAt(b, off)
	if n >= blockSize {
		linux.Ahead(p.f, off+int64(n), blockSize)
	}
	return n, err
}

func (p plain) Hole(off int64) (int64, error) { return linux.SeekData(p.f, off) }
func (p plain) Rest()                         {}
func (p plain) Close() error                  { return nil }

// length is how many bytes there are in a content. A compressed one is unpacked to its end.
func length(c content) (int64, error) {
	switch c := c.(type) {
	case plain:
		info, err := linux.Fstat(c.f)
		return info.Size, err
	case *packed:
		if err := c.restart(); err != nil {
			return 0, err
		}
		if err := c.forward(math.MaxInt64); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		return c.pos, nil
	}
	return 0, errNothing
}

// errPacked says that a compressed content cannot be read.
var errPacked = errors.New("compressed content cannot be read")

// opener starts decompressing from the beginning.
type opener func(io.Reader) (io.ReadCloser, error)

// packed is the decompressed content of a file. It goes forward only and keeps what the last call returned, which is all
// that reading block after block with a marker before each needs; going further back starts again.
type packed struct {
	f    *os.File
	open opener
	r    io.ReadCloser
	pos  int64  // decompressed bytes taken from r
	last []byte // the ones before pos
	end  error  // io.EOF or what was wrong at pos
}

// unpack returns the decompressed content of f, nil if the name is not one of a compression that can be read.
func unpack(f *os.File, path string, openers map[string]opener) *packed {
	open := openers[filepath.Ext(path)]
	if open == nil {
		return nil
	}
	return &packed{f: f, open: open}
}

// compressed reports whether a name says that the file is compressed, be it in a way that can be read or not.
func compressed(path string) bool { return plainName(filepath.Base(path)) != filepath.Base(path) }

func (p *packed) ReadAt(b []byte, off int64) (int, error) {
	if off < p.pos-int64(len(p.last)) || p.r == nil && p.end == nil {
		if err := p.restart(); err != nil {
			return 0, err
		}
	}
	if err := p.forward(off); err != nil {
		return 0, err
	}
	n := 0
	if off < p.pos {
		n = copy(b, p.last[int64(len(p.last))-(p.pos-off):])
	}
	for n < len(b) && p.end == nil {
		got, err := p.r.Read(b[n:])
		n, p.pos, p.end = n+got, p.pos+int64(got), err
	}
	if p.pos == off+int64(n) {
		p.last = append(p.last[:0], b[:n]...)
	}
	if n < len(b) {
		return n, p.fault()
	}
	return n, nil
}

// forward throws decompressed bytes away until off is reached.
func (p *packed) forward(off int64) error {
	for p.pos < off {
		if p.end != nil {
			return p.fault()
		}
		if cap(p.last) < 32<<10 {
			p.last = make([]byte, 0, 32<<10)
		}
		buf := p.last[:min(int64(cap(p.last)), off-p.pos)]
		got, err := p.r.Read(buf)
		p.last = buf[:got]
		p.pos, p.end = p.pos+int64(got), err
	}
	return nil
}

func (p *packed) fault() error {
	if errors.Is(p.end, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("%w: %s: %w", errPacked, p.f.Name(), p.end)
}

func (p *packed) restart() error {
	p.Rest()
	r, err := p.open(io.NewSectionReader(p.f, 0, 1<<62))
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errPacked, p.f.Name(), err)
	}
	p.r = r
	return nil
}

// Rest implements content.
func (p *packed) Rest() {
	if p.r != nil {
		p.r.Close()
	}
	p.r, p.pos, p.last, p.end = nil, 0, nil, nil
}

func (p *packed) Hole(off int64) (int64, error) { return off, nil }

func (p *packed) Close() error {
	p.Rest()
	return nil
}
