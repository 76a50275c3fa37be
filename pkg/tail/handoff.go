package tail

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shipper/internal/linux"
)

// takeOver goes on with the deleted files that an earlier life could not finish: through descriptors that the Keeper held, which
// see what a writer adds still, and else in the spool. The streams are parked until the end of this step, so that order has the time
// to put them before their successors.
func (t *Tailer) takeOver() (taken []takenOver) {
	if t.scanned {
		return nil
	}
	for _, h := range t.opts.Kept {
		taken = append(taken, t.takeKept(h)...)
	}
	t.opts.Kept = nil
	for _, path := range t.spoolFiles() {
		taken = append(taken, t.takeSpooled(path)...)
	}
	for _, o := range taken {
		t.hold(o.s)
	}
	return taken
}

// takenOver is a stream that goes on without a name. Its path was seen last at a time, and other files may have had it since.
type takenOver struct {
	s     *stream
	since time.Time
}

// takeKept finds the epochs whose content an open descriptor holds. One that holds none is closed.
func (t *Tailer) takeKept(h *os.File) (taken []takenOver) {
	name := h.Name()
	where := linux.PathOf(int(h.Fd()))
	f, err := t.newFile(h, where)
	if err != nil {
		t.refuseKept(name, where, err.Error())
		h.Close()
		return nil
	}
	f.where = where
	f = t.adopt(f)
	for _, r := range t.routes() {
		var other *record
		for _, rec := range slices.Clone(t.records[r]) {
			if f.streams.of(r) != nil || kernelIs(rec.epoch.Identity, f.id) == different {
				continue
			}
			switch t.judge(rec.epoch, f, false, true) {
			case resume, moved: // moved: it is a compressed file
				since := rec.epoch.Seen
				taken = append(taken, takenOver{t.revive(rec, f, t.inputOf(r)), since})
			case rewritten:
				other = rec // of several that stood here, the last
			}
		}
		if other != nil && f.streams.of(r) == nil { // rewritten before it was deleted, and nobody had looked
			since := other.epoch.Seen
			if s := t.revive(other, f, t.inputOf(r)); t.hold(s) {
				t.rewritten(s, since)
			}
		}
	}
	switch {
	case len(f.streams) == 0:
		t.refuseKept(name, where, "it is no file that a position is known for")
		t.dropUnused(f)
	case t.pins[f] != nil || f.info.Links > 0: // the same once more, or a file that has a name after all
		t.opts.Keeper.Drop(name)
	default:
		t.pins[f] = &pin{since: t.now(), name: name}
		t.log.Info("a deleted file is read on through the descriptor that systemd kept", "path", where, "name", name)
	}
	return taken
}

func (t *Tailer) refuseKept(name, where, why string) {
	t.log.Warn("a descriptor that systemd kept is closed unread", "code", "SHP-T013", "name", name, "path", where, "reason", why)
	t.opts.Keeper.Drop(name)
}

// routes are all configured routes, in the order of the inputs.
func (t *Tailer) routes() (all []Route) {
	for _, in := range t.inputs {
		all = append(all, in.routes...)
	}
	return all
}

// spoolFiles lists the complete files of the spool that are not read yet, and removes the others.
func (t *Tailer) spoolFiles() (paths []string) {
	if t.opts.Spool == "" {
		return nil
	}
	entries, err := os.ReadDir(t.opts.Spool)
	if err != nil {
		if !linux.Gone(err) {
			t.log.Warn("the spool of deleted files cannot be read", "code", "SHP-T012", "path", t.opts.Spool, "err", err)
		}
		return nil
	}
	reading := map[string]bool{}
	for _, path := range t.spooled {
		reading[path] = true
	}
	for _, e := range entries {
		path := filepath.Join(t.opts.Spool, e.Name())
		switch {
		case strings.HasSuffix(path, partSuffix):
			_ = os.Remove(path) // killed while it was saved: what it holds nobody knows
		case e.Type().IsRegular() && strings.HasPrefix(e.Name(), KeptPrefix) && !reading[path]:
			paths = append(paths, path)
		}
	}
	return paths
}

