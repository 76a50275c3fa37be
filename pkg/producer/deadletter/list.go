package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"shipper/internal/durable"
)

// ErrNotFound says that no letter has the id.
var ErrNotFound = errors.New("no such dead letter")

// List yields every letter, oldest first. Lines that are no letters come as *DamagedError, and the sequence goes on; any
// other error ends it. Letters that are written or removed meanwhile may or may not be seen.
func (s *Store) List() iter.Seq2[Letter, error] {
	return func(yield func(Letter, error) bool) {
		files, err := s.files()
		if err != nil {
			yield(Letter{}, err)
			return
		}
		for _, f := range files {
			for rec, err := range scan(filepath.Join(s.dir, f.name)) {
				if err == nil {
					err = rec.bad
				}
				if !yield(rec.letter, err) || err != nil && !damaged(err) {
					return
				}
			}
		}
	}
}

// Show returns the letter with an id, or ErrNotFound.
func (s *Store) Show(id string) (Letter, error) {
	for l, err := range s.List() {
		if err == nil && l.ID == id {
			return l, nil
		}
		if err != nil && !damaged(err) {
			return Letter{}, err
		}
	}
	return Letter{}, fmt.Errorf("%w: %s", ErrNotFound, id)
}

// Remove takes letters off the disk by their ids and returns how many were there.
func (s *Store) Remove(ids ...string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	gone := make(map[string]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	return s.Purge(func(l Letter) bool { return gone[l.ID] })
}

// Purge takes the letters off the disk that pick chooses (nil = all, damaged lines too) and returns how many.
func (s *Store) Purge(pick func(Letter) bool) (int, error) {
	return s.purge(func(rec record) bool { return pick == nil || rec.bad == nil && pick(rec.letter) })
}

func (s *Store) purge(pick func(record) bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	files, err := s.files()
	if err != nil {
		return 0, err
	}
	total := 0
	for _, f := range files {
		n, err := purgeFile(filepath.Join(s.dir, f.name), pick)
		total += n
		if err != nil {
			return total, fmt.Errorf("purge dead letters: %w", err)
		}
	}
	return total, durable.SyncDir(s.dir)
}

// PurgeDamaged takes the lines off the disk that are no letters.
func (s *Store) PurgeDamaged() error {
	_, err := s.purge(func(rec record) bool { return rec.bad != nil })
	return err
}

// purgeFile rewrites one file without what pick chooses, or removes it when nothing is left.
func purgeFile(path string, pick func(record) bool) (removed int, err error) {
	var keep bytes.Buffer
	changed := false
	for rec, err := range scan(path) {
		switch {
		case err != nil:
			return 0, err
		case pick(rec):
			changed = true
			if rec.bad == nil {
				removed++
			}
		default:
			keep.Write(append(rec.raw, '\n'))
		}
	}
	switch {
	case keep.Len() == 0:
		return removed, os.Remove(path)
	case !changed:
		return 0, nil
	}
	return removed, durable.WriteFile(path, keep.Bytes(), 0o600)
}

// damaged reports whether err is about one line only.
func damaged(err error) bool {
	_, ok := errors.AsType[*DamagedError](err)
	return ok
}
