package tail

import (
	"bytes"
	"cmp"
	"os"
	"slices"
	"time"

	"shipper/internal/linux"
)

// record is an epoch that no stream stands for: left by an earlier run and not met yet, or read to its end.
type record struct {
	epoch   Epoch
	done    bool // final and settled to its end
	misses  int  // looks since its inode was seen
	checked time.Time
}

// load takes over what earlier runs left for a route.
func (t *Tailer) load(r Route) {
	known := t.opts.Positions.Known(r)
	for _, e := range known {
		t.records[r] = append(t.records[r], &record{epoch: e})
	}
	t.started[r] = len(known) > 0
}

// resolve draws the conclusions from the names that files lost and won, and admits files that nobody reads yet: first
// those that the kernel says are known, then those whose content is known, then new ones, oldest first.
func (t *Tailer) resolve() {
	for f := range t.touched {
		for _, s := range f.streams {
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
			return cmp.Or(cmp.Compare(a.id.Birth, b.id.Birth), cmp.Compare(a.id.Ino, b.id.Ino))
		})
		fresh = slices.Compact(fresh)
		t.each(fresh, t.claimKernel)
		if !t.scanned {
			t.scanned = true
			t.findRecords()
		}
		t.each(fresh, t.claimContent)
		t.each(fresh, t.beginNew)
		for _, f := range fresh {
			f.admitted = !t.wants(f)
			if f.admitted {
				f.first = nil
			}
		}
		for _, in := range t.inputs {
			for _, r := range in.routes {
				t.started[r] = true
			}
		}
	}
}

// each calls do for every file and route that has neither a stream nor a link yet.
func (t *Tailer) each(files []*file, do func(f *file, in *input, r Route)) {
	for _, f := range files {
		for _, in := range t.inputs {
			if !f.named(in) || !t.reopen(f) {
				continue
			}
			for _, r := range in.routes {
				if f.streams[r] == nil {
					do(f, in, r)
				}
			}
		}
	}
}

// wants reports whether f is matched by a route that does not read it.
func (t *Tailer) wants(f *file) bool {
	for _, in := range t.inputs {
		for _, r := range in.routes {
			if _, linked := f.links[r]; f.streams[r] == nil && !linked && f.named(in) {
				return true
			}
		}
	}
	return false
}

// claimKernel gives f to the known epoch whose inode it is.
func (t *Tailer) claimKernel(f *file, in *input, r Route) {
	if _, linked := f.links[r]; linked {
		return
	}
	var other *record
	for _, rec := range slices.Backward(t.records[r]) {
		if kernelIs(rec.epoch.Identity, f.id) == different {
			continue
		}
		switch t.judge(rec.epoch, f, false, false) {
		case resume, moved: // moved: a compressed generation that was read before
			t.revive(rec, f, in)
			return
		case rewritten:
			if other == nil || other.epoch.Detached && !rec.epoch.Detached {
				other = rec
			}
		}
	}
	if other != nil {
		since := other.epoch.Seen
		s := t.revive(other, f, in)
		if t.hold(s) {
			t.rewritten(s, since)
		}
	}
}

// judge compares a file with an epoch.
func (t *Tailer) judge(e Epoch, f *file, alive, rotated bool) verdict {
	c := t.contentOf(f)
	defer c.Rest()
	first, err := readHead(c)
	if err != nil {
		return unobservable
	}
	k := kernelIs(e.Identity, f.id)
	s := seen{
		observable: true, kernel: k, compressed: f.packed(), rotated: rotated, headLen: e.Identity.Head.Len,
		head: headIs(e.Identity.Head, first), alive: alive && k != same,
	}
	if f.packed() && s.head != same || k == different && s.head != same {
		return unrelated // without unpacking or reading more
	}
	m, long, err := markerAt(c, e.Offset, int(e.Marker.Len))
	if err != nil {
		return unobservable
	}
	s.long = long
	switch {
	case e.Marker.Len == 0 || !long:
	case m == e.Marker:
		s.marker = same
	default:
		s.marker = different
	}
	return decide(s)
}

