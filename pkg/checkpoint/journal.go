package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"shipper/pkg/tail"
)

// journal is the generation that is being written. Everything is guarded by Store.io.
type journal struct {
	gen       uint64
	out       file  // journal.<gen>; nil when there is none that can be trusted
	size      int64 // bytes written to out
	reserved  int64 // bytes of space that out has
	unsynced  bool  // something was written since the last sync
	compactAt int64 // size at which a new generation begins
	closed    bool
	buf       []byte // reused between writes
}

const (
	snapPrefix    = "snap."
	journalPrefix = "journal."
	tempName      = "snap.tmp"
	badSuffix     = ".bad"
)

func fileName(prefix string, gen uint64) string { return prefix + strconv.FormatUint(gen, 10) }

// generation returns the number in a name of the form prefix + number.
func generation(name, prefix string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	gen, err := strconv.ParseUint(digits, 10, 64)
	return gen, err == nil && fileName(prefix, gen) == name
}

var errClosed = errors.New("store is closed")

// write appends what changed to the journal, and makes it durable if sync is set. A journal that failed is not touched again
// (after a failed write or sync nobody knows what is in it): a new generation takes its place as soon as the disk lets it.
func (s *Store) write(sync bool) error {
	s.io.Lock()
	defer s.io.Unlock()
	if s.closed {
		return errClosed
	}
	if s.out == nil && !sync {
		return nil // trouble: only the next tick tries again
	}
	return s.writeLocked(sync)
}

func (s *Store) writeLocked(sync bool) error {
	if s.out != nil {
		err := s.appendLocked(sync)
		if err == nil {
			if s.size >= s.compactAt {
				s.compactLocked()
			}
			return nil
		}
		s.dropJournalLocked(err)
	}
	err := s.renewLocked()
	s.setTrouble(err)
	return err
}

func (s *Store) appendLocked(sync bool) error {
	s.buf = s.appendChanges(s.buf[:0])
	if len(s.buf) > 0 {
		if need := s.size + int64(len(s.buf)); need > s.reserved {
			// Not every file system can do it, and a full one may still have room for this write.
			if s.out.Reserve(s.size, int64(len(s.buf))+reserveBytes) == nil {
				s.reserved = need + reserveBytes
			}
		}
		s.unsynced = true
		n, err := s.out.Write(s.buf)
		s.size += int64(n)
		if err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
	}
	if sync && s.unsynced {
		if err := s.out.Sync(); err != nil {
			return fmt.Errorf("sync journal: %w", err)
		}
		s.unsynced = false
	}
	if sync {
		s.synced = s.written
	}
	return nil
}

func (s *Store) dropJournalLocked(err error) {
	s.setTrouble(err)
	_ = s.out.Close() // it has failed already
	s.out = nil
}

// appendChanges takes the records that wait. Lanes are looked at first and written last: see takeLanes. The list of changed streams
// is taken before the records of epochs, so that the record of an epoch never comes behind the first progress that was made in it.
func (s *Store) appendChanges(b []byte) []byte {
	lanes, _ := s.takeLanes(false)
	s.dirtyMu.Lock()
	dirty := s.dirty
	s.dirty = nil
	s.dirtyMu.Unlock()

	s.mu.Lock()
	b = append(b, s.pending...)
	s.pending = s.pending[:0]
	s.mu.Unlock()

	for _, st := range dirty {
		st.mu.Lock()
		st.dirty = false
		if !st.ended {
			p := st.progressLocked()
			b = appendAck(b, st.id, &p)
		}
		st.mu.Unlock()
	}
	return append(b, lanes...)
}

// compactLocked begins a new generation because the journal is long. It need not succeed now: the journal is good.
func (s *Store) compactLocked() {
	if err := s.renewLocked(); err != nil {
		s.compactAt = s.size + compactBytes/8
		s.log.Warn("journal cannot be compacted yet", "code", "SHP-K003", "bytes", s.size, "err", err)
	}
}

