package tail

import (
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
		if e.Seen.After(t.since[r]) {
			t.since[r] = e.Seen
		}
	}
	t.started[r] = len(known) > 0
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
			s := t.revive(rec, f, in)
			if e := rec.epoch; e.Identity.Head.Len == 0 && e.Offset == 0 {
				t.fillEmpty(s, e.Seen)
			}
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
	v := t.view(f)
	defer v.close()
	return v.judge(e, alive, rotated)
}

// view is a file that is compared with one epoch after the other. What it begins with is read once: unpacking takes more than comparing.
type view struct {
	f     *file
	c     content
	buf   *headBuffer
	first []byte
	err   error // why it cannot be looked at
}

func (t *Tailer) view(f *file) *view {
	v := &view{f: f, c: t.contentOf(f), buf: headBuffers.Get().(*headBuffer)}
	v.first, v.err = v.buf.read(v.c)
	return v
}

func (v *view) close() {
	v.c.Rest()
	headBuffers.Put(v.buf)
}

func (v *view) judge(e Epoch, alive, rotated bool) verdict {
	if v.err != nil {
		return unobservable
	}
	f, c, first := v.f, v.c, v.first
	k := kernelIs(e.Identity, f.id)
	s := seen{
		observable: true, kernel: k, compressed: f.packed(), rotated: rotated, headLen: e.Identity.Head.Len,
		head: headIs(e.Identity.Head, first), alive: alive && k != same,
	}
	s.begins = e.Identity.Head.begins(first)
	if s.head == different && s.begins && rotated {
		s.head = same // as far as it goes: the copy was made when there was less
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
	c := t.contentOf(f)
	buf := headBuffers.Get().(*headBuffer)
	defer headBuffers.Put(buf)
	first, _ := buf.read(c)
	head := e.Identity.Head
	e.Identity = f.id
	if e.Identity.Head = head.in(first); head.Len == 0 && e.Offset == 0 {
		e.Identity.Head = f.id.Head
	}
	if label := f.label(in, e.Path); label != "" {
		e.Path = label
	}
	e.Detached, e.Seen = !f.named(in), t.recorded(r, e.Path, f, e.Seen)
	s := t.newStream(e, in, f, c, first)
	t.place(s, f)
	t.log.Debug("file is known", s.attrs(), "offset", e.Offset, "ino", f.id.Ino, "at", f.where)
	t.opts.Positions.Update(s.epoch)
	t.ring.mark(s)
	return s
}

// intact reports whether the stream's own inode still holds its content. The stream is parked.
func (s *stream) intact() bool {
	if _, reaches := s.reaches(); !reaches {
		return false
	}
	if s.file.f == nil {
		return true
	}
	head, err := headIn(*s.head.Load(), s.src)
	return err == nil && head != different
}

// reaches is intact without a look at what the content begins with, and tells how long it is.
func (s *stream) reaches() (size int64, ok bool) {
	if s.file == nil || s.file.f == nil {
		return 0, s.file != nil
	}
	info, err := linux.Fstat(s.file.f)
	if err != nil || info.Size < s.off.Load() {
		return 0, false
	}
	_, m, err := s.holds(s.src)
	return info.Size, err == nil && m != different
}
