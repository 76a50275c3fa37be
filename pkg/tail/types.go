package tail

import "time"

// StreamID names one epoch of one file on one route for ever: it is unique within a state directory and never used again.
// Zero is no stream.
type StreamID uint64

// Route is the way of a line: from an input to one of its targets, both by their configured names.
// A file that goes to two targets is read once for each, with a position for each, so that a target that hangs
// holds nobody else's lines.
type Route struct {
	Input  string
	Target string
}

// Identity tells one content of one inode from every other. A path is never part of it, and an inode number alone
// is never enough: ext4 hands a freed number to the next file at once.
type Identity struct {
	Dev    uint64
	Ino    uint64
	Handle string // name_to_handle_at bytes (they hold the inode's generation); "" where the file system has none
	Birth  int64  // birth time, Unix nanoseconds; 0 where the file system has none
	Head   Head   // what the content begins with
}

// Head is a hash over the first bytes of a content. It grows with the file up to HeadMax and is compared over the
// recorded length, so that a file that grows stays itself.
type Head struct {
	Len   int32             // bytes hashed; 0 for an empty file, which only the kernel can tell apart
	Sum   uint64            // xxhash64 of those bytes
	Steps [HeadSteps]uint32 // the low half of the xxhash64 of the first 16, 32 ... 2048 bytes, as far as Len goes: it tells a shorter copy
}

// HeadSteps is the number of shorter beginnings that a Head knows besides its own.
const HeadSteps = 8

// HeadMax is the most that a Head covers, in bytes.
const HeadMax = 4096

// Marker is a hash over the bytes that end at an offset. It shows that the content before that offset is still the
// one that was read: copytruncate and rewriting in place change it, appending does not.
type Marker struct {
	Len uint16 // bytes hashed, at most MarkerMax; 0 at offset 0, where there is nothing to hash
	Sum uint64 // xxhash64 of those bytes
}

// MarkerMax is the most that a Marker covers, in bytes.
const MarkerMax = 256

// Range is the bytes [From, To) of a stream. For a compressed file these count the decompressed content.
type Range struct {
	From, To int64
}

// Len is the number of bytes in r.
func (r Range) Len() int64 { return r.To - r.From }

// Epoch is what is known about a stream beyond the life of the process: the record that positions are kept under.
type Epoch struct {
	ID       StreamID
	Route    Route
	Identity Identity
	Path     string  // where it was seen last
	Offset   int64   // everything before it is settled (delivered, dead-lettered, lost or skipped)
	Marker   Marker  // of the bytes that end at Offset
	Ahead    []Range // settled ranges beyond Offset, in order, apart from each other; a reader jumps over them
	PackSeq  uint64  // pack number of the first batch at Offset
	Detached bool    // no configured path leads to it any more (renamed away, unlinked, replaced)
	Counts   Counts
	Seen     time.Time // when it was last known to exist
}

// Counts says what became of the bytes of a stream. Read is always the sum of the others and of what is pending.
type Counts struct {
	Read    int64 // handed over by the reader, or given up unread
	Acked   int64 // the service said yes
	Dead    int64 // refused for ever, kept in the dead-letter file
	Lost    int64 // gone before they could be read; each loss is named in the log
	Skipped int64 // left out on purpose: before start_at, holes, over-long lines, dropped by a step
}

// Why bytes were lost: what Positions.Lose and the log are told.
const (
	LostDeleted      = "file is gone"
	LostTruncated    = "truncated"
	LostUnconfigured = "not configured any more"
	LostPinned       = "deleted files took more than max_pinned_bytes"
	LostUnsaved      = "deleted, and could not be saved when shipper stopped"
)

// Pending is the bytes that were read and are neither delivered nor given up.
func (c Counts) Pending() int64 { return c.Read - c.Acked - c.Dead - c.Lost - c.Skipped }

// Line is one line of a Chunk, or a piece of the file that is no line (see Flags).
type Line struct {
	Text  []byte // UTF-8 where the input's encoding says so; no line end. A view: valid until Sink.Write returns
	Size  int    // bytes of the file (line end included) that this line stands for
	Flags Flags
}

// Flags says what is special about a line.
type Flags uint8

const (
	// Continued: the line was longer than max_line and this is one of its pieces, with more to come.
	Continued Flags = 1 << iota
	// Truncated: the rest of the line was cut off because it was longer than max_line; with Skip, all of it.
	Truncated
	// Skip: no text; Size bytes of the file are left out on purpose (a hole, an over-long line).
	Skip
	// Unterminated: the file ended without a line end and will not grow any more (or flush_partial passed).
	Unterminated
	// Empty, with Skip: a line without text, that is its line end alone; or the end of a line whose text was Unterminated.
	Empty
)

// Chunk is a run of whole lines from one stream, in order. Sizes of its Lines add up to To - From.
type Chunk struct {
	From, To int64
	Lines    []Line
	Read     time.Time // when the bytes were read

	block      []byte // file bytes around the lines, for Marker
	blockStart int64  // offset of block[0]; at most MarkerMax before From
}

// NewChunk returns a chunk whose Lines were cut from block, whose first byte stands at blockStart of the stream.
// The bytes of block before from are the ones that Marker needs.
func NewChunk(block []byte, blockStart, from, to int64, lines []Line, read time.Time) *Chunk {
	return &Chunk{From: from, To: to, Lines: lines, Read: read, block: block, blockStart: blockStart}
}

// Marker hashes the bytes that end at off, which lies within [From, To].
func (c *Chunk) Marker(off int64) Marker {
	end := off - c.blockStart
	if end < 0 || end > int64(len(c.block)) {
		return Marker{}
	}
	return MarkerOf(c.block[max(0, end-MarkerMax):end])
}

// Sink takes the lines of one stream. The tailer calls it from one goroutine at a time.
type Sink interface {
	// Ready reports whether a chunk would be taken now. After false the tailer leaves the stream alone until
	// Tailer.Wake is called for its target.
	Ready() bool
	// Write takes over c's lines in order. It never waits for the service and keeps no view of c.
	Write(c *Chunk)
	// Jump moves the stream to off without reading: the bytes up to off are settled already.
	Jump(off int64)
	// Finish tells that the stream has ended: what is held back (an event whose end was not seen) goes out now.
	Finish()
}

// Gatherer is a Sink that gathers lines and passes them on together. A reader stays with such a stream until there are enough (for a
// few MiB at most), so that few are half full at the same time, however many files are behind.
type Gatherer interface {
	// Lacks is about how many bytes of the file are missing until then; 0: none, or nothing is gathered.
	Lacks() int
	// Pass passes on what there is.
	Pass()
}

// Positions keeps epochs beyond the life of the process. It never fails the caller: when the disk does, positions are
// kept in memory and the trouble is reported elsewhere.
type Positions interface {
	// Known returns the epochs of a route that an earlier run left, oldest first.
	Known(Route) []Epoch
	// Begin records a new epoch and returns it with its ID. It is on its way to the disk when Begin returns.
	Begin(Epoch) StreamID
	// Update records a new path, a grown head or a detachment. Offset, Marker, Ahead, PackSeq and Counts are not taken from it.
	Update(Epoch)
	// Settled returns the offset up to which everything is settled, and the present counts.
	Settled(StreamID) (off int64, counts Counts)
	// Lose counts n bytes of the stream as gone unread and read at once.
	Lose(id StreamID, n int64, reason string)
	// End forgets the epoch: it is final, settled to its end, and its file can never be met again (or is tombstoned).
	End(StreamID)
}
