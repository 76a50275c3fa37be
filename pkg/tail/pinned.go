package tail

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"shipper/internal/linux"
)

// Keeper holds descriptors of deleted files beyond the life of the process: systemd's descriptor store. It is called by discovery,
// and not again for a name before Drop.
type Keeper interface {
	// Keep hands a duplicate of f over under a name of letters, digits and dashes. It may be refused without a word.
	Keep(name string, f *os.File)
	// Drop gives back what was kept under name, and with it the disk space of the file.
	Drop(name string)
}

// fewLoose is how many detached streams are looked at in each step for a file that was deleted; more wait for the next tick.
const fewLoose = 64

// pin is a deleted file that is held open: its content is nowhere else.
type pin struct {
	since time.Time // when it was first seen to be deleted
	name  string    // under which the Keeper has it; "" if it has not
}

// pinName is the name of a deleted file for the Keeper and in the spool. The id of one of its streams is used for nothing else.
func pinName(id StreamID) string { return fmt.Sprintf("%s%d", KeptPrefix, uint64(id)) }

// KeptPrefix is what the names of kept descriptors begin with.
const KeptPrefix = "deleted-"

// tendPinned looks which files were deleted, hands those with bytes that are not settled to the Keeper, so that a crash does not
// cost them, and sees to it that they do not take more space than they may.
func (t *Tailer) tendPinned(due bool) {
	if due || len(t.loose) <= fewLoose {
		for s := range maps.Clone(t.loose) {
			if f := s.file; f != nil && t.pins[f] == nil && t.pin(f) {
				t.measure(f)
			}
		}
	}
	for f, p := range t.pins {
		switch {
		case f.f == nil:
			t.unkeep(p)
			delete(t.pins, f)
		case p.name == "" && t.opts.Keeper != nil && t.behind(f):
			p.name = pinName(oldest(f).id)
			t.opts.Keeper.Keep(p.name, f.f)
		}
	}
	maps.DeleteFunc(t.spooled, func(f *file, _ string) bool { return f.f == nil })
	if t.opts.MaxPinned > 0 {
		t.limitPinned()
	}
}

// pin notes f if no name is left of it.
func (t *Tailer) pin(f *file) bool {
	if f.f == nil {
		return false
	}
	info, err := linux.Fstat(f.f)
	if err != nil || !f.unlinked(info) {
		return false
	}
	t.pins[f] = &pin{since: t.now()}
	f.info.Links = 0
	return true
}

// measure looks at the size of a file that was deleted: nobody is notified of a file without a name.
func (t *Tailer) measure(f *file) {
	size := f.info.Size
	if t.refresh(f) != nil || f.info.Size == size {
		return
	}
	for s := range f.each() {
		t.verify(s, f.info.Size < size)
	}
}

func (t *Tailer) unkeep(p *pin) {
	if p.name != "" {
		t.opts.Keeper.Drop(p.name)
		p.name = ""
	}
}

// oldest is the first stream that was begun on f; nil if there is none.
func oldest(f *file) *stream {
	var first *stream
	for s := range f.each() {
		if first == nil || s.id < first.id {
			first = s
		}
	}
	return first
}

// behind reports whether f holds bytes of a stream that are not settled, as far as was seen.
func (t *Tailer) behind(f *file) bool {
	for s := range f.each() {
		off, _ := t.opts.Positions.Settled(s.id)
		if off < s.off.Load() || !f.packed() && off < f.info.Size || f.packed() && !s.finished {
			return true
		}
	}
	return false
}

// limitPinned gives up the files that were deleted first until the rest takes no more than MaxPinned bytes of disk.
func (t *Tailer) limitPinned() {
	total := int64(0)
	for f := range t.pins {
		total += f.info.Blocks
	}
	if total <= t.opts.MaxPinned {
		return
	}
	files := slices.SortedFunc(maps.Keys(t.pins), func(a, b *file) int {
		return cmp.Or(t.pins[a].since.Compare(t.pins[b].since), cmp.Compare(a.id.Birth, b.id.Birth), cmp.Compare(a.id.Ino, b.id.Ino))
	})
	for _, f := range files {
		if total <= t.opts.MaxPinned {
			return
		}
		if len(f.streams) > 0 && t.abandon(f) {
			total -= f.info.Blocks
		}
	}
}

// abandon gives up what was not read of a deleted file and closes it. What was read and is on its way goes on. It is false
// while a reader has one of its streams: then the next step tries again.
func (t *Tailer) abandon(f *file) bool {
	for s := range f.each() {
		if !t.hold(s) {
			return false
		}
	}
	if t.refresh(f) != nil {
		return false
	}
	for _, s := range slices.Clone(f.streams) {
		end := s.seen.Load()
		if !f.packed() {
			end = max(end, f.info.Size)
		}
		t.loseUnread(s, s.off.Load(), end, s.ahead, LostPinned)
		t.discard(s)
	}
	if p := t.pins[f]; p != nil {
		t.unkeep(p)
		delete(t.pins, f)
	}
	clear(f.links)
	t.dropUnused(f)
	return true
}

// discard ends a parked stream whose content nobody will read: it waits to be settled as far as it was read.
func (t *Tailer) discard(s *stream) {
	s.src.Close()
	s.file.streams.drop(s.route)
	s.file, s.src, s.orphaned = nil, nothingLeft{}, t.now()
	s.givenUp, s.finish = true, true
	if !s.finished {
		s.sink.Finish()
		s.finished = true
	}
	s.seen.Store(s.off.Load())
	t.ring.pass(s)
	delete(t.loose, s)
	delete(t.sick, s)
	delete(t.finishing, s)
	t.orphans[s] = struct{}{}
	t.events.await(s.id, true)
}

// loseUnread counts the bytes [from, to) of a stream as lost, but for those that are settled already.
func (t *Tailer) loseUnread(s *stream, from, to int64, settled []Range, reason string) {
	for _, r := range settled {
		if r.From > from {
			t.lose(s, from, min(r.From, to), reason)
		}
		from = max(from, r.To)
		if from >= to {
			return
		}
	}
	if to > from {
		t.lose(s, from, to, reason)
	}
}
