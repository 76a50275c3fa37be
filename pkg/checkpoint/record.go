package checkpoint

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"shipper/pkg/tail"
)

// formatVersion is raised when an older program could not read what this one writes. Fields may be added at the end of a
// payload, and kinds with kindOptional, without raising it.
const formatVersion = 1

const magic = "shipper-state\n"

// VersionError says that the state was written by a newer program. Nothing has been touched.
type VersionError struct {
	File    string // name within the state directory
	Version uint64 // what the file says; 0 if the version is ours but a record in it is not known
	Known   uint64 // the newest that this program reads
}

func (e *VersionError) Error() string {
	if e.Version == 0 {
		return fmt.Sprintf("%s holds a record that this program does not know: it was written by a newer version; run that version, or move the state directory away to start over", e.File)
	}
	return fmt.Sprintf("%s has format version %d and this program knows up to %d: run the newer version, or move the state directory away to start over", e.File, e.Version, e.Known)
}

type storeID [16]byte

func (id storeID) String() string { return hex.EncodeToString(id[:]) }

// header is the first record of a file.
type header struct {
	version  uint64
	snapshot bool // a snapshot, not a journal
	store    storeID
	gen      uint64
	last     tail.StreamID // the last id given away
}

func appendHeader(dst []byte, h header) []byte {
	return appendFrame(dst, kindHeader, func(b []byte) []byte {
		b = append(b, magic...)
		b = binary.AppendUvarint(b, h.version)
		b = appendBool(b, h.snapshot)
		b = append(b, h.store[:]...)
		b = binary.AppendUvarint(b, h.gen)
		return binary.AppendUvarint(b, uint64(h.last))
	})
}

// readHeader reads no further than the version when that is a newer one.
func readHeader(payload []byte) (header, error) {
	r := reader{b: payload}
	if string(r.take(len(magic))) != magic {
		return header{}, errors.New("not a state file of shipper")
	}
	h := header{version: r.uint()}
	if r.err != nil || h.version > formatVersion {
		return h, r.err
	}
	h.snapshot = r.bool()
	copy(h.store[:], r.take(len(h.store)))
	h.gen = r.uint()
	h.last = tail.StreamID(r.uint())
	return h, r.err
}

// appendEpoch records who a stream is; how far it is settled goes into appendAck.
func appendEpoch(dst []byte, e *tail.Epoch) []byte {
	return appendFrame(dst, kindEpoch, func(b []byte) []byte {
		b = binary.AppendUvarint(b, uint64(e.ID))
		b = appendString(b, e.Route.Input)
		b = appendString(b, e.Route.Target)
		b = binary.AppendUvarint(b, e.Identity.Dev)
		b = binary.AppendUvarint(b, e.Identity.Ino)
		b = appendString(b, e.Identity.Handle)
		b = binary.AppendVarint(b, e.Identity.Birth)
		b = binary.AppendUvarint(b, uint64(uint32(e.Identity.Head.Len)))
		b = binary.LittleEndian.AppendUint64(b, e.Identity.Head.Sum)
		b = appendString(b, e.Path)
		b = appendBool(b, e.Detached)
		seen := int64(0)
		if !e.Seen.IsZero() {
			seen = e.Seen.UnixNano()
		}
		b = binary.AppendVarint(b, seen)
		for _, sum := range e.Identity.Head.Steps {
			b = binary.LittleEndian.AppendUint32(b, sum)
		}
		return b
	})
}

func readEpoch(payload []byte) (tail.Epoch, error) {
	r := reader{b: payload}
	var e tail.Epoch
	e.ID = tail.StreamID(r.uint())
	e.Route.Input = r.string()
	e.Route.Target = r.string()
	e.Identity.Dev = r.uint()
	e.Identity.Ino = r.uint()
	e.Identity.Handle = r.string()
	e.Identity.Birth = r.int()
	e.Identity.Head.Len = int32(min(r.uint(), math.MaxInt32))
	e.Identity.Head.Sum = r.fixed64()
	e.Path = r.string()
	e.Detached = r.bool()
	if seen := r.int(); seen != 0 {
		e.Seen = time.Unix(0, seen)
	}
	if len(r.b) > 0 { // not there in what the first programs wrote
		for i := range e.Identity.Head.Steps {
			e.Identity.Head.Steps[i] = r.fixed32()
		}
	}
	if r.err == nil && e.ID == 0 {
		r.err = errors.New("stream without an id")
	}
	return e, r.err
}

// progress is how far a stream is settled.
type progress struct {
	offset int64
	marker tail.Marker
	pack   uint64 // of the first batch at offset
	counts tail.Counts
	ahead  []ahead
}

// ahead is a settled range beyond the committed offset, with what is needed to step over it.
type ahead struct {
	r      tail.Range
	marker tail.Marker // of the bytes that end at r.To
	after  uint64      // pack number that follows those of the range
	claim  *Span       // not settled: an earlier run sent it, and nobody knows yet what became of it; nil: settled
}

func appendAck(dst []byte, id tail.StreamID, p *progress) []byte {
	return appendFrame(dst, kindAck, func(b []byte) []byte {
		b = binary.AppendUvarint(b, uint64(id))
		b = binary.AppendUvarint(b, uint64(p.offset))
		b = appendMarker(b, p.marker)
		b = binary.AppendUvarint(b, p.pack)
		for _, n := range [...]int64{p.counts.Acked, p.counts.Dead, p.counts.Lost, p.counts.Skipped} {
			b = binary.AppendUvarint(b, uint64(n))
		}
		b = binary.AppendUvarint(b, uint64(len(p.ahead)))
		for _, a := range p.ahead {
			b = binary.AppendUvarint(b, uint64(a.r.From))
			b = binary.AppendUvarint(b, uint64(a.r.To))
			b = appendMarker(b, a.marker)
			b = binary.AppendUvarint(b, a.after)
		}
		return b
	})
}

// readAck returns what appendAck wrote. Counts.Read is the sum of the others: what was pending will be read again.
func readAck(payload []byte) (tail.StreamID, progress, error) {
	r := reader{b: payload}
	id := tail.StreamID(r.uint())
	p := progress{offset: r.size(), marker: r.marker(), pack: r.uint()}
	p.counts = tail.Counts{Acked: r.size(), Dead: r.size(), Lost: r.size(), Skipped: r.size()}
	p.counts.Read = settledSum(p.counts)
	n := r.uint()
	for end := p.offset; n > 0 && r.err == nil; n-- {
		a := ahead{r: tail.Range{From: r.size(), To: r.size()}, marker: r.marker(), after: r.uint()}
		if r.err == nil && (a.r.From < end || a.r.To <= a.r.From) {
			r.err = errors.New("ranges out of order")
		}
		end = a.r.To
		p.ahead = append(p.ahead, a)
	}
	return id, p, r.err
}

func appendEnd(dst []byte, id tail.StreamID) []byte {
	return appendFrame(dst, kindEnd, func(b []byte) []byte { return binary.AppendUvarint(b, uint64(id)) })
}

func appendComplete(dst []byte) []byte {
	return appendFrame(dst, kindComplete, func(b []byte) []byte { return b })
}

func settledSum(c tail.Counts) int64 { return c.Acked + c.Dead + c.Lost + c.Skipped }
