package checkpoint

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"shipper/pkg/tail"
)

// Outcome says what became of the bytes of a span.
type Outcome struct {
	Acked   int64 // the service said yes
	Dead    int64 // refused for ever, kept in the dead-letter file
	Lost    int64 // gone, or refused and not kept
	Skipped int64 // left out on purpose

	Logs int64 // how many logs the acked bytes were; only counted, see Store.Delivered
}

// Total is the sum of all parts, in bytes.
func (o Outcome) Total() int64 { return o.Acked + o.Dead + o.Lost + o.Skipped }

// Span is a range of a stream that was entered and is on its way.
type Span struct {
	r          tail.Range  // grows to the left as settled neighbours are merged into it
	marker     tail.Marker // of the bytes that end at r.To
	after      uint64      // pack number that follows
	state      spanState   // guarded by Stream.mu, as everything here
	claimed    bool        // a lane answers for it: it survives Rewind
	prev, next *Span
}

type spanState uint8

const (
	spanOpen    spanState = iota
	spanSettled           // in the list until everything before it is settled too; or merged into a neighbour
	spanStale             // forgotten by Rewind
	spanAhead             // claimed, and reading has not reached it: in done.ahead, not in the list
)

// Stream is the ledger of one epoch. Bytes are read, entered as spans in the order of the file, and settled in any order.
// It is safe for concurrent use; Read, NextPack, Enter, Skip and Jump are for the one who reads the stream.
//
// The spans that were entered and are not committed form a list without gaps that begins at the committed offset.
// Settled neighbours are merged, so that a span that hangs for hours costs no memory for what passes it by.
type Stream struct {
	store *Store
	id    tail.StreamID
	tally *tally // of the route

	mu          sync.Mutex
	meta        meta
	done        progress // committed; done.ahead are the ranges of an earlier run that reading has not reached yet
	first, last *Span    // entered and not committed
	next        int64    // where the next span begins
	seq         uint64   // number of the next pack
	dirty       bool     // on the store's list of changed streams
	ended       bool     // forgotten by the store: nothing is written any more
}

// meta is what is known of an epoch besides its progress.
type meta struct {
	route    tail.Route // never changes
	identity tail.Identity
	path     string
	seen     time.Time
	detached bool
}

func metaOf(e tail.Epoch) meta { return meta{e.Route, e.Identity, e.Path, e.Seen, e.Detached} }

// record is the epoch without its progress.
func (s *Stream) record() tail.Epoch {
	m := &s.meta
	return tail.Epoch{ID: s.id, Route: m.route, Identity: m.identity, Path: m.path, Seen: m.seen, Detached: m.detached}
}

func newStream(store *Store, e tail.Epoch, p progress) *Stream {
	s := &Stream{store: store, id: e.ID, tally: store.tallyOf(e.Route), meta: metaOf(e), done: p}
	s.rest()
	return s
}

// rest makes done the whole truth about the stream: nothing is on its way.
func (s *Stream) rest() {
	for len(s.done.ahead) > 0 && s.done.ahead[0].r.From <= s.done.offset && s.done.ahead[0].claim == nil {
		s.reach(s.done.ahead[0].r.To, s.done.ahead[0].marker, s.done.ahead[0].after)
		s.done.ahead = s.done.ahead[1:]
	}
	s.first, s.last = nil, nil
	s.next, s.seq = s.done.offset, s.done.pack
	s.done.counts.Read = settledSum(s.done.counts)
}

// reach moves the committed offset.
func (s *Stream) reach(to int64, m tail.Marker, after uint64) {
	if to > s.done.offset {
		s.done.offset, s.done.marker = to, m
	}
	s.done.pack = max(s.done.pack, after)
}

// ID is the stream's name for ever.
func (s *Stream) ID() tail.StreamID { return s.id }

// Prefix is the stream's part of a pack id: the same after a restart, different for every stream of every state directory.
func (s *Stream) Prefix() uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s_%d", s.store.ID(), s.id)
	return h.Sum64()
}

// Epoch returns the present record of the stream.
func (s *Stream) Epoch() tail.Epoch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochLocked()
}

func (s *Stream) epochLocked() tail.Epoch {
	e := s.record()
	p := s.progressLocked()
	e.Offset, e.Marker, e.PackSeq, e.Counts = p.offset, p.marker, p.pack, p.counts
	for _, a := range p.ahead {
		e.Ahead = append(e.Ahead, a.r)
	}
	return e
}

