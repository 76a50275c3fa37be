package tail

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// resolve draws the conclusions from the names that files lost and won, and admits files that nobody reads yet: first
// those that the kernel says are known, then those whose content is known, then new ones, oldest first.
func (t *Tailer) resolve() {
	t.lookAtOriginals()
	for f := range t.touched {
		for s := range f.each() {
			t.relabel(s)
		}
		if t.wants(f) {
			t.fresh = append(t.fresh, f)
		}
		t.dropUnused(f)
	}
	clear(t.touched)
	for len(t.fresh) > 0 || !t.scanned {
		fresh := t.fresh
		t.fresh = nil
		slices.SortFunc(fresh, func(a, b *file) int {
			return cmp.Or(cmp.Compare(a.id.Birth, b.id.Birth), cmp.Compare(a.where, b.where))
		})
		fresh = slices.Compact(fresh)
		taken := t.takeOver()
		t.each(fresh, t.claimKernel)
		t.order(taken)
		if !t.scanned {
			t.scanned = true
			t.findRecords()
		}
		t.each(fresh, t.claimContent)
		t.each(fresh, t.beginNew)
		for _, f := range fresh {
			f.admitted = !t.wants(f)
		}
		for _, in := range t.inputs {
			for _, r := range in.routes {
				if t.started[r] = true; t.since[r].IsZero() {
					t.since[r] = t.now()
				}
			}
		}
	}
}

// each calls do for every file and route that has neither a stream nor a link yet.
func (t *Tailer) each(files []*file, do func(f *file, in *input, r Route)) {
	for _, f := range files {
		for _, in := range t.inputs {
			for _, r := range in.routes {
				if f.streams.of(r) != nil || !f.wantedBy(in, r) || !t.reopen(f) {
					continue
				}
				if len(f.names) == 0 {
					_ = t.refresh(f) // nobody looks at a file without a name
				}
				do(f, in, r)
			}
		}
	}
}

// wants reports whether f is matched by a route that does not read it.
func (t *Tailer) wants(f *file) bool {
	for _, in := range t.inputs {
		for _, r := range in.routes {
			if _, linked := f.links[r]; f.streams.of(r) == nil && !linked && f.wantedBy(in, r) {
				return true
			}
		}
	}
	return false
}

// place puts s on f and makes it the newest generation of its path.
func (t *Tailer) place(s *stream, f *file) {
	s.file = f
	f.streams.put(s)
	delete(f.links, s.route)
	delete(f.owed, s.route)
	if t.last[s.route] == nil {
		t.last[s.route] = map[string]*stream{}
	}
	if prev := t.last[s.route][s.path()]; prev == nil || !s.epoch.Detached {
		t.last[s.route][s.path()] = s
	}
	if s.epoch.Detached {
		t.loose[s] = struct{}{}
	}
}

// beginNew starts a new epoch for f.
func (t *Tailer) beginNew(f *file, in *input, r Route) {
	if _, linked := f.links[r]; linked {
		return
	}
	if f.packed() && !t.unmet(f, r) {
		t.skipPacked(f, in, r)
		return
	}
	if f.info.Size == 0 && f.named(in) && t.mayBeCopy(f, r) {
		return // cp has made it and will fill it
	}
	if f.info.Size > 0 && t.claimKin(f, r) {
		return // a copy of what was new a moment ago
	}
	if t.precedes(f, r) {
		return
	}
	off := int64(0)
	switch {
	case in.cfg.IgnoreOlder > 0 && t.now().Sub(f.info.Mod) > in.cfg.IgnoreOlder.D():
		off = f.info.Size
	case !t.started[r] && !in.start.beginning:
		off = max(0, f.info.Size-in.start.before)
	}
	if f.packed() {
		off = 0
	}
	if off > 0 {
		off = lineStart(f.f, off, f.info.Size, int64(in.cfg.MaxLine))
	}
	label := cmp.Or(f.label(in, ""), f.owed[r])
	g := t.gapSince(f.after, in, r, label)
	g.own = f
	t.fillGap(g)
	t.begin(f, in, r, off, label, f.lookedAt)
}

// unmet reports whether a compressed file that continues nothing is a generation that came and was compressed unseen.
func (t *Tailer) unmet(f *file, r Route) bool {
	since := t.since[r]
	return !since.IsZero() && f.bornAfter(since) && t.openers[filepath.Ext(f.where)] != nil && t.noWriter(f)
}

// skipPacked leaves a compressed file alone; if it is still being written it is looked at again.
func (t *Tailer) skipPacked(f *file, in *input, r Route) {
	t.leaveOut(f, r)
	if f.growing = !t.noWriter(f); f.growing {
		return
	}
	if !f.skipped {
		f.skipped = true
		t.log.Warn("compressed file is skipped: it continues no file that is known", "code", "SHP-T006",
			"input", in.name, "path", f.label(in, ""))
	}
}

