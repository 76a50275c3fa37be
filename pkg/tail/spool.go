package tail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"shipper/internal/durable"
	"shipper/internal/linux"
)

// partSuffix marks a file of the spool that is not complete. Such a one is worth nothing after a crash.
const partSuffix = ".part"

// errSpoolFull says that Options.MaxSpool would be exceeded.
var errSpoolFull = errors.New("max_spool_bytes is reached")

// Save keeps what is not settled of deleted files for the next start, in Options.Spool: their descriptors end with the process.
// Run or Once has returned, and nothing is settled any more. What cannot be saved until ctx ends is named as lost, unless
// the Keeper has it. Saving never fails the caller.
//
// A file of the spool looks like the file that was deleted, with the same bytes at the same offsets, but for what nobody needs any more:
// that is a hole.
func (t *Tailer) Save(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.files { // the last look may have been before it was deleted
		if len(f.streams) > 0 && t.pins[f] == nil {
			t.pin(f)
		}
	}
	files := slices.SortedFunc(maps.Keys(t.pins), func(a, b *file) int {
		return cmp.Or(t.pins[a].since.Compare(t.pins[b].since), cmp.Compare(a.id.Ino, b.id.Ino))
	})
	room := t.opts.MaxSpool
	for f := range t.spooled { // of an earlier stop, and not read to the end yet
		if info, err := linux.Fstat(f.f); err == nil {
			room -= info.Blocks
		}
	}
	for _, f := range files {
		owed := t.owed(f)
		if len(owed) == 0 {
			continue
		}
		n, err := t.save(ctx, f, owed, room)
		if err != nil {
			t.unsaved(f, owed, err)
			continue
		}
		room -= n
		s := oldest(f)
		t.log.Info("what is not sent of a deleted file is saved for the next start", s.attrs(), "offset", owed[0].Offset, "bytes", n)
	}
}

// owed are the positions of the streams of f that are not settled to its end, the one furthest behind first. Where another content
// stands now that nobody has looked at yet, all of it is owed.
func (t *Tailer) owed(f *file) []Epoch {
	if t.refresh(f) != nil {
		return nil
	}
	var out []Epoch
	for s := range f.each() {
		other := !f.packed() && !s.intact()
		for _, e := range t.opts.Positions.Known(s.route) {
			switch {
			case e.ID != s.id:
			case other:
				e.Offset, e.Ahead = 0, nil
				out = append(out, e)
			case f.packed() && s.finished && t.settled(s), !f.packed() && e.Offset >= f.info.Size:
			case t.noWriter(f) && t.livesOn(&record{epoch: e}, f):
			default:
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(a, b Epoch) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.ID, b.ID)) })
	return out
}

// spoolName names the streams that a file is saved for.
func spoolName(ids []StreamID) string {
	name := strings.TrimSuffix(KeptPrefix, "-")
	for _, id := range ids {
		name += "-" + strconv.FormatUint(uint64(id), 10)
	}
	return name
}

// spooledFor is what spoolName was made from.
func spooledFor(path string) (ids []StreamID) {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	for _, digits := range strings.Split(strings.TrimPrefix(name, KeptPrefix), "-") {
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			ids = append(ids, StreamID(n))
		}
	}
	return ids
}

// save writes f into the spool, and returns how many bytes it took.
func (t *Tailer) save(ctx context.Context, f *file, owed []Epoch, room int64) (n int64, err error) {
	if t.opts.Spool == "" {
		return 0, errors.New("there is no spool")
	}
	from, head, size, ext := int64(0), int64(0), f.info.Size, ""
	if f.packed() { // it can be unpacked from its beginning only
		ext = filepath.Ext(f.where)
	} else {
		from = max(0, owed[0].Offset-MarkerMax)
		head = min(HeadMax, from)
	}
	if n = min(size-from+head, f.info.Blocks); n > room {
		return 0, errSpoolFull
	}
	if err := os.MkdirAll(t.opts.Spool, 0o700); err != nil {
		return 0, err
	}
	var ids []StreamID
	for _, e := range owed {
		ids = append(ids, e.ID)
	}
	name := filepath.Join(t.opts.Spool, spoolName(ids)+ext)
	part, err := os.OpenFile(name+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer part.Close()
	goOn := func() error { return context.Cause(ctx) }
	err = linux.Copy(part, f.f, 0, head, goOn)
	if err == nil {
		err = linux.Copy(part, f.f, from, size, goOn)
	}
	if err == nil {
		err = part.Truncate(size)
	}
	if err == nil {
		err = part.Sync() // a name that survives a power failure must not lead to a content that did not
	}
	if err == nil {
		err = os.Rename(part.Name(), name)
	}
	if err != nil {
		return 0, errors.Join(err, os.Remove(part.Name()))
	}
	return n, durable.SyncDir(t.opts.Spool)
}

// unsaved names what could not be saved of f.
func (t *Tailer) unsaved(f *file, owed []Epoch, why error) {
	if errors.Is(why, syscall.ENOSPC) || errors.Is(why, syscall.EDQUOT) {
		why = fmt.Errorf("the disk of the state directory is full: %w", why)
	}
	for _, e := range owed {
		s := t.streams[e.ID]
		end := max(s.seen.Load(), s.off.Load())
		if !f.packed() {
			end = f.info.Size
		}
		if t.pins[f].name != "" {
			t.log.Warn("a deleted file could not be saved for the next start; its lines are lost unless systemd keeps its descriptor",
				s.attrs(), "code", "SHP-T011", "offset", e.Offset, "bytes", end-e.Offset, "err", why)
			continue
		}
		t.log.Error("a deleted file could not be saved for the next start", s.attrs(), "code", "SHP-T011", "err", why)
		t.loseUnread(s, e.Offset, end, e.Ahead, LostUnsaved)
		if s.intact() && !t.hasCopies(s) {
			t.opts.Positions.End(e.ID) // nothing can be met of it again, unless it was copied before it was rewritten
		}
	}
}

// unspool removes a file of the spool when the last stream that was read from it is over.
func (t *Tailer) unspool(f *file) {
	path, ok := t.spooled[f]
	if !ok || len(f.streams) > 1 {
		return
	}
	if err := os.Remove(path); err != nil && !linux.Gone(err) {
		t.log.Warn("a file of the spool that was read to its end cannot be removed", "code", "SHP-T012", "path", path, "err", err)
	}
	delete(t.spooled, f)
	_ = t.refresh(f) // it has no name now
}
