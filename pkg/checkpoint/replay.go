package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"syscall"

	"shipper/pkg/tail"
)

// state is what replaying files leads to.
type state struct {
	store   storeID // zero until a header was read
	last    tail.StreamID
	streams map[tail.StreamID]*entry
	lanes   map[laneID]laneState
}

type entry struct {
	meta tail.Epoch
	done progress
}

var (
	errNoHeader   = errors.New("it does not begin with a header")
	errForeign    = errors.New("it belongs to another state directory")
	errIncomplete = errors.New("its end is missing")
)

// loaded is what one file contributed.
type loaded struct {
	good     int  // bytes that could be read
	complete bool // a snapshot with its end
	err      error
}

// load replays data, the content of the named file, into st up to the first bad frame. Only a *VersionError is returned.
func (st *state) load(name string, snapshot bool, data []byte) (l loaded, newer error) {
	begun := false
	l.good, l.err = scanFrames(data, func(k kind, payload []byte) error {
		switch {
		case !begun && k != kindHeader:
			return errNoHeader
		case k&kindOptional != 0 && k != kindLane, l.complete:
			return nil
		}
		begun = true
		err := st.apply(k, payload, snapshot, &l)
		if v, ok := errors.AsType[*VersionError](err); ok {
			v.File, newer = name, v
		}
		return err
	})
	if !begun && l.err == nil {
		l.err = errNoHeader
	}
	if snapshot && l.err == nil && !l.complete {
		l.err = errIncomplete
	}
	return l, newer
}

func (st *state) apply(k kind, payload []byte, snapshot bool, l *loaded) error {
	switch k {
	case kindHeader:
		h, err := readHeader(payload)
		switch {
		case err != nil:
			return err
		case h.version > formatVersion:
			return &VersionError{Version: h.version, Known: formatVersion}
		case h.snapshot != snapshot:
			return errNoHeader
		case st.store != storeID{} && st.store != h.store:
			return errForeign
		}
		st.store = h.store
		st.last = max(st.last, h.last)
	case kindEpoch:
		e, err := readEpoch(payload)
		if err != nil {
			return err
		}
		if have := st.streams[e.ID]; have != nil {
			have.meta = e
		} else {
			st.streams[e.ID] = &entry{meta: e}
		}
		st.last = max(st.last, e.ID)
	case kindAck:
		id, p, err := readAck(payload)
		if err != nil {
			return err
		}
		if have := st.streams[id]; have != nil {
			have.done = p
		}
	case kindEnd:
		r := reader{b: payload}
		id := tail.StreamID(r.uint())
		if r.err != nil {
			return r.err
		}
		delete(st.streams, id)
	case kindLane:
		id, ls, err := readLane(payload)
		if err != nil {
			return err
		}
		st.lanes[id] = ls
	case kindComplete:
		l.complete = snapshot
	default:
		return &VersionError{Known: formatVersion}
	}
	return nil
}

// recover reads the directory into s. See the package comment for the steps.
func (s *Store) recover() error {
	names, err := s.files.Names()
	if err != nil {
		return err
	}
	content := map[string][]byte{}
	gens := map[uint64]bool{}
	for _, name := range names {
		gen, isSnap := generation(name, snapPrefix)
		if !isSnap {
			var isJournal bool
			if gen, isJournal = generation(name, journalPrefix); !isJournal {
				continue
			}
		}
		gens[gen] = true
		s.gen = max(s.gen, gen)
		data, err := s.files.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if !errors.Is(err, syscall.EIO) {
				return fmt.Errorf("read state: %w", err)
			}
			s.recovered = append(s.recovered, fmt.Sprintf("%s cannot be read: %v", name, err))
		}
		content[name] = data
	}
	order := slices.Sorted(maps.Keys(gens))
	st, from, err := newestSnapshot(order, content)
	if err != nil {
		return err
	}
	for _, gen := range order {
		if gen < from {
			continue
		}
		if err := s.replay(st, gen, content, gen > from || st.store == storeID{}); err != nil {
			return err
		}
	}
	s.adopt(st, len(order) > 0)
	return nil
}

// newestSnapshot returns the state of the newest complete snapshot and its generation, or an empty state and 0. Every file
// is looked at for a newer version first: not one byte may be changed then.
func newestSnapshot(order []uint64, content map[string][]byte) (*state, uint64, error) {
	var base *state
	var from uint64
	for _, gen := range slices.Backward(order) {
		for _, prefix := range [...]string{snapPrefix, journalPrefix} {
			name := fileName(prefix, gen)
			data, ok := content[name]
			if !ok {
				continue
			}
			st := newState()
			l, newer := st.load(name, prefix == snapPrefix, data)
			if newer != nil {
				return nil, 0, newer
			}
			if l.complete && base == nil {
				base, from = st, gen
			}
		}
	}
	if base == nil {
		base = newState()
	}
	return base, from, nil
}

func newState() *state {
	return &state{streams: map[tail.StreamID]*entry{}, lanes: map[laneID]laneState{}}
}

// replay adds one generation to st: what its damaged snapshot still says, if it is not the base, and its journal.
func (s *Store) replay(st *state, gen uint64, content map[string][]byte, withSnap bool) error {
	snap, journal := fileName(snapPrefix, gen), fileName(journalPrefix, gen)
	snapData, hasSnap := content[snap]
	if hasSnap && withSnap {
		l, err := st.load(snap, true, snapData)
		if err != nil {
			return err
		}
		s.setAside(snap, snapData, l)
	}
	if data, ok := content[journal]; ok {
		// A journal that is empty and has no snapshot is what a crash leaves between creating the two.
		if len(data) == 0 && !hasSnap {
			return nil
		}
		l, err := st.load(journal, false, data)
		if err != nil {
			return err
		}
		s.setAside(journal, data, l)
	} else if hasSnap {
		s.recovered = append(s.recovered, journal+" is missing")
	}
	return nil
}

// setAside keeps what could not be read of a file, for people to look at, and reports it.
func (s *Store) setAside(name string, data []byte, l loaded) {
	if l.err == nil {
		return
	}
	rest := data[l.good:]
	what := fmt.Sprintf("%s: %v at byte %d; ", name, l.err, l.good)
	f, err := s.createWith(name+badSuffix, rest)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		what += fmt.Sprintf("the %d bytes from there on are not used, and could not be set aside: %v", len(rest), err)
	} else {
		what += fmt.Sprintf("the %d bytes from there on are set aside as %s", len(rest), name+badSuffix)
	}
	s.recovered = append(s.recovered, what)
}

// adopt makes st the state of s.
func (s *Store) adopt(st *state, before bool) {
	s.id, s.last = st.store, st.last
	if s.id == (storeID{}) {
		s.id = newStoreID()
		if before {
			s.recovered = append(s.recovered, "nothing could be read: all files are taken for new ones")
		}
	} else {
		s.last += idGap
	}
	for id, e := range st.streams {
		s.streams[id] = newStream(s, e.meta, e.done)
	}
	s.adoptLanes(st.lanes)
}