// precedes reports whether f is a copy of a file that is not admitted yet: then it is compared once that has begun.
func (t *Tailer) precedes(f *file, r Route) bool {
	copied := func(o *file) bool {
		return o != f && o.f != nil && rotatedName(filepath.Base(o.where), filepath.Base(f.where)) && t.beginsAs(f, o)
	}
	if slices.ContainsFunc(t.fresh, copied) {
		t.fresh = append(t.fresh, f)
		return true
	}
	for o := range t.linked {
		if o.owed[r] != "" && o.links[r] != nil && copied(o) {
			t.compareLater(f, o.links[r])
			return true
		}
	}
	return false
}

// mayBeCopy reports whether f's name is a rotation of one that is read.
func (t *Tailer) mayBeCopy(f *file, r Route) bool {
	return slices.ContainsFunc(t.kin(f, r), func(s *stream) bool { return !hasName(f, s.path()) })
}

// begin records an epoch of f that is read from off, behind the generation that had its path before. since is until when all that
// stood at the path is on record, apart from f.
func (t *Tailer) begin(f *file, in *input, r Route, off int64, label string, since time.Time) *stream {
	c := t.contentOf(f)
	buf := headBuffers.Get().(*headBuffer)
	defer headBuffers.Put(buf)
	first, _ := buf.read(c)
	id := f.id
	id.Head = HeadOf(first)
	e := Epoch{
		Route: r, Identity: id, Path: label, Offset: off, Detached: !f.named(in),
		Counts: Counts{Read: off, Skipped: off}, Seen: t.recorded(r, label, f, since),
	}
	e.Marker, _, _ = markerAt(c, off, MarkerMax)
	e.ID = t.opts.Positions.Begin(e)
	s := t.newStream(e, in, f, c, first)
	prev := t.last[r][label]
	t.place(s, f)
	if prev != nil && prev.file != nil {
		t.ring.block(s, prev)
	}
	t.last[r][label] = s
	t.log.Debug("file is new", s.attrs(), "offset", off, "ino", f.id.Ino, "at", f.where)
	t.ring.mark(s)
	return s
}

// lineStart moves off to where a line begins: forward to the next one, or back to the beginning of an unfinished last
// line, so that it is sent whole once it is finished.
func lineStart(f *os.File, off, size, limit int64) int64 {
	from := max(0, off-limit)
	buf := make([]byte, min(limit, size-from)+limit)
	n, _ := f.ReadAt(buf, from)
	buf = buf[:n]
	at := min(int(off-from), n)
	if at > 0 && buf[at-1] == '\n' || off == 0 {
		return off
	}
	if i := bytes.IndexByte(buf[at:], '\n'); i >= 0 {
		return from + int64(at+i+1)
	}
	if i := bytes.LastIndexByte(buf[:at], '\n'); i >= 0 {
		return from + int64(i+1)
	}
	return off
}

// growHeads takes more of the content into the head hashes of f's epochs once there is clearly more. It returns those whose content
// was seen to be what it was.
func (t *Tailer) growHeads(f *file) (verified streams) {
	for s := range f.each() {
		known := s.epoch.Identity.Head.Len
		if known < HeadMax && f.info.Size >= min(HeadMax, 2*int64(known)) && f.info.Size > 0 && t.hold(s) && t.growHead(s) {
			verified = append(verified, s)
		}
	}
	return verified
}

// growHead records what the content of a parked stream begins with. Without that a copy of it would not be known after a
// crash: no reader hands anything over before. It is false if another content may stand there already; a reader will find out.
func (t *Tailer) growHead(s *stream) bool {
	size, ok := s.reaches()
	if !ok {
		return false
	}
	h := *s.head.Load()
	var grown Head
	err := withHead(s.src, func(first []byte) {
		if headIs(h, first) != different {
			grown = HeadOf(first)
		}
	})
	if err != nil || grown.Len == 0 {
		return false
	}
	s.whole.Store(t.now().UnixNano())
	if !s.file.packed() {
		s.seen.Store(max(s.seen.Load(), size))
	}
	if grown.Len > h.Len {
		s.head.Store(&grown)
		h = grown
	}
	if h.Len == s.headed.Load() {
		return true
	}
	if s.epoch.Identity.Head.Len == 0 {
		t.fillEmpty(s, s.epoch.Seen) // after the head is known: what stands here may be copied away meanwhile
	}
	s.epoch.Identity.Head, s.epoch.Seen = h, t.recorded(s.route, s.path(), s.file, s.epoch.Seen)
	s.headed.Store(h.Len)
	t.opts.Positions.Update(s.epoch)
	return true
}