// progressLocked is what would be found if the process died now.
func (s *Stream) progressLocked() progress {
	p := s.done
	p.ahead = nil
	add := func(a ahead) {
		if a.claim != nil {
			return
		}
		if n := len(p.ahead); n > 0 && p.ahead[n-1].r.To == a.r.From {
			a.r.From = p.ahead[n-1].r.From
			p.ahead[n-1] = a
		} else if a.r.Len() > 0 {
			p.ahead = append(p.ahead, a)
		}
	}
	for sp := s.first; sp != nil; sp = sp.next {
		if sp.state == spanSettled {
			add(ahead{r: sp.r, marker: sp.marker, after: sp.after})
		}
	}
	for _, a := range s.done.ahead {
		add(a)
	}
	return p
}

// Position is the committed offset: where reading starts.
func (s *Stream) Position() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done.offset
}

// NextPack gives away the number of the next pack. The first at Position is the one it had before a restart.
func (s *Stream) NextPack() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq := s.seq
	s.seq++
	return seq
}

// Read counts n bytes as read. They are pending until they are settled.
func (s *Stream) Read(n int64) {
	s.mu.Lock()
	s.done.counts.Read += n
	s.mu.Unlock()
}

// Enter records that r goes out as pack. m is of the bytes that end at r.To. Spans are entered in the order of the file;
// ranges that an earlier run settled (Epoch.Ahead) may be left out or entered again. A span that begins before the end of the last one
// means that reading went back: what is in between is not settled any more and will be sent again. A gap of unsettled bytes would
// be a loss that nobody notices: it is an error of the program, and Enter panics.
func (s *Stream) Enter(r tail.Range, m tail.Marker, pack uint64) *Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jumpLocked(r.From)
	s.seq = max(s.seq, pack+1)
	sp := &Span{r: r, marker: m, after: pack + 1}
	s.pushLocked(sp)
	return sp
}

// Skip enters r and settles it as left out on purpose. It uses up no pack number.
func (s *Stream) Skip(r tail.Range, m tail.Marker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jumpLocked(r.From)
	sp := &Span{r: r, marker: m, after: s.seq}
	s.pushLocked(sp)
	s.settleLocked(sp, Outcome{Skipped: r.Len()})
}

// Jump moves to off over ranges that an earlier run settled. Anything else in between is an error of the program: it panics.
func (s *Stream) Jump(off int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jumpLocked(off)
	s.touchLocked()
}

// Settle says what became of the bytes of sp. Spans are settled in any order, each once, and o adds up to the length of the
// span; anything else is an error of the program, and Settle panics. After Rewind a span of before is ignored.
func (s *Stream) Settle(sp *Span, o Outcome) {
	defer s.store.moved(s.id) // once the lock is free again
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleLocked(sp, o)
}

func (s *Stream) settleLocked(sp *Span, o Outcome) {
	switch {
	case sp.state == spanStale:
		return
	case sp.state == spanSettled:
		panic(fmt.Sprintf("checkpoint: stream %d: [%d,%d) is settled twice", s.id, sp.r.From, sp.r.To))
	case o.Total() != sp.r.Len() || min(o.Acked, o.Dead, o.Lost, o.Skipped) < 0:
		panic(fmt.Sprintf("checkpoint: stream %d: outcome %+v does not add up to [%d,%d)", s.id, o, sp.r.From, sp.r.To))
	}
	if sp.state == spanAhead {
		s.settleAheadLocked(sp, o)
		return
	}
	sp.state = spanSettled
	s.countLocked(o)
	s.mergeLocked(sp)
	s.commitLocked()
	s.touchLocked()
}

func (s *Stream) countLocked(o Outcome) {
	s.done.counts.Acked += o.Acked
	s.done.counts.Dead += o.Dead
	s.done.counts.Lost += o.Lost
	s.done.counts.Skipped += o.Skipped
	s.tally.bytes.Add(o.Acked)
	s.tally.logs.Add(o.Logs)
}

// touchLocked puts the stream on the list of those whose progress the next commit writes.
func (s *Stream) touchLocked() {
	if !s.dirty && !s.ended {
		s.dirty = true
		s.store.changed(s)
	}
}

// Rewind forgets what was read or entered and not settled, so that reading can start again at Position within the same
// process. What was settled beyond it becomes Ahead. Spans from before are ignored by Settle.
func (s *Stream) Rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rewindLocked()
}

func (s *Stream) rewindLocked() {
	s.done.ahead = s.waitingLocked()
	for sp := s.first; sp != nil; sp = sp.next {
		if sp.state == spanOpen && sp.claimed {
			sp.state = spanAhead
		} else {
			sp.state = spanStale
		}
	}
	s.rest()
}
