package tail

import (
	"cmp"
	"slices"
	"time"
)

// FileStatus is what is known about one stream, or about a path that cannot be read.
type FileStatus struct {
	Route    Route
	Stream   StreamID // 0 for a path that cannot be read
	Path     string
	Identity Identity
	Size     int64 // bytes of the content as it was seen last; for a compressed file what was unpacked so far
	Offset   int64 // next byte to read
	// State is active (a configured path leads to it), detached (renamed away, unlinked or replaced), final (read to its
	// end, waits for the last bytes to settle), gone (its content is not in its file any more; a copy is looked for) or
	// unreadable.
	State   string
	ModTime time.Time
	Err     error
	Pinned  int64 // bytes on disk that the file takes although it was deleted; 0 for one that has a name
}

// Files returns the state of every stream and of every path that cannot be read, by input, target and path.
func (t *Tailer) Files() []FileStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]FileStatus, 0, len(t.streams)+len(t.bad))
	for _, s := range t.streams {
		st := FileStatus{
			Route: s.route, Stream: s.id, Path: s.path(), Identity: s.epoch.Identity,
			Size: max(s.seen.Load(), s.off.Load()), Offset: s.off.Load(), State: "active",
		}
		st.Identity.Head = *s.head.Load()
		if f := s.file; f != nil {
			st.ModTime = f.info.Mod
			if t.pins[f] != nil {
				st.Pinned = f.info.Blocks
			}
			if !f.packed() {
				st.Size = max(st.Size, f.info.Size)
			}
		}
		_, finishing := t.finishing[s]
		_, sick := t.sick[s]
		switch {
		case sick:
			st.State, st.Err = "unreadable", s.trouble
		case s.file == nil:
			st.State = "gone"
		case finishing:
			st.State = "final"
		case s.epoch.Detached:
			st.State = "detached"
		}
		out = append(out, st)
	}
	for path, err := range t.bad {
		for _, in := range t.inputs {
			if !in.glob.matches(path) {
				continue
			}
			for _, r := range in.routes {
				out = append(out, FileStatus{Route: r, Path: path, State: "unreadable", Err: err})
			}
		}
	}
	slices.SortFunc(out, func(a, b FileStatus) int {
		return cmp.Or(cmp.Compare(a.Route.Input, b.Route.Input), cmp.Compare(a.Route.Target, b.Route.Target),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Stream, b.Stream))
	})
	return out
}

// Stats are counters since the start, and gauges.
type Stats struct {
	Inputs     map[string]InputStats
	Open       int   // descriptors of followed files
	Dirs       int   // directories that are looked at
	PolledDirs int   // of these, the ones that cannot be watched
	Overflows  int64 // times that the kernel had to drop notifications; everything was looked at then
	Unreadable int   // paths that cannot be read now
	Pinned     int64 // bytes on disk of deleted files that are held until they are read and settled
}

// InputStats are what one input did.
type InputStats struct {
	Matched   int   // paths that match now
	Streams   int   // streams that are followed, old generations included
	Open      int   // files that are held open
	Bytes     int64 // bytes of files handed over
	Lines     int64 // lines handed over, pieces of long ones included
	LongLines int64 // pieces of lines that were longer than max_line
	Truncated int64 // lines longer than max_line that lost their end or were left out
	Skipped   int64 // bytes left out: holes, empty lines, rests of long lines
	Lost      int64 // bytes gone before they could be read

	Paused time.Duration // time in which at least one stream waited because its target took nothing
}

// Stats returns the counters.
func (t *Tailer) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := Stats{
		Inputs: map[string]InputStats{}, Open: t.opened, Dirs: len(t.dirs), PolledDirs: t.polled,
		Overflows: t.overflows, Unreadable: len(t.bad),
	}
	for _, in := range t.inputs {
		is := InputStats{
			Bytes: in.count.bytes.Load(), Lines: in.count.lines.Load(), LongLines: in.count.long.Load(),
			Truncated: in.count.truncated.Load(), Skipped: in.count.skipped.Load(), Lost: in.count.lost.Load(), Paused: t.ring.paused(in),
		}
		for _, l := range t.leads {
			if l.file != nil && in.glob.matches(l.path) {
				is.Matched++
			}
		}
		st.Inputs[in.name] = is
	}
	for _, s := range t.streams {
		is := st.Inputs[s.route.Input]
		is.Streams++
		st.Inputs[s.route.Input] = is
	}
	var seen []string
	for _, f := range t.files {
		if f.f != nil && (f.info.Links == 0 || t.pins[f] != nil) {
			st.Pinned += f.info.Blocks
		}
		if f.f == nil {
			continue
		}
		seen = seen[:0]
		for _, s := range f.streams {
			if in := s.route.Input; !slices.Contains(seen, in) {
				seen = append(seen, in)
				is := st.Inputs[in]
				is.Open++
				st.Inputs[in] = is
			}
		}
	}
	return st
}

// Idle is how long nothing was handed over; 0 while a file that can be read has not been read to its end.
func (t *Tailer) Idle() time.Duration {
	if t.ring.busyOrHeld() {
		return 0
	}
	return max(0, t.now().Sub(time.Unix(0, t.moved.Load())))
}

// Turning is how long no reader has ended a turn while all of them had one: more than a few seconds says that reading hangs.
// One reader that hangs, on a dead network disk perhaps, is not told: the others go on.
func (t *Tailer) Turning() time.Duration {
	last := int64(0)
	for i := range t.turns {
		began := t.turns[i].Load()
		if began == 0 {
			return 0
		}
		last = max(last, began)
	}
	return max(0, t.now().Sub(time.Unix(0, last)))
}
