package tail

import (
	"shipper/internal/linux"
)

// tendLoose decides whether a detached stream is final: read to the end, no writer, everything settled.
func (t *Tailer) tendLoose(s *stream) {
	f := s.file
	if f == nil || !s.detached() {
		delete(t.loose, s)
		return
	}
	if !t.reopen(f) {
		if !f.hidden && t.hold(s) { // its name is gone, and it was settled before it was closed, or could not be read
			t.loseGone(s)
			t.final(s)
		}
		return
	}
	size := f.info.Size
	noWriter := t.noWriter(f) // before the size is read: afterwards nobody can add to it
	if err := t.refresh(f); err != nil {
		return
	}
	if f.info.Size != size {
		t.verify(s, f.info.Size < size)
		return
	}
	if !t.ring.rests(s) || !t.hold(s) {
		return
	}
	switch {
	case !s.finish && noWriter && t.readAll(s):
		s.finish = true
		t.finishing[s] = struct{}{}
		t.events.await(s.id, true)
		t.ring.mark(s)
	case s.finished && t.settled(s):
		t.final(s)
	}
}

// readAll reports whether a parked stream was read to the present end, but for an unterminated line.
func (t *Tailer) readAll(s *stream) bool {
	return s.file.packed() || s.off.Load()+s.partial.Load() >= s.file.info.Size
}

func (t *Tailer) settled(s *stream) bool {
	off, _ := t.opts.Positions.Settled(s.id)
	return off >= s.off.Load()
}

// noWriter reports whether no process can add to f any more. Where the kernel does not tell, being quiet has to do.
func (t *Tailer) noWriter(f *file) bool {
	writer, err := linux.HasWriter(f.f)
	if err != nil {
		return t.now().Sub(f.changed) >= t.opts.FinalWait
	}
	return !writer
}

// final ends a parked stream that is settled to its end. As long as its file exists it is remembered, so that it is not
// read again under another name or in a copy.
func (t *Tailer) final(s *stream) {
	f := s.file
	t.unspool(f)
	grown := f.f != nil && !f.packed() && t.refresh(f) == nil && f.info.Size > s.off.Load()
	t.log.Debug("file is finished", s.attrs(), "offset", s.off.Load())
	s.epoch.Offset, s.epoch.Marker, s.epoch.Ahead = s.off.Load(), s.marker, nil
	s.epoch.Identity.Head = *s.head.Load()
	if grown { // somebody has opened it again: the rest is a stream of its own
		t.over(s)
		t.opts.Positions.End(s.id)
		t.begin(f, s.in, s.route, s.off.Load(), s.path(), s.epoch.Seen)
		return
	}
	rec := &record{epoch: s.epoch, done: true, checked: t.now()}
	copies := t.hasCopies(s)
	t.over(s)
	if f.f == nil || f.info.Links > 0 || copies || t.livesOn(rec, nil) {
		t.records[s.route] = append(t.records[s.route], rec)
	} else {
		t.opts.Positions.End(s.id)
	}
	t.dropUnused(f)
}

// hasCopies reports whether a file that is matched was linked to s: then s must be remembered.
func (t *Tailer) hasCopies(s *stream) bool {
	for f := range t.linked {
		if f.links[s.route] == s {
			return true
		}
	}
	return false
}

// over takes a parked stream off every list.
func (t *Tailer) over(s *stream) {
	t.ring.park(s)
	t.ring.close(s)
	t.events.await(s.id, false)
	s.src.Close()
	delete(t.streams, s.id)
	t.byName.drop(s)
	delete(t.loose, s)
	delete(t.orphans, s)
	delete(t.sick, s)
	delete(t.finishing, s)
	delete(t.parked, s)
	if f := s.file; f != nil {
		f.streams.drop(s.route)
	}
	for path, last := range t.last[s.route] {
		if last == s {
			delete(t.last[s.route], path)
		}
	}
	for f := range t.linked {
		if f.links[s.route] == s {
			delete(f.links, s.route)
			t.fresh = append(t.fresh, f)
		}
	}
}