// takeSpooled reads on in a file of the spool.
func (t *Tailer) takeSpooled(path string) (taken []takenOver) {
	ids := spooledFor(path)
	if slices.ContainsFunc(ids, func(id StreamID) bool { return t.streams[id] != nil }) {
		_ = os.Remove(path) // its descriptor was kept, too
		return nil
	}
	f, err := t.openFile(path)
	if err != nil {
		t.log.Warn("a file of the spool cannot be read", "code", "SHP-T012", "path", path, "err", err)
		return nil
	}
	f = t.adopt(f)
	for _, r := range t.routes() {
		if f.streams.of(r) == nil {
			taken = append(taken, t.takeRoute(f, r, ids)...)
		}
	}
	if len(f.streams) == 0 {
		t.log.Warn("a file of the spool belongs to no position that is known; it is left alone", "code", "SHP-T012", "path", path)
		t.dropUnused(f)
		return nil
	}
	t.spooled[f] = t.respool(f, path, ids)
	t.log.Info("a deleted file is read on from the spool", "at", path)
	return taken
}

// respool adds the streams that were begun in a file of the spool to its name, and returns its path. Those that it was saved for
// stay in it: after a crash the new ones may not be on record.
func (t *Tailer) respool(f *file, path string, ids []StreamID) string {
	ids = slices.Clone(ids)
	for _, r := range t.routes() {
		if s := f.streams.of(r); s != nil && !slices.Contains(ids, s.id) {
			ids = append(ids, s.id)
		}
	}
	name := filepath.Join(filepath.Dir(path), spoolName(ids)+filepath.Ext(path))
	if name != path && os.Rename(path, name) == nil {
		f.where = name
		return name
	}
	return path
}

// takeRoute finds the epoch of a route that f was saved for: the one that stands in its name, or one that was begun in it since.
func (t *Tailer) takeRoute(f *file, r Route, ids []StreamID) []takenOver {
	saved := func(rec *record) bool { return slices.Contains(ids, rec.epoch.ID) }
	fits := func(rec *record) bool {
		return (saved(rec) || kernelIs(rec.epoch.Identity, f.id) == same) && t.fits(rec.epoch, f)
	}
	if i := slices.IndexFunc(t.records[r], fits); i >= 0 {
		was, since, off := t.records[r][i].epoch.Identity, t.records[r][i].epoch.Seen, t.records[r][i].epoch.Offset
		f.born = was.Birth
		if off -= MarkerMax; !f.packed() && off > HeadMax && (f.solid == 0 || off < f.solid) {
			f.solid = off
		}
		s := t.revive(t.records[r][i], f, t.inputOf(r))
		was.Head = s.epoch.Identity.Head // the stream stays that of the file that was deleted
		s.epoch.Identity = was
		t.opts.Positions.Update(s.epoch)
		return []takenOver{{s, since}}
	}
	if i := slices.IndexFunc(t.records[r], saved); i >= 0 { // rewritten before it was deleted, and nobody had looked
		since := t.records[r][i].epoch.Seen
		if s := t.revive(t.records[r][i], f, t.inputOf(r)); t.hold(s) {
			t.rewritten(s, since)
		}
	}
	return nil
}

// fits reports whether f holds the content of an epoch at both ends.
func (t *Tailer) fits(e Epoch, f *file) bool {
	c := t.contentOf(f)
	defer c.Rest()
	first, err := readHead(c)
	if err != nil || headIs(e.Identity.Head, first) == different {
		return false
	}
	m, long, err := markerAt(c, e.Offset, int(e.Marker.Len))
	return err == nil && long && (e.Marker.Len == 0 || m == e.Marker)
}

// order lets the later generations of a path wait for the streams that were taken over, and reads those that came and went since.
func (t *Tailer) order(taken []takenOver) {
	for _, o := range taken {
		for _, next := range t.byName.paths[o.s.path()] {
			later := next.id > o.s.id || next.head.Load().Len == 0 // in what was empty stands something later
			if later && next != o.s && next.route == o.s.route && next.file != nil {
				t.ring.block(next, o.s)
			}
		}
	}
	for _, o := range taken {
		t.fillGap(gap{in: o.s.in, route: o.s.route, path: o.s.path(), since: o.since})
	}
}

// sameUntil is sameBegin for a file that may be one of the spool, where the middle is missing.
func sameUntil(f, o *file, end int64) bool {
	if o.solid > 0 && end > HeadMax && end < o.solid+HeadMax {
		return sameBytes(f.f, o.f, HeadMax)
	}
	return sameBegin(f.f, o.f, end)
}