// renewLocked begins a new generation: a snapshot and an empty journal. The rename of the snapshot is the moment from which the
// new generation counts; until then a crash, or an error, leaves the old one in force.
func (s *Store) renewLocked() (err error) {
	gen := s.gen + 1
	h := header{version: formatVersion, store: s.id, gen: gen}

	// From here on new records wait in pending; they belong to the journal that is in force when this function returns.
	s.mu.Lock()
	if s.out == nil {
		s.pending = nil // the snapshot says all of it, and as long as there is none it would only grow
	}
	h.last = s.last
	lanes, version := s.takeLanes(true)
	streams := slices.SortedFunc(maps.Values(s.streams), func(a, b *Stream) int { return cmp.Compare(a.id, b.id) })
	s.mu.Unlock()

	next, err := s.createWith(fileName(journalPrefix, gen), appendHeader(nil, h))
	if err != nil {
		return fmt.Errorf("begin journal: %w", err)
	}
	h.snapshot = true
	snap, err := s.createWith(tempName, appendSnapshot(nil, h, streams, lanes))
	if err == nil {
		if err = snap.Close(); err == nil {
			err = s.files.Rename(tempName, fileName(snapPrefix, gen))
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write snapshot: %w", err), next.Close(), s.files.Remove(fileName(journalPrefix, gen)))
	}
	if s.out != nil {
		_ = s.out.Close() // everything in it is in the snapshot
	}
	s.journal = journal{gen: gen, out: next, size: headerSize(h), reserved: reserveBytes, compactAt: compactBytes, buf: s.buf}
	if next.Reserve(0, reserveBytes) != nil {
		s.reserved = s.size
	}
	if err := s.files.Sync(); err != nil {
		_ = next.Close()
		s.out = nil // which generation a power failure would leave is unknown: write another one
		return fmt.Errorf("sync state directory: %w", err)
	}
	s.synced = max(s.synced, version)
	s.prune(gen - 1)
	return nil
}

func headerSize(h header) int64 { return int64(len(appendHeader(nil, h))) }

func appendSnapshot(b []byte, h header, streams []*Stream, lanes []byte) []byte {
	b = appendHeader(b, h)
	for _, st := range streams {
		st.mu.Lock()
		if !st.ended {
			e, p := st.record(), st.progressLocked()
			b = appendAck(appendEpoch(b, &e), st.id, &p)
		}
		st.mu.Unlock()
	}
	return appendComplete(append(b, lanes...))
}

// createWith creates a file that holds data, durably except for its name.
func (s *Store) createWith(name string, data []byte) (file, error) {
	f, err := s.files.Create(name)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), s.files.Remove(name))
	}
	return f, nil
}

const badKept = 4 // files set aside that are kept, newest first

// prune removes generations older than oldest and all but a few of the files that were set aside. What cannot be removed
// now is met again next time.
func (s *Store) prune(oldest uint64) {
	names, err := s.files.Names()
	if err != nil {
		return
	}
	var bad []string
	for _, name := range names {
		for _, prefix := range [...]string{snapPrefix, journalPrefix} {
			if gen, ok := generation(name, prefix); ok && gen < oldest {
				_ = s.files.Remove(name)
			} else if _, ok := generation(strings.TrimSuffix(name, badSuffix), prefix); ok && strings.HasSuffix(name, badSuffix) {
				bad = append(bad, name)
			}
		}
	}
	slices.SortFunc(bad, func(a, b string) int { return cmp.Compare(badGen(b), badGen(a)) })
	for _, name := range bad[min(len(bad), badKept):] {
		_ = s.files.Remove(name)
	}
}

func badGen(name string) uint64 {
	name = strings.TrimSuffix(name, badSuffix)
	if gen, ok := generation(name, snapPrefix); ok {
		return gen
	}
	gen, _ := generation(name, journalPrefix)
	return gen
}

var _ tail.Positions = (*Store)(nil)
