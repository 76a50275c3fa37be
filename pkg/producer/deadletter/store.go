package deadletter

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"shipper/internal/durable"
	"shipper/internal/units"
)

// Options of a Store.
type Options struct {
	Max units.Bytes  // bound of the directory; 0 = the default
	Log *slog.Logger // nil discards
	Now func() time.Time
}

// Store is a directory of letters. It is safe for concurrent use, also by several processes: every change is made under an
// flock, and between changes no file stays open.
type Store struct {
	dir     string
	max     int64
	segment int64 // files are closed at about this size; the oldest file is what makes room
	log     *slog.Logger
	now     func() time.Time

	mu      sync.Mutex // guards the files against this process; the flock guards them against others
	next    uint16     // tail of the next id
	mark    uint16     // middle of its ids, to tell it from other Stores on the directory
	written atomic.Int64
	dropped atomic.Int64
}

// Stats tells what a Store did since Open.
type Stats struct {
	Written int64 // letters
	Dropped int64 // letters that had to make room; their logs are lost
	Bytes   int64 // size of the directory now
}

// Open makes the directory if needed. It leaves what is in it alone.
func Open(dir string, o Options) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make dead-letter directory: %w", err)
	}
	s := &Store{dir: dir, max: int64(o.Max), log: o.Log, now: o.Now, mark: uint16(rand.Uint32())}
	s.next = uint16(rand.Uint32()) // two Stores that begin within a second must not give the same ids
	if s.max <= 0 {
		s.max = int64(Default().Max)
	}
	s.segment = min(max(s.max/8, 1), 32<<20)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// Stats looks at the directory.
func (s *Store) Stats() Stats {
	st := Stats{Written: s.written.Load(), Dropped: s.dropped.Load()}
	files, err := s.files()
	if err != nil {
		return st
	}
	for _, f := range files {
		st.Bytes += f.size
	}
	return st
}

// Write puts l on the disk and returns when it is there for good. It sets l's ID, and its Time if that is zero.
func (s *Store) Write(l Letter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.Time.IsZero() {
		l.Time = s.now().UTC()
	}
	s.next++
	l.ID = fmt.Sprintf("%08x%04x%04x", uint32(s.now().Unix()), s.mark, s.next)
	line, err := lineOf(l)
	if err != nil {
		return fmt.Errorf("encode dead letter: %w", err)
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.append(line); err != nil {
		return err
	}
	s.written.Add(1)
	return nil
}

// append writes line to the newest file, or to a new one, and makes room before.
func (s *Store) append(line line) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	if files, err = s.makeRoom(files, line.size()); err != nil {
		return err
	}
	number, fresh := 1, true
	if n := len(files); n > 0 {
		last := files[n-1]
		number, fresh = last.number, last.size+line.size() > s.segment
		if fresh {
			number++
		}
	}
	if err := appendFile(filepath.Join(s.dir, fileName(number)), line); err != nil {
		return fmt.Errorf("write dead letter: %w", err)
	}
	if fresh {
		return durable.SyncDir(s.dir)
	}
	return nil
}

// appendFile appends line and fsyncs. A torn line from a crash is closed first; a write that fails is taken back.
func appendFile(path string, line line) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size > 0 {
		var last [1]byte
		if _, err := f.ReadAt(last[:], size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line.head = append([]byte{'\n'}, line.head...)
		}
	}
	if err = line.write(f); err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Truncate(size) // best effort: what stays is skipped as a damaged line
	}
	return err
}

// makeRoom removes the oldest files until n more bytes fit.
func (s *Store) makeRoom(files []file, n int64) ([]file, error) {
	var used int64
	for _, f := range files {
		used += f.size
	}
	for len(files) > 0 && used+n > s.max {
		path := filepath.Join(s.dir, files[0].name)
		var lost, logs int64
		for rec, err := range scan(path) {
			if err == nil && rec.bad == nil {
				lost++
				logs += int64(rec.letter.Logs)
			}
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("make room for dead letters: %w", err)
		}
		s.dropped.Add(lost)
		s.log.Error(fmt.Sprintf("the dead-letter directory is full: %d letters with %d logs were dropped; look at them in time "+
			"(dlq list, dlq replay) or raise dead_letter.max", lost, logs), "code", "SHP-P902", "path", path, "bytes", files[0].size)
		used -= files[0].size
		files = files[1:]
	}
	return files, nil
}

type file struct {
	name   string
	number int
	size   int64
}

func fileName(number int) string { return fmt.Sprintf("%08d.jsonl", number) }

// files lists the letters' files, oldest first.
func (s *Store) files() ([]file, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	var out []file
	for _, e := range entries {
		var number int
		if !strings.HasSuffix(e.Name(), ".jsonl") {
			continue
		}
		if _, err := fmt.Sscanf(e.Name(), "%d.jsonl", &number); err != nil || e.Name() != fileName(number) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		out = append(out, file{name: e.Name(), number: number, size: info.Size()})
	}
	slices.SortFunc(out, func(a, b file) int { return a.number - b.number })
	return out, nil
}

// lock keeps other processes out while files change. It waits, because nobody holds it for longer than a write.
func (s *Store) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock dead letters: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock dead letters: %w", err)
	}
	return func() { f.Close() }, nil // closing releases
}
