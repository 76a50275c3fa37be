package tail

import (
	"errors"
	"maps"
	"syscall"
	"time"

	"shipper/internal/linux"
)

// hold parks s until the end of this step. It is false while a reader has it; then the reader hands it in, which brings
// the next step.
func (t *Tailer) hold(s *stream) bool {
	if !t.ring.park(s) {
		return false
	}
	t.parked[s] = struct{}{}
	return true
}

// recordMoves records where streams went in this step, after what stands now where they were: a crash in between would leave
// that to nobody.
func (t *Tailer) recordMoves() {
	for _, s := range t.moves {
		if t.streams[s.id] == s {
			t.opts.Positions.Update(s.epoch)
		}
	}
	t.moves = nil
}

// release gives back what this step has parked. Orphans stay parked: there is nothing to read.
func (t *Tailer) release() {
	for s := range t.parked {
		if s.file != nil {
			t.ring.unpark(s)
		}
	}
	clear(t.parked)
}

// relabel follows the names of a stream's file: another configured path, or none any more.
func (t *Tailer) relabel(s *stream) {
	if t.leaving[s].stopped {
		return // its names do not matter until it comes back
	}
	label := s.file.label(s.in, s.path())
	switch {
	case label == "" && !s.epoch.Detached:
		s.epoch.Detached = true
		t.loose[s] = struct{}{}
		t.log.Debug("no configured path leads to the file any more", s.attrs())
		t.fillGap(gap{in: s.in, route: s.route, path: s.path(), since: s.file.lookedAt})
	case label != "" && (label != s.path() || s.epoch.Detached):
		s.epoch.Detached, s.epoch.Path = false, label
		delete(t.loose, s)
		t.rename(s, label)
		if prev := t.last[s.route][label]; prev == nil {
			t.last[s.route][label] = s
		}
	default:
		return
	}
	s.epoch.Seen = t.recorded(s.route, s.path(), s.file, s.epoch.Seen)
	if s.headed.Load() == 0 && t.reopen(s.file) && t.hold(s) {
		t.growHead(s)
	}
	t.opts.Positions.Update(s.epoch)
	t.ring.mark(s)
}

// troubles looks at the streams that readers have handed in.
func (t *Tailer) troubles() {
	for _, s := range t.ring.troubles() {
		t.parked[s] = struct{}{}
		if s.file == nil {
			continue
		}
		if !s.troubled {
			t.waitedFor(s)
			continue
		}
		s.troubled = false
		if s.err == nil {
			t.rewritten(s, s.unharmed())
			continue
		}
		t.failed(s)
	}
}

// waitedFor lets the files be looked at again that had to be compared with s while it was read.
func (t *Tailer) waitedFor(s *stream) {
	for f := range t.linked {
		if f.links[s.route] == s {
			t.fresh = append(t.fresh, f)
		}
	}
	t.touched[s.file] = struct{}{}
	if s.headed.Load() < HeadMax && s.file.f != nil {
		t.growHead(s)
	}
	if f := s.file; f.f != nil && t.refresh(f) == nil {
		t.verify(s, true)
	}
}

// failed deals with a content that could not be read. Nothing is given up; a compressed file that is broken is.
func (t *Tailer) failed(s *stream) {
	t.ring.pass(s)
	switch {
	case errors.Is(s.err, errPacked):
		t.log.Warn("compressed file is broken, its rest is lost", s.attrs(), "code", "SHP-T007", "offset", s.off.Load(), "err", s.err)
		s.finish, s.src = true, nothingLeft{}
		s.seen.Store(s.off.Load())
		t.ring.mark(s)
		return
	case errors.Is(s.err, syscall.ESTALE):
		t.closeFile(s.file)
		if t.reopen(s.file) {
			t.ring.mark(s)
			return
		}
	}
	if off := s.off.Load(); off != s.failedAt {
		s.fails, s.failedAt = 0, off // it went on in between
	}
	if s.fails++; s.fails == 1 {
		t.log.Warn("cannot be read now, will be tried again", s.attrs(), "code", "SHP-T008", "err", s.err)
	}
	s.trouble = s.err
	s.retryAt = t.now().Add(min(30*time.Second, time.Second<<min(s.fails-1, 5)))
	t.sick[s] = struct{}{}
}

// verify looks whether a stream that no reader will touch soon still has its content, so that several rotations while its
// target takes nothing are not mistaken for one. shrunk streams are looked at in any case.
func (t *Tailer) verify(s *stream, shrunk bool) {
	if !shrunk && !t.ring.waits(s) || !t.hold(s) {
		return
	}
	info, err := linux.Fstat(s.file.f)
	if err != nil {
		return
	}
	if s.file.packed() {
		return
	}
	long, m, err := s.holds(s.src)
	head, headErr := headIn(*s.head.Load(), s.src)
	switch {
	case err != nil || headErr != nil:
	case !long || m == different || head == different:
		t.rewritten(s, s.unharmed())
	default:
		s.whole.Store(t.now().UnixNano())
		s.seen.Store(max(s.seen.Load(), info.Size))
	}
}

// tend looks after streams whose end may have come.
func (t *Tailer) tend(due bool) {
	now := t.now()
	for s := range maps.Clone(t.sick) {
		if now.Before(s.retryAt) {
			continue
		}
		delete(t.sick, s)
		if s.file != nil && t.reopen(s.file) {
			t.ring.mark(s)
		}
	}
	for s := range maps.Clone(t.loose) {
		if _, finishing := t.finishing[s]; due || finishing {
			t.tendLoose(s)
		}
	}
	if due || t.once {
		for s := range maps.Clone(t.orphans) {
			t.tendOrphan(s)
		}
	}
	t.tendLeaving()
	if due {
		t.tendLinks()
		t.tendRecords()
	}
}

// flushPartials lets unterminated lines go that have been quiet for flush_partial.
func (t *Tailer) flushPartials() {
	if !t.flushes {
		return
	}
	for _, s := range t.streams {
		wait := s.in.cfg.FlushPartial.D()
		if wait <= 0 || s.partial.Load() == 0 || t.now().UnixNano()-s.partialAt.Load() < int64(wait) {
			continue
		}
		s.flush.Store(true)
		t.ring.mark(s)
	}
}
