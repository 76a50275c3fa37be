package checkpoint

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// spoolFile holds the content of one pack. It is written in place again and again: a file that keeps its blocks is synced in half the
// time, and on a full disk too.
type spoolFile interface {
	WriteAt(p []byte, off int64) (int, error)
	Sync() error // content and length are durable
	Close() error
}

const spoolPrefix = "pack."

func spoolName(lane uint64, slot uint8) string {
	return spoolPrefix + strconv.FormatUint(lane, 10) + "." + strconv.Itoa(int(slot))
}

// write makes pieces the content of p, durably.
func (l *Lane) write(p *pack, slot uint8, pieces [][]byte) (err error) {
	f := l.spool[slot]
	if f == nil {
		if f, err = l.store.files.Spool(spoolName(l.number, slot)); err != nil {
			return err
		}
		if err = l.store.files.Sync(); err != nil {
			return errors.Join(err, f.Close())
		}
		l.spool[slot] = f
	}
	for _, b := range pieces {
		if _, err = f.WriteAt(b, p.size); err != nil {
			break
		}
		p.size += int64(len(b))
		p.sum = crc32.Update(p.sum, castagnoli, b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Close() // it has failed already
		l.spool[slot] = nil
	}
	return err
}

// content reads what write wrote.
func (s *Store) content(lane uint64, slot uint8, p *pack) ([]byte, error) {
	name := spoolName(lane, slot)
	b, err := s.files.ReadFile(name)
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) < p.size:
		return nil, fmt.Errorf("%s: its end is missing", name)
	case crc32.Checksum(b[:p.size], castagnoli) != p.sum:
		return nil, fmt.Errorf("%s is damaged", name)
	}
	return b[:p.size], nil
}

// sweepSpool removes the files of packs that are done with.
func (s *Store) sweepSpool() {
	names, err := s.files.Names()
	if err != nil {
		return
	}
	wanted := map[string]bool{}
	for _, l := range s.lanes {
		if l.pack != nil {
			wanted[spoolName(l.number, l.slot)] = true
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, spoolPrefix) && !wanted[name] {
			_ = s.files.Remove(name)
		}
	}
}

// closeSpool closes all files. Nobody uses a lane any more.
func (s *Store) closeSpool() (err error) {
	for _, l := range s.lanes {
		for slot, f := range l.spool {
			if f != nil {
				err = errors.Join(err, f.Close())
				l.spool[slot] = nil
			}
		}
	}
	return err
}
