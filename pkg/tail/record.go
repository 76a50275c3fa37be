package tail

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"shipper/internal/linux"
)

// alive reports whether the inode of a record still exists near its path and holds its content. Its number alone says nothing:
// the next file may have got it.
func (t *Tailer) alive(rec *record) bool {
	return slices.ContainsFunc(t.locate(rec), func(p string) bool {
		f := t.peek(p)
		if f == nil {
			info, err := linux.Stat(p)
			return err == nil && (info.Birth == rec.epoch.Identity.Birth || info.Birth == 0)
		}
		defer t.dropUnused(f)
		switch {
		case kernelIs(rec.epoch.Identity, f.id) == different:
			return false
		case f.packed():
			return true
		case f.streams.of(rec.epoch.Route) != nil:
			return false // what stands there now is another epoch
		}
		v := t.judge(rec.epoch, f, false, true)
		return v == resume || v == unobservable
	})
}

// locate returns the paths of the inode of a record, in the directory of its path and in those right below, or
// wherever its handle leads to.
func (t *Tailer) locate(rec *record) []string {
	dir := filepath.Dir(rec.epoch.Path)
	out := slices.Clone(t.byInode(dir, rec.epoch.Identity.Ino))
	if len(out) > 0 {
		return out
	}
	for _, p := range t.neighbours(rec.epoch.Path) {
		if filepath.Dir(p) != dir {
			out = append(out, t.only(p, rec.epoch.Identity.Ino)...)
		}
	}
	if len(out) == 0 {
		out = t.byHandle(rec.epoch)
	}
	return out
}

func (t *Tailer) only(path string, ino uint64) []string {
	if slices.Contains(t.byInode(filepath.Dir(path), ino), path) {
		return []string{path}
	}
	return nil
}

// findRecords looks for the epochs that no matched file stands for: rotated out of the patterns while nobody looked.
func (t *Tailer) findRecords() {
	for r := range t.records {
		in := t.inputOf(r)
		if in == nil {
			continue
		}
		seen := map[string]time.Time{}
		for _, rec := range slices.Clone(t.records[r]) {
			if !rec.done {
				t.findRecord(rec, in)
				if e := rec.epoch; e.Seen.After(seen[e.Path]) {
					seen[e.Path] = e.Seen
				}
			}
		}
		for path := range seen {
			t.watchFor(path)
		}
		for _, s := range t.streams {
			if s.route == r {
				t.watchFor(s.path())
				delete(seen, s.path()) // what came and went is looked for already, or nothing did
			}
		}
		for _, path := range slices.Sorted(maps.Keys(seen)) {
			t.fillGap(gap{in: in, route: r, path: path, since: seen[path]})
		}
	}
}

// watchFor notes that nothing stands at a path, if that is so: what comes later may go before it is looked at again.
func (t *Tailer) watchFor(path string) {
	if t.leads[path] == nil {
		t.leads[path] = &lead{path: path, looked: t.began}
	}
}

// findRecord tries to meet an epoch again, by its inode and then by its content.
func (t *Tailer) findRecord(rec *record, in *input) {
	r := rec.epoch.Route
	free := func(f *file) bool { return f.streams.of(r) == nil && !f.named(in) }
	for _, p := range t.locate(rec) {
		f := t.peek(p)
		if f == nil {
			continue
		}
		rec.misses = 0
		if free(f) {
			switch t.judge(rec.epoch, f, false, true) {
			case resume, moved: // moved: a compressed generation that was read before
				t.foundRecord(rec, f, in)
				return
			case rewritten: // truncated, filled again and then rotated while nobody looked
				if t.resumes(f, r, rec) {
					t.dropUnused(f)
					continue
				}
				since := rec.epoch.Seen
				if s := t.revive(rec, f, in); t.hold(s) {
					t.rewritten(s, since)
				}
				return
			}
		}
		t.dropUnused(f)
	}
	switch f, is := t.find(rec.epoch, r, func(f *file) bool { return free(f) && !t.owned(r, f) }); is {
	case moved:
		t.foundRecord(rec, f, in)
	case shorter:
		if t.settleCopy(f, rec.epoch, in) {
			t.forget(rec)
			t.fillGap(gap{in: in, route: r, path: rec.epoch.Path, since: rec.epoch.Seen})
		}
		t.dropUnused(f)
	}
}

