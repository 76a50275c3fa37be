package tail

import (
	"slices"
)

// departure is how a stream ends that is not configured any more.
type departure struct {
	until   int64 // it is read up to here
	stopped bool  // it is not read any more, only settled
	route   bool  // its route is gone; otherwise its path matches no more
}

// remake gives s a new sink, and a new cutter if its lines are cut in another way now.
func (t *Tailer) remake(s *stream, recut bool) {
	if s.finished || t.leaving[s].stopped {
		return
	}
	t.ring.seize(s)
	t.parked[s] = struct{}{}
	if s.finished { // in the turn that was waited for
		return
	}
	if recut && s.file != nil {
		t.reopen(s.file) // for a byte order mark
	}
	if back := t.yield(s); back || recut {
		t.recut(s)
	}
	s.sink = t.opts.NewSink(Stream{ID: s.id, Route: s.route, Path: s.path, Offset: s.off.Load()})
	t.ring.mark(s)
}

// yield ends the use of a parked stream's sink. It reports whether the stream went back to lines that the sink held.
func (t *Tailer) yield(s *stream) (back bool) {
	l, ok := s.sink.(Leaver)
	if !ok {
		s.sink.Finish()
		return false
	}
	l.Leave(func(from int64) bool {
		if long, m, err := s.holds(s.src); err != nil || !long || m == different {
			return false // those lines may be nowhere but in memory
		}
		m, long, err := markerAt(s.src, from, MarkerMax)
		if err != nil || !long || from > s.off.Load() {
			return false
		}
		s.off.Store(from)
		s.marker, s.size, s.zeroTo, back = m, asNeeded, 0, true
		return true
	})
	return back
}

// recut makes the cutter of a parked stream anew, at the place where the stream stands.
func (t *Tailer) recut(s *stream) {
	first, _ := readHead(s.src)
	cs := s.in.charset
	if _, mark := bom(first); mark != nil {
		cs = mark
	}
	s.cut = newCutter(int(s.in.cfg.MaxLine), s.in.long, cs)
	s.cut.resume(s.src, s.off.Load())
}

// leaveRoute stops reading a stream whose route is gone.
func (t *Tailer) leaveRoute(s *stream) {
	if d, leaving := t.leaving[s]; leaving && d.stopped {
		d.route = true
		t.leaving[s] = d
		return
	}
	t.ring.seize(s)
	t.stopReading(s, true)
}

// stopReading takes a parked stream from the readers; it waits to be settled now.
func (t *Tailer) stopReading(s *stream, route bool) {
	if !s.finished {
		t.yield(s)
	}
	t.ring.close(s)
	t.leaving[s] = departure{stopped: true, route: route}
	t.events.await(s.id, true)
	delete(t.loose, s)
	delete(t.orphans, s)
	delete(t.sick, s)
	delete(t.finishing, s)
	delete(t.parked, s)
}

// tendLeaving looks after streams that are not configured any more.
func (t *Tailer) tendLeaving() {
	for s, d := range t.leaving {
		f := s.file
		in := t.inputOf(s.route)
		back := in != nil && f != nil && f.named(in)
		switch {
		case t.streams[s.id] != s: // it has ended in another way
			delete(t.leaving, s)
		case !d.stopped && back:
			delete(t.leaving, s)
		case !d.stopped && f == nil: // rewritten: what is left of it is looked for in a copy
			delete(t.leaving, s)
		case !d.stopped:
			off := s.off.Load()
			if (off >= d.until || t.ring.rests(s) && off+s.partial.Load() >= d.until) && t.hold(s) {
				t.stopReading(s, false)
			}
		case t.unsettled(s):
			if back {
				t.comeBack(s)
			}
		default:
			delete(t.leaving, s)
			t.letGo(s, d.route)
		}
	}
}

// unsettled reports whether bytes of s were read and are on their way.
func (t *Tailer) unsettled(s *stream) bool {
	_, c := t.opts.Positions.Settled(s.id)
	return c.Pending() > 0
}

// comeBack reads a stream on that was to be let go and is configured again.
func (t *Tailer) comeBack(s *stream) {
	delete(t.leaving, s)
	t.events.await(s.id, false)
	t.ring.reopen(s)
	s.in = t.inputOf(s.route) // if the input was away, it is another one now
	t.parked[s] = struct{}{}
	t.recut(s)
	s.sink = t.opts.NewSink(Stream{ID: s.id, Route: s.route, Path: s.path, Offset: s.off.Load()})
	t.place(s, s.file)
	t.touched[s.file] = struct{}{}
	t.ring.mark(s)
}

// letGo forgets a stream that is not read any more and has nothing on its way. Its position stays, unless its content can
// never be read again.
func (t *Tailer) letGo(s *stream, route bool) {
	f := s.file
	off, _ := t.opts.Positions.Settled(s.id)
	gone, end := f == nil, s.off.Load()
	if f != nil && f.f != nil && t.refresh(f) == nil && f.info.Links == 0 && !t.hasCopies(s) {
		gone, end = true, max(end, f.info.Size)
	}
	if gone {
		if end = max(end, s.seen.Load()); end > off && !s.givenUp {
			t.lose(s, off, end, LostUnconfigured)
		}
		t.over(s)
		t.opts.Positions.End(s.id)
	} else {
		s.epoch.Identity.Head, s.epoch.Seen = *s.head.Load(), t.recorded(s.route, s.path(), f, s.epoch.Seen)
		t.opts.Positions.Update(s.epoch)
		t.over(s)
		if _, wanted := t.started[s.route]; wanted {
			t.remember(s, route)
		}
	}
	t.log.Debug("file is let go: it is not configured any more", s.attrs(), "offset", off)
	if f != nil {
		t.touched[f] = struct{}{}
		t.dropUnused(f)
	}
}

// remember keeps the record of a stream that was let go on a route that is followed. If its route was away, the file may be
// looked for under other names, as after a start.
func (t *Tailer) remember(s *stream, route bool) {
	for _, e := range t.opts.Positions.Known(s.route) {
		if e.ID == s.id {
			t.records[s.route] = append(t.records[s.route], &record{epoch: e, done: !route, checked: t.now()})
		}
	}
}

// seize parks s for discovery. It waits for the end of a turn.
func (r *ring) seize(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s.place == reading {
		s.wanted = true
		r.quiet.Wait()
	}
	switch s.place {
	case queued:
		r.unqueueLocked(s)
		s.again = true
	case blocked:
		s.wasBlocked = true
	case closed:
		return
	}
	if s.troubled {
		s.troubled, s.again = false, true // the next turn finds the same
	}
	r.inbox = slices.DeleteFunc(r.inbox, func(o *stream) bool { return o == s })
	s.place = parked
}

// reopen takes s back from closed to parked.
func (r *ring) reopen(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.place == closed {
		s.place, s.again, s.wasBlocked = parked, false, false
	}
}