// revive makes a stream of a record, on f.
func (t *Tailer) revive(rec *record, f *file, in *input) *stream {
	r := rec.epoch.Route
	t.records[r] = slices.DeleteFunc(t.records[r], func(o *record) bool { return o == rec })
	e := rec.epoch
	head := e.Identity.Head
	e.Identity = f.id
	if e.Identity.Head = head; head.Len == 0 && e.Offset == 0 {
		e.Identity.Head = f.id.Head
	}
	if label := f.label(in, e.Path); label != "" {
		e.Path = label
	}
	e.Detached, e.Seen = !f.named(in), t.now()
	c := t.contentOf(f)
	first, _ := readHead(c)
	s := t.newStream(e, in, f, c, first)
	t.place(s, f)
	t.log.Debug("file is known", s.attrs(), "offset", e.Offset, "ino", f.id.Ino, "at", f.where)
	t.opts.Positions.Update(s.epoch)
	t.ring.mark(s)
	return s
}

// place puts s on f and makes it the newest generation of its path.
func (t *Tailer) place(s *stream, f *file) {
	s.file = f
	f.streams[s.route] = s
	delete(f.links, s.route)
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
	if f.packed() {
		if !f.skipped {
			f.skipped = true
			t.log.Warn("compressed file is skipped: it continues no file that is known", "code", "SHP-T006",
				"input", in.name, "path", f.label(in, ""))
		}
		f.links[r] = nil
		return
	}
	if f.info.Size == 0 && t.mayBeCopy(f, r) {
		return // cp has made it and will fill it
	}
	off := int64(0)
	switch {
	case in.cfg.IgnoreOlder > 0 && t.now().Sub(f.info.Mod) > in.cfg.IgnoreOlder.D():
		off = f.info.Size
	case !t.started[r] && !in.start.beginning:
		off = max(0, f.info.Size-in.start.before)
	}
	if off > 0 {
		off = lineStart(f.f, off, f.info.Size, int64(in.cfg.MaxLine))
	}
	label := f.label(in, "")
	t.fillGap(gap{in, r, label, f.after})
	t.begin(f, in, r, off, label)
}

// mayBeCopy reports whether f's name is a rotation of one that is read.
func (t *Tailer) mayBeCopy(f *file, r Route) bool {
	return slices.ContainsFunc(t.kin(f, r), func(s *stream) bool { return !hasName(f, s.path()) })
}

// begin records an epoch of f that is read from off, behind the generation that had its path before.
func (t *Tailer) begin(f *file, in *input, r Route, off int64, label string) *stream {
	first, _ := readHead(f.f)
	id := f.id
	id.Head = HeadOf(first)
	e := Epoch{
		Route: r, Identity: id, Path: label, Offset: off, Detached: !f.named(in),
		Counts: Counts{Read: off, Skipped: off}, Seen: t.now(),
	}
	e.Marker, _, _ = markerAt(f.f, off, MarkerMax)
	e.ID = t.opts.Positions.Begin(e)
	s := t.newStream(e, in, f, plain{f.f}, first)
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

// growHead takes more of the content into the head hash of an epoch once there is clearly more.
func (t *Tailer) growHead(f *file) {
	for _, s := range f.streams {
		h := *s.head.Load()
		if f.packed() || h.Len >= HeadMax || f.info.Size < min(HeadMax, 2*int64(h.Len)) || f.info.Size == 0 {
			continue
		}
		first, err := readHead(f.f)
		if err != nil || headIs(h, first) == different {
			continue // a reader will find out
		}
		if grown := HeadOf(first); grown != h {
			s.head.Store(&grown)
			s.epoch.Identity.Head, s.epoch.Seen = grown, t.now()
			t.opts.Positions.Update(s.epoch)
		}
	}
}

// intact reports whether the stream's own inode still holds its content. The stream is parked.
func (s *stream) intact() bool {
	if s.file == nil || s.file.f == nil {
		return s.file != nil
	}
	info, err := linux.Fstat(s.file.f)
	if err != nil || info.Size < s.off.Load() {
		return false
	}
	_, m, err := s.holds(s.src)
	return err == nil && m != different
}
