package tail

import (
	"bytes"
	"errors"
	"io"
	"time"
)

const (
	keepTailWait   = 2 * time.Second // how long the rest may take to come back after the file was emptied: cat t > f
	keepTailSearch = 256 << 20       // how much of a file is searched, in bytes
	keepTailBlock  = 1 << 20
)

// keptTail deals with a parked stream whose file was cut at its front by a program that keeps the end (keep_tail): what ends at the
// offset stands further in front now, and reading goes on behind it, as another epoch, because offsets mean something else now. It
// is true if that is so, or may become so in a moment.
//
// It must be asked for. A file that was emptied and filled by a program that always says the same looks like a file that was cut, and
// taking one for the other would skip lines.
func (t *Tailer) keptTail(s *stream) bool {
	f := s.file
	if !s.in.cfg.KeepTail || f == nil || f.f == nil || f.packed() || s.marker.Len == 0 {
		return false
	}
	at, err := findMarker(f.f, s.marker, min(s.off.Load(), keepTailSearch))
	if err != nil || at < 0 {
		since, waiting := t.cutting[s]
		if !waiting {
			since = t.now()
			t.cutting[s] = since
		}
		if !t.once && t.now().Sub(since) < keepTailWait {
			return true
		}
		delete(t.cutting, s)
		return false
	}
	delete(t.cutting, s)
	label := s.path()
	t.log.Debug("the beginning of the file was cut off", s.attrs(), "offset", s.off.Load(), "at", at)
	s.troubled = false
	since := s.unharmed()
	s.epoch.Detached, s.epoch.Seen = true, since
	t.opts.Positions.Update(s.epoch)
	f.kept = true
	t.discard(s)
	_ = t.refresh(f)
	t.begin(f, s.in, s.route, at, label, since)
	f.kept = false
	return true
}

// tendCutting lets readers look again at files that were emptied a moment ago.
func (t *Tailer) tendCutting() {
	for s := range t.cutting {
		if t.streams[s.id] != s || s.file == nil {
			delete(t.cutting, s)
			continue
		}
		t.ring.mark(s)
	}
}

// findMarker returns the first end of a line before end where m ends, or -1.
func findMarker(c io.ReaderAt, m Marker, end int64) (int64, error) {
	n := int(m.Len)
	buf := make([]byte, n+keepTailBlock)
	for from := int64(0); from < end; from += keepTailBlock {
		pre := int(min(from, int64(n)))
		got, err := c.ReadAt(buf[:pre+int(min(keepTailBlock, end-from))], from-int64(pre))
		if err != nil && !errors.Is(err, io.EOF) {
			return -1, err
		}
		for at := pre; at < got; at++ {
			i := bytes.IndexByte(buf[at:got], '\n')
			if i < 0 {
				break
			}
			at += i
			if at+1 >= n && MarkerOf(buf[at+1-n:at+1]) == m {
				return from - int64(pre) + int64(at) + 1, nil
			}
		}
		if err != nil {
			break
		}
	}
	return -1, nil
}
