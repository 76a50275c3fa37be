package checkpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shipper/internal/durable"
	"shipper/internal/quiet"
	"shipper/internal/ticks"
	"shipper/pkg/tail"
)

const (
	commitEvery  = time.Second
	beatEvery    = 10 * time.Second // while there is nothing to commit
	reserveBytes = 4 << 20          // space taken ahead, so that positions can be written for a while on a full disk
	compactBytes = 8 << 20          // a journal of this size is replaced by a snapshot
	idGap        = 1 << 10          // ids left out at each start: the last ones given away may not have reached the disk
	lockName     = "lock"
)

// Options are what a Store needs besides its directory. The zero value discards messages and uses the real clock.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// Moved is called after bytes of a stream were settled, from the goroutine that settled them. It must not block. May be nil.
	Moved func(tail.StreamID)
	// Beat is called each time that Run has written what there is to write, and every ten seconds while there is nothing. May be nil.
	Beat func()

	files func(dir string) (files, error) // nil: the operating system
}

// Store is the state directory: the ledgers of all streams and the journal that outlives the process.
// It is safe for concurrent use.
type Store struct {
	log     *slog.Logger
	now     func() time.Time
	moved   func(tail.StreamID) // Options.Moved, never nil
	beat    func()              // Options.Beat, never nil
	files   files
	lock    *durable.Held
	id      storeID
	poke    chan struct{} // capacity 1: there are records to write
	trouble *quiet.Trouble

	recovered []string // written by Open only

	mu      sync.RWMutex // taken before Stream.mu
	streams map[tail.StreamID]*Stream
	last    tail.StreamID
	pending []byte // records of epochs that began, changed or ended, not yet written

	dirtyMu sync.Mutex // a leaf: taken with Stream.mu held
	dirty   []*Stream  // streams whose progress is not yet written

	tallyMu sync.Mutex // a leaf
	tallies map[tail.Route]*tally

	lossMu sync.Mutex
	losses map[Loss]int64 // Bytes is zero in the keys

	io sync.Mutex // held while writing; taken before mu
	journal

	laneBook

	whyMu sync.Mutex
	why   error // see Trouble
}

// Open locks the state directory, creating it if needed, and recovers what an earlier run left there. Damaged content is not
// an error: see Recovered. A directory that is in use gives a *durable.LockedError, a newer format a *VersionError, and one
// that cannot be read the error of the operating system; in these cases nothing is changed.
func Open(dir string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Moved == nil {
		o.Moved = func(tail.StreamID) {}
	}
	if o.Beat == nil {
		o.Beat = func() {}
	}
	if o.files == nil {
		o.files = func(dir string) (files, error) { return openFiles(dir) }
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create state directory: %w", err)
	}
	lock, err := durable.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	f, err := o.files(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open state directory: %w", err), lock.Release())
	}
	s := &Store{
		log: o.Log, now: o.Now, moved: o.Moved, beat: o.Beat, files: f, lock: lock,
		poke:     make(chan struct{}, 1),
		trouble:  quiet.New(o.Log, slog.LevelError, o.Now),
		streams:  map[tail.StreamID]*Stream{},
		losses:   map[Loss]int64{},
		laneBook: laneBook{spooling: quiet.New(o.Log, slog.LevelError, o.Now)},
	}
	if err := s.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", dir, err), f.Close(), lock.Release())
	}
	for _, what := range s.recovered {
		s.log.Error("state was damaged: some lines may be sent again", "code", "SHP-K002", "path", dir, "reason", what)
	}
	s.sweepSpool()
	_ = s.Commit() // a new generation; when the disk is in the way, Trouble says so and Run tries again
	return s, nil
}

func newStoreID() (id storeID) {
	_, _ = rand.Read(id[:]) // never fails: see crypto/rand
	return id
}

// ID is the random name of the state directory, 32 hex digits, chosen when it was new.
func (s *Store) ID() string { return s.id.String() }

// Recovered names what was found damaged when the store was opened: a sentence for each file.
func (s *Store) Recovered() []string { return slices.Clone(s.recovered) }

// Trouble is nil, or says why positions are kept in memory only since some time. Lines are delivered all the same; a crash
// now would repeat what was delivered since the trouble began. It goes away by itself when the disk works again.
func (s *Store) Trouble() error {
	s.whyMu.Lock()
	defer s.whyMu.Unlock()
	return s.why
}

func (s *Store) setTrouble(err error) {
	s.whyMu.Lock()
	s.why = err
	s.whyMu.Unlock()
	if err != nil {
		s.trouble.Report("positions cannot be written: kept in memory, a crash now would repeat lines", "code", "SHP-K001", "err", err)
	} else {
		s.trouble.Over("positions are written again", "code", "SHP-K001")
	}
}

// Run commits what changed once a second until ctx ends, and then once more. The error is that of the last commit: what it
// could not write is repeated after the next start.
func (s *Store) Run(ctx context.Context) error {
	commit := time.NewTimer(0) // what Open has left to do
	defer commit.Stop()
	waits := true
	idle := ticks.New(beatEvery)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.Commit()
		case <-s.poke: // what is written survives a kill at once, power failure after the next commit
			_ = s.write(false)
			if !waits {
				commit.Reset(commitEvery)
				waits = true
			}
		case <-commit.C:
			if waits = s.Commit() != nil; waits {
				commit.Reset(commitEvery)
			}
			s.beat()
		case <-idle.C:
			s.beat()
			idle.Next()
		}
	}
}

// Commit makes everything durable now. An error is also what Trouble reports.
func (s *Store) Commit() error { return s.write(true) }

// Close commits and gives the directory back. Streams may still be settled afterwards; nothing of that is kept. Closing again does
// nothing.
func (s *Store) Close() error {
	err := s.Commit()
	s.io.Lock()
	defer s.io.Unlock()
	if s.closed {
		return nil
	}
	if s.out != nil {
		err = errors.Join(err, s.out.Close())
		s.out = nil
	}
	s.closed = true
	return errors.Join(err, s.closeSpool(), s.files.Close(), s.lock.Release())
}

// changed is called with the stream's lock held, once until the next commit.
func (s *Store) changed(st *Stream) {
	s.dirtyMu.Lock()
	s.dirty = append(s.dirty, st)
	s.dirtyMu.Unlock()
	s.wake()
}

func (s *Store) wake() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}