// resumes reports whether what stands in f now is known as another epoch than rec.
func (t *Tailer) resumes(f *file, r Route, rec *record) bool {
	return slices.ContainsFunc(t.records[r], func(o *record) bool {
		return o != rec && kernelIs(o.epoch.Identity, f.id) != different && t.judge(o.epoch, f, false, true) == resume
	})
}

func (t *Tailer) foundRecord(rec *record, f *file, in *input) {
	since, path := rec.epoch.Seen, rec.epoch.Path
	s := t.revive(rec, f, in)
	for _, o := range t.byName.paths[s.path()] { // generations of one path are read in the order in which they were met
		switch {
		case o == s || o.route != s.route || o.file == nil: // what an orphan had may be elsewhere, or nowhere
		case o.id > s.id || o.head.Load().Len == 0: // in what was empty stands something later
			t.ring.block(o, s)
		default:
			t.ring.block(s, o)
		}
	}
	t.fillGap(gap{in: in, route: s.route, path: path, since: since})
}

func (t *Tailer) inputOf(r Route) *input {
	for _, in := range t.inputs {
		if slices.Contains(in.routes, r) {
			return in
		}
	}
	return nil
}

// Forgetting: an epoch whose inode nobody has seen in so many sweeps, and that was not lately there, is ended.
const (
	forgetMisses = 3
	forgetAfter  = 24 * time.Hour
)

// tendRecords looks after the epochs that no stream stands for, each once a sweep.
func (t *Tailer) tendRecords() {
	now := t.now()
	for r, recs := range t.records {
		in := t.inputOf(r)
		if in == nil {
			continue
		}
		for _, rec := range slices.Clone(recs) {
			if now.Sub(rec.checked) < t.opts.Sweep {
				continue
			}
			rec.checked = now
			t.tendRecord(rec, in)
		}
	}
}

func (t *Tailer) tendRecord(rec *record, in *input) {
	r := rec.epoch.Route
	if !rec.done {
		t.findRecord(rec, in)
		if !slices.Contains(t.records[r], rec) {
			return
		}
	}
	if t.alive(rec) {
		rec.misses = 0
		return
	}
	if rec.misses++; rec.misses < forgetMisses || !rec.done && t.now().Sub(rec.epoch.Seen) < forgetAfter {
		return
	}
	if !t.livesOn(rec, nil) {
		t.forget(rec)
	}
}

// livesOn looks for the content of an epoch whose file is gone, compressed or copied after the last byte was written to gone, and lets
// the record stand for that. Without gone, the epoch was read to its end. The beginning has to do: to unpack all of it would hold
// everything up.
func (t *Tailer) livesOn(rec *record, gone *file) bool {
	e := rec.epoch
	e.Offset, e.Marker = 0, Marker{}
	f, is := t.find(e, e.Route, func(f *file) bool {
		return f.streams.of(e.Route) == nil && !t.owned(e.Route, f) && (gone == nil || t.holdsAll(f, gone))
	})
	if f != nil {
		defer t.dropUnused(f)
	}
	if is != moved {
		return false
	}
	rec.misses = 0
	head := rec.epoch.Identity.Head
	rec.epoch.Identity = f.id
	rec.epoch.Identity.Head = head
	t.opts.Positions.Update(rec.epoch)
	return true
}

// holdsAll reports whether f was made after the last byte was written to gone. If the clock cannot tell, its length does.
func (t *Tailer) holdsAll(f, gone *file) bool {
	written := gone.info.Mod.UnixNano()
	if f.id.Birth != written || gone.packed() {
		return f.id.Birth > written
	}
	c := t.contentOf(f)
	defer c.Rest()
	n, err := length(c)
	return err == nil && n >= gone.info.Size
}

// forget ends an epoch. What lay between ranges that were settled ahead is known to be lost.
func (t *Tailer) forget(rec *record) {
	r, e := rec.epoch.Route, rec.epoch
	t.records[r] = slices.DeleteFunc(t.records[r], func(o *record) bool { return o == rec })
	from, lost := e.Offset, int64(0)
	for _, a := range e.Ahead {
		lost += max(0, a.From-from)
		from = max(from, a.To)
	}
	if lost > 0 {
		t.opts.Positions.Lose(e.ID, lost, LostDeleted)
		t.log.Warn("bytes were gone before they could be read", "code", "SHP-T010", "input", r.Input, "target", r.Target,
			"path", e.Path, "stream", uint64(e.ID), "offset", e.Offset, "bytes", lost, "reason", LostDeleted)
	}
	t.opts.Positions.End(e.ID)
}
