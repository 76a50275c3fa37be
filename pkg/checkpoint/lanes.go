package checkpoint

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"

	"shipper/internal/quiet"
	"shipper/pkg/tail"
)

// laneBook is the store's memory of what is on its way under a number.
type laneBook struct {
	laneMu     sync.Mutex // a leaf
	lanes      map[laneID]*Lane
	lastLane   uint64  // number given away last
	movedLanes []*Lane // changed since the last write
	version    uint64  // rises with every change

	laneBuf []byte // reused between writes; this and the rest are guarded by Store.io
	written uint64 // version that the journal has
	synced  uint64 // version that the disk has

	spooling *quiet.Trouble
}

// changeLane makes a change that the next write takes along, and returns its version.
func (s *Store) changeLane(l *Lane, change func()) uint64 {
	s.laneMu.Lock()
	defer s.laneMu.Unlock()
	change()
	if !l.dirty {
		l.dirty = true
		s.movedLanes = append(s.movedLanes, l)
	}
	s.version++
	s.wake()
	return s.version
}

// commitLane makes a change and returns when it is durable. Those who come while the disk is busy share the next sync.
func (s *Store) commitLane(l *Lane, change func()) error {
	mine := s.changeLane(l, change)
	s.io.Lock()
	defer s.io.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.synced >= mine:
		return nil
	case s.out == nil: // only the next tick tries again
		return cmp.Or(s.Trouble(), errClosed)
	}
	return s.writeLocked(true)
}

// takeLanes encodes the lanes that changed, or all. It must come before what they claim is looked at: a lane may say that its pack is
// done with only behind the progress that this made.
func (s *Store) takeLanes(all bool) (records []byte, version uint64) {
	s.laneMu.Lock()
	defer s.laneMu.Unlock()
	b := s.laneBuf[:0]
	list := s.movedLanes
	if all {
		list = slices.SortedFunc(maps.Values(s.lanes), func(a, b *Lane) int { return cmp.Compare(a.number, b.number) })
	}
	for _, l := range list {
		b = appendLane(b, l.id, &l.laneState)
	}
	if !all { // a snapshot may come to nothing
		for _, l := range s.movedLanes {
			l.dirty = false
		}
		s.movedLanes = s.movedLanes[:0]
		s.written = s.version
	}
	s.laneBuf = b
	return b, s.version
}

// adoptLanes takes over what an earlier run left.
func (s *Store) adoptLanes(found map[laneID]laneState) {
	s.lanes = map[laneID]*Lane{}
	for _, id := range slices.SortedFunc(maps.Keys(found), func(a, b laneID) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.index, b.index))
	}) {
		l := &Lane{store: s, id: id, worn: true, parts: 1, laneState: found[id]}
		s.lanes[id] = l
		s.lastLane = max(s.lastLane, l.number)
		if l.pack != nil {
			s.adoptPack(l)
		}
	}
}

func (s *Store) adoptPack(l *Lane) {
	if _, err := s.content(l.number, l.slot, l.pack); err != nil {
		s.recovered = append(s.recovered, fmt.Sprintf("a request to target %s that waits for its answer cannot be sent again: %v", l.id.target, err))
		l.pack = nil
		return
	}
	if s.reclaim(&l.pack.claim) {
		l.pack = nil
	}
}

// release gives up what an earlier run left of a stream.
func (s *Store) release(id tail.StreamID) {
	s.laneMu.Lock()
	list := slices.Collect(maps.Values(s.lanes))
	s.laneMu.Unlock()
	for _, l := range list {
		if l.pack != nil && l.pack.claim.id == id {
			l.Done()
		}
	}
	if st := s.Stream(id); st != nil {
		st.mu.Lock()
		st.dropClaimsLocked()
		st.mu.Unlock()
	}
}

func appendLane(dst []byte, id laneID, l *laneState) []byte {
	return appendFrame(dst, kindLane, func(b []byte) []byte {
		b = appendString(b, id.target)
		b = binary.AppendUvarint(b, id.index)
		b = binary.AppendUvarint(b, l.number)
		b = appendString(b, l.place)
		b = append(b, l.key[:]...)
		b = binary.AppendUvarint(b, l.seq)
		b = append(b, l.slot)
		b = appendBool(b, l.pack != nil)
		if p := l.pack; p != nil {
			b = binary.AppendUvarint(b, uint64(p.size))
			b = binary.LittleEndian.AppendUint32(b, p.sum)
			b = binary.AppendUvarint(b, uint64(len(p.plan)))
			b = append(b, p.plan...)
			b = binary.AppendUvarint(b, uint64(p.claim.id))
			b = binary.AppendUvarint(b, uint64(p.claim.r.From))
			b = binary.AppendUvarint(b, uint64(p.claim.r.Len()))
			b = appendMarker(b, p.claim.marker)
			b = binary.AppendUvarint(b, p.claim.after)
		}
		return b
	})
}

func readLane(payload []byte) (id laneID, l laneState, err error) {
	r := reader{b: payload}
	id = laneID{r.string(), r.uint()}
	l.number, l.place = r.uint(), r.string()
	copy(l.key[:], r.take(len(l.key)))
	l.seq = r.uint()
	if b := r.take(1); b != nil {
		l.slot = b[0] & 1
	}
	if !r.bool() {
		return id, l, r.err
	}
	p := &pack{size: r.size()}
	if b := r.take(4); b != nil {
		p.sum = binary.LittleEndian.Uint32(b)
	}
	p.plan = slices.Clone(r.take(int(min(r.uint(), frameMax))))
	c := &p.claim
	c.id, c.r.From = tail.StreamID(r.uint()), r.size()
	c.r.To = c.r.From + r.size()
	c.marker, c.after = r.marker(), r.uint()
	l.pack = p
	return id, l, r.err
}
