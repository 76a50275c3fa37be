package tail

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// Stream is what a Sink is made for: one epoch of one file on one route.
type Stream struct {
	ID    StreamID
	Route Route
	// Path returns the configured path that leads to the file now, or led to it last. Safe for concurrent use.
	Path func() string
	// Offset is where reading begins, or goes on after a reload: then what is before it may still be on its way.
	Offset int64
}

// stream is the state of one epoch. A stream lives on a file; when its content is found in another one (a copy, a
// compressed generation) it moves there and goes on.
type stream struct {
	id    StreamID
	route Route
	in    *input
	label atomic.Pointer[string]

	// Owned by discovery.
	epoch    Epoch // what Positions was told last
	file     *file // nil for an orphan, whose content is gone from its file and not found elsewhere yet
	orphaned time.Time
	retryAt  time.Time
	fails    int
	failedAt int64
	trouble  error // of the last failure
	givenUp  bool  // an orphan whose rest is not waited for any more

	// Owned by the reader that has the turn; by discovery while the stream is parked.
	finish   bool // nothing will follow: hand over an unterminated rest, then Finish
	finished bool // Finish was called
	size     readSize
	sink     Sink
	src      content
	cut      cutter
	marker   Marker
	ahead    []Range
	zeroTo   int64 // NULs were seen up to here
	err      error // why the last turn ended in trouble; nil: rewritten

	// Written by the owner, read by anybody.
	off       atomic.Int64 // next byte to read
	seen      atomic.Int64 // end of the content as it was verified last
	head      atomic.Pointer[Head]
	headed    atomic.Int32 // bytes of the head that is recorded
	whole     atomic.Int64 // when the content was last seen to be the one that was read before, Unix nanoseconds
	partial   atomic.Int64 // bytes of an unterminated last line
	partialAt atomic.Int64 // since when, Unix nanoseconds
	flush     atomic.Bool  // flush_partial has passed

	// Guarded by the ring.
	place      place
	again      bool // marked while not idle
	atEnd      bool // the last turn found no more
	wanted     bool // discovery waits for it
	troubled   bool
	wasBlocked bool
	late       bool      // its last place was among the rest
	waitsFor   int       // predecessors that are not at their end
	next       []*stream // read when this one is at its end
	before     *stream   // in the queue
	behind     *stream
	from       int64 // where its turn began
}

func (s *stream) path() string { return *s.label.Load() }

// unharmed is when the stream's file was last seen to hold its content.
func (s *stream) unharmed() time.Time { return time.Unix(0, s.whole.Load()) }

// detached reports whether no configured path leads to the stream's content any more.
func (s *stream) detached() bool { return s.file == nil || !s.file.named(s.in) }

func (s *stream) attrs() slog.Attr {
	return slog.Group("", "input", s.route.Input, "target", s.route.Target, "path", s.path(), "stream", uint64(s.id))
}

// newStream makes the stream of an epoch that is already recorded. src is where its content is, first what that begins with; it is not
// kept.
func (t *Tailer) newStream(e Epoch, in *input, f *file, src content, first []byte) *stream {
	s := &stream{id: e.ID, route: e.Route, in: in, epoch: e, file: f, src: src, marker: e.Marker, ahead: e.Ahead}
	label := e.Path // the address of a field would keep all of e
	s.label.Store(&label)
	s.off.Store(e.Offset)
	s.seen.Store(e.Offset)
	head := e.Identity.Head
	s.head.Store(&head)
	s.headed.Store(head.Len)
	cs := in.charset
	if _, mark := bom(first); mark != nil {
		cs = mark
	}
	s.cut = newCutter(int(in.cfg.MaxLine), in.long, cs)
	if src != nil {
		s.cut.resume(src, e.Offset)
	}
	s.sink = t.opts.NewSink(Stream{ID: e.ID, Route: e.Route, Path: s.path, Offset: e.Offset})
	s.whole.Store(t.now().UnixNano())
	t.streams[s.id] = s
	t.byName.put(s)
	return s
}

// rename notes another path of s.
func (t *Tailer) rename(s *stream, path string) {
	s.label.Store(&path)
	t.byName.put(s)
}

// holds tells whether the stream's marker still stands in c, and whether c is as long as the stream's offset.
func (s *stream) holds(c content) (long bool, marker match, err error) {
	m, long, err := markerAt(c, s.off.Load(), int(s.marker.Len))
	switch {
	case err != nil || !long || s.marker.Len == 0:
		return long && err == nil, unknown, err
	case m == s.marker:
		return true, same, nil
	}
	return true, different, nil
}
