package tail

import (
	"io"
	"os"
	"sync"

	"shipper/internal/linux"
)

// identify asks the kernel and the content who an open file is.
func identify(f *os.File) (id Identity, info linux.Info, err error) {
	if info, err = linux.Fstat(f); err != nil {
		return id, info, err
	}
	id = Identity{Dev: info.Dev, Ino: info.Ino, Handle: linux.Handle(f), Birth: info.Birth}
	err = withHead(f, func(first []byte) { id.Head = HeadOf(first) })
	return id, info, err
}

// readHead reads what a content begins with.
func readHead(c io.ReaderAt) ([]byte, error) {
	buf := make([]byte, HeadMax)
	n, err := c.ReadAt(buf, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return buf[:n], nil
}

// headBuffer is for a head that nobody keeps. Ten thousand files at the start would leave 40 MB behind.
type headBuffer [HeadMax]byte

var headBuffers = sync.Pool{New: func() any { return new(headBuffer) }}

// read is readHead. What it returns is b's.
func (b *headBuffer) read(c io.ReaderAt) ([]byte, error) {
	n, err := c.ReadAt(b[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return b[:n], nil
}

// withHead calls look with what a content begins with. look must not keep it.
func withHead(c io.ReaderAt, look func(first []byte)) error {
	buf := headBuffers.Get().(*headBuffer)
	defer headBuffers.Put(buf)
	first, err := buf.read(c)
	if err != nil {
		return err
	}
	look(first)
	return nil
}

// headIn compares a head with what a content begins with.
func headIn(h Head, c io.ReaderAt) (m match, err error) {
	if h.Len == 0 {
		return unknown, nil // whatever stands there
	}
	err = withHead(c, func(first []byte) { m = headIs(h, first) })
	return m, err
}

// markerAt hashes the up to n bytes of a content that end at off. ok is false when the content is shorter than off.
func markerAt(c io.ReaderAt, off int64, n int) (m Marker, ok bool, err error) {
	if off == 0 || n == 0 {
		return Marker{}, true, nil
	}
	room := headBuffers.Get().(*headBuffer)
	defer headBuffers.Put(room)
	buf := room[:min(int64(n), off, HeadMax)]
	got, err := c.ReadAt(buf, off-int64(len(buf)))
	if got < len(buf) {
		if err == io.EOF {
			err = nil
		}
		return Marker{}, false, err
	}
	return MarkerOf(buf), true, nil
}

// headIs reports whether a content that begins with first can be the one with head h.
func headIs(h Head, first []byte) match {
	switch {
	case h.Len == 0:
		return unknown
	case int(h.Len) > len(first):
		return different
	case h.Same(first):
		return same
	}
	return different
}

// kernelIs reports whether two identities name the same inode in the same life. A device number alone may change over a
// reboot, so it only counts when nothing better is there.
func kernelIs(a, b Identity) match {
	if a.Ino != b.Ino {
		return different
	}
	known := false
	if a.Handle != "" && b.Handle != "" {
		if a.Handle != b.Handle {
			return different
		}
		known = true
	}
	if a.Birth != 0 && b.Birth != 0 {
		if a.Birth != b.Birth {
			return different
		}
		known = true
	}
	switch {
	case a.Dev == b.Dev:
		return same
	case known:
		return unknown // renumbered device, perhaps: the content decides
	}
	return different
}

// match is the answer to "is this the same one?".
type match uint8

const (
	unknown match = iota
	same
	different
)

// seen is what was found out about a file F, compared with a stream that is known up to an offset.
type seen struct {
	observable bool  // F could be looked at
	kernel     match // inode, handle and birth time; unknown: only the device number differs
	long       bool  // F's (decompressed) content is at least as long as the offset
	head       match // what F begins with; unknown: the stream never had a byte
	begins     bool  // F begins as the stream's content, for at least half of what can be compared
	headLen    int32 // bytes that the head stands for
	marker     match // what ends at the offset; unknown: offset 0, or no marker was kept
	compressed bool  // F is a compressed file
	alive      bool  // the stream's own inode still exists and still holds the stream's content
	rotated    bool  // F's name is one that rotation makes out of the stream's
}

// verdict says what F is to the stream.
type verdict uint8

const (
	unobservable verdict = iota // change nothing, try again
	resume                      // the stream's own file: go on at the offset
	rewritten                   // the stream's own inode with another content: chase the rest, begin a new epoch at 0
	unrelated                   // another file
	copied                      // a copy of the stream's content while the original is in place: not to be read from 0
	moved                       // the stream's content in another inode: go on there at the offset
	shorter                     // a copy of the stream's content that ends before the offset: nothing in it is new
)

// holds reports whether F holds what was read of the stream, or begins with it.
func (v verdict) holds() bool { return v == copied || v == moved || v == shorter }

// elsewhereHead is how many bytes of head it takes to believe that another inode holds the same content, unless the name
// says so too.
const elsewhereHead = 64

// decide is the decision table of identity.
func decide(s seen) verdict {
	switch {
	case !s.observable:
		return unobservable
	case s.kernel == same && !s.compressed:
		if !s.long || s.marker == different || s.marker == unknown && s.head == different {
			return rewritten
		}
		return resume
	case s.kernel == same && s.long && s.head != different && s.marker != different:
		return moved // a compressed generation that was read before, however little its content says
	case s.kernel == unknown && !s.compressed && s.long && s.head != different && s.marker != different:
		return resume
	}
	// Another inode: only its content can make it ours.
	if !s.long && s.begins && s.rotated {
		return shorter
	}
	if !s.long || s.head != same || s.marker == different {
		return unrelated
	}
	if s.headLen < elsewhereHead && !s.rotated {
		return unrelated
	}
	if s.marker == unknown && !s.rotated {
		return unrelated // nothing was read yet: the head alone could be a common header
	}
	if s.alive {
		return copied
	}
	return moved
}
