package checkpoint

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Lane is one way to a place that remembers a number for each hash key: what arrives there under a number that is not above the
// last one is refused (PostLogStoreLogs with key and seqid). One pack at a time travels on a lane. Before its first byte leaves, its
// number, its claim and all of its content are on the disk (Begin); after a crash the same content goes out under the same number
// before anything else does, and is stored once, whatever became of it the first time.
//
// A key lives no longer than the process, but for the pack that it leaves: whoever goes on with a state directory that was set back, or
// copied, gives away no number twice.
//
// One goroutine at a time uses a lane.
type Lane struct {
	store  *Store
	id     laneID
	spool  [2]spoolFile // owned by the user; nil: not open
	adrift bool         // owned by the user: the key is not on any disk

	// The key is not for the next pack: an earlier run, or whoever has a copy of its state, may have used more of its numbers than are known.
	worn  bool
	parts int // the lanes of the target divide the space of keys

	laneState      // written by the user with Store.laneMu held, read by the journal's writer
	dirty     bool // guarded by Store.laneMu: on the list of those that the next write looks at
}

// laneID names a lane for ever.
type laneID struct {
	target string
	index  uint64
}

// laneState is what is remembered of a lane.
type laneState struct {
	number uint64 // names the spool files
	place  string
	key    [16]byte
	seq    uint64 // last one given away; 0: none under this key
	slot   uint8  // spool file of the last pack
	pack   *pack  // nil: nothing is on its way
}

// pack is what travels under a lane's number. It is never changed: another one takes its place.
type pack struct {
	claim Claim
	plan  []byte
	size  int64  // of the content, in bytes
	sum   uint32 // CRC32C of the content
}

// Pack is what travels under one number.
type Pack struct {
	Claim Claim
	Plan  []byte // of the user, given back as it is. Every change goes into the journal: it is short
	// Content is of the user too, in pieces that are written one behind the other. nil: the content that the lane has already.
	Content [][]byte
	Keep    bool // under the number that the lane has now, not the next one
}

// ErrNotDurable says that the disk did not take a pack.
var ErrNotDurable = errors.New("the request is not on the disk")

// Lanes returns n lanes from a target to a place (any name that differs when the target points elsewhere), and those beyond n on
// which an earlier user left a pack. They are the caller's until it has no more use for them.
func (s *Store) Lanes(target, place string, n int) []*Lane {
	s.laneMu.Lock()
	defer s.laneMu.Unlock()
	for i := range uint64(max(n, 0)) {
		if id := (laneID{target, i}); s.lanes[id] == nil {
			s.lastLane++
			s.lanes[id] = &Lane{store: s, id: id, parts: n, laneState: laneState{number: s.lastLane, place: place, key: newKey(i, n)}}
		}
	}
	var out []*Lane
	for _, l := range s.lanes {
		if l.id.target != target || l.id.index >= uint64(max(n, 0)) && l.pack == nil {
			continue
		}
		l.parts = n
		if l.place != place { // the numbers of the old place say nothing here
			l.place, l.key, l.seq = place, newKey(l.id.index, n), 0
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *Lane) int { return cmp.Compare(a.id.index, b.id.index) })
	return out
}

// newKey is a random key in the i-th of n equal parts of the space of keys, so that lanes are spread over shards.
func newKey(i uint64, n int) (key [16]byte) {
	_, _ = rand.Read(key[:]) // never fails
	parts := uint64(max(n, 1))
	width := max((1<<32)/parts, 1)
	binary.BigEndian.PutUint32(key[:], uint32(i%parts*width+uint64(binary.BigEndian.Uint32(key[:]))%width))
	return key
}

// Unresolved is the number of a target's packs that were sent, or were about to be, and whose fate is not known.
func (s *Store) Unresolved(target string) (n int) {
	s.laneMu.Lock()
	defer s.laneMu.Unlock()
	for id, l := range s.lanes {
		if id.target == target && l.pack != nil {
			n++
		}
	}
	return n
}

// Index is the lane's number among those of its target, from 0.
func (l *Lane) Index() int { return int(l.id.index) }

// Number is what the lane's pack travels under: 32 hex digits and a number from 1.
func (l *Lane) Number() (key string, seq uint64) { return hex.EncodeToString(l.key[:]), l.seq }

// Begin gives p its number and returns when all that is needed to send it again is on the disk: from then on the lane alone answers
// for its claim. An error wraps ErrNotDurable: the lane has no pack then, and a number under a key that is not on any disk. The
// content may be sent under it all the same; a crash will repeat it.
func (l *Lane) Begin(p Pack) error {
	next := &pack{claim: p.Claim, plan: p.Plan}
	slot := l.slot
	var err error
	switch {
	case l.store.Trouble() != nil: // what the disk knows last must stay as it is
		err = l.store.Trouble()
	case p.Content != nil:
		slot = 1 - slot // the journal may not know yet that the last pack is done with
		err = l.write(next, slot, p.Content)
	case l.pack != nil:
		next.size, next.sum = l.pack.size, l.pack.sum
	default:
		err = errors.New("it has no content")
	}
	if err == nil {
		next.claim.hold(true)
		err = l.store.commitLane(l, func() {
			if l.worn && !l.adrift && !p.Keep {
				l.key, l.seq = newKey(l.id.index, l.parts), 0
			}
			if !p.Keep {
				l.seq++
				l.worn = false
			}
			l.pack, l.slot = next, slot
		})
	}
	if err == nil {
		l.adrift = false
		l.store.spooling.Over("requests are kept on the disk again until they are answered", "code", "SHP-K006")
		return nil
	}
	l.store.spooling.Report("requests cannot be kept on the disk: they are sent all the same, and a crash now would repeat them",
		"code", "SHP-K006", "err", err)
	next.claim.hold(false)
	l.store.changeLane(l, func() {
		if !l.adrift { // a number that the disk may not know must not be given away again after a crash
			l.key, l.seq = newKey(l.id.index, l.parts), 0
		}
		l.pack = nil
		l.seq++
	})
	l.adrift = true
	return fmt.Errorf("%w: %w", ErrNotDurable, err)
}

// Renumber takes another key: somebody else has used up numbers of the present one. The pack needs a Begin before it is sent.
func (l *Lane) Renumber() {
	l.store.changeLane(l, func() { l.key, l.seq, l.worn = newKey(l.id.index, l.parts), 0, false })
}

// Done says that the claim of the lane's pack is settled.
func (l *Lane) Done() {
	if l.pack != nil {
		l.store.changeLane(l, func() { l.pack = nil })
	}
}

// Open reports whether the lane has a pack.
func (l *Lane) Open() bool { return l.pack != nil }

// Left returns the pack that an earlier user left. sent says that it may have arrived under the lane's number; if not, it needs a Begin.
func (l *Lane) Left() (p Pack, sent bool, err error) {
	content, err := l.store.content(l.number, l.slot, l.pack)
	if err != nil {
		return p, false, err
	}
	return Pack{Claim: l.pack.claim, Plan: l.pack.plan, Content: [][]byte{content}}, l.seq > 0, nil
}
