package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"shipper/pkg/tail"
)

// rec is one line of the model, from the first byte that was written of it.
type rec struct {
	key  string // what the line begins with
	text string
	end  bool // its line end was written
	of   *content
	at   int // number within the content

	got       int  // times that it was stored
	early     bool // stored before it was complete
	mayRepeat bool // was on its way when a life was killed, or an answer was lost
	gone      bool // was nowhere to be read: it may be missing
	openIn    int  // life that holds the deleted file that it is in
	spooled   bool // was in such a file when its life was stopped in good order
	heldBy    int  // life that has taken it, or holds the deleted file that it is in
}

// content is what a file holds from when it is empty until it is truncated. Copies hold its beginning.
type content struct {
	id   int
	recs []*rec
}

func (c *content) open() *rec {
	if n := len(c.recs); n > 0 && !c.recs[n-1].end {
		return c.recs[n-1]
	}
	return nil
}

// inode is a file of the model. The content of a copy ends after n lines; that of an original grows.
type inode struct {
	ino    uint64
	birth  int64 // the number alone goes to the next file
	c      *content
	n      int // lines of a copy, -1 for an original
	packed bool
	unmet  bool // see write
}

func (f *inode) holds(r *rec) bool { return f.c == r.of && (f.n < 0 || r.at < f.n) }

// lines are those that f holds.
func (f *inode) lines() []*rec {
	if f.n < 0 {
		return f.c.recs
	}
	return f.c.recs[:f.n]
}

func (w *model) newContent() *content {
	w.contents++
	return &content{id: w.contents}
}

// compose makes n more lines of c and returns their text. The first completes an unfinished line.
func (w *model) compose(c *content, n, width int, finish bool) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for i := range n {
		last := i == n-1 && !finish
		r := c.open()
		if r == nil {
			r = &rec{key: fmt.Sprintf("k%06d", len(w.recs)), of: c, at: len(c.recs)}
			r.text = r.key
			b.WriteString(r.key)
			w.recs[r.key] = r
			c.recs = append(c.recs, r)
		}
		more := fmt.Sprintf(" of content %d %s", c.id, strings.Repeat("x", width))
		r.text += more
		r.end = !last
		b.WriteString(more)
		if r.end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// onDisk reports whether a file that has a name holds r.
func (w *model) onDisk(r *rec) bool {
	for _, f := range w.files {
		if f.holds(r) {
			return true
		}
	}
	return false
}

// destroyed notes that f is about to lose its name or its content; do does it. What a reader has already, or will have from
// the descriptor that it holds, must arrive all the same, as long as that reader lives.
func (w *model) destroyed(f *inode, unlinked bool, do func() error) error {
	open := unlinked && w.readerHolds(f)
	lines := slices.Clone(f.lines())
	w.mu.Lock()
	before := map[*rec]bool{}
	for _, r := range lines {
		before[r] = w.life != nil && (r.heldBy == w.life.n || open)
	}
	w.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range lines {
		switch {
		case w.onDisk(r) || r.got > 0:
		case before[r]:
			r.heldBy = w.life.n
			if open {
				r.openIn = w.life.n
			}
		default:
			r.gone = !r.spooled
		}
	}
	return nil
}

// readerHolds reports whether a reader has the file open.
func (w *model) readerHolds(o *inode) bool {
	if w.life == nil {
		return false
	}
	for _, f := range w.life.tailer.Files() {
		if f.Identity.Ino == o.ino && f.Identity.Birth == o.birth && f.State != "gone" {
			return true
		}
	}
	return false
}

// ended notes that a life is over: what it alone had is gone, and after a kill what was on its way may come again.
func (w *model) ended(killed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path, f := range w.files { // held by its inode only: compressed, it cannot be told from an old archive
		if f.packed && !slices.ContainsFunc(f.c.recs, func(r *rec) bool { return r.got > 0 }) {
			delete(w.files, path)
		}
	}
	for _, r := range w.recs {
		r.spooled = r.spooled || !killed && r.openIn == w.lives
		if r.got == 0 && !w.onDisk(r) && !r.spooled {
			r.gone = true
		}
		if killed && r.got > 0 && w.unsafe[r] {
			r.mayRepeat = true
		}
	}
	w.killed = w.killed || killed
}

// handed is told of lines that a reader takes.
func (w *model) handed(lines []tail.Line, life int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lines {
		if r := w.recs[string(l.Text[:min(len(l.Text), 7)])]; r != nil {
			r.heldBy = life
		}
	}
}

// lost is told of bytes that are given up.
func (w *model) lost(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lostBytes += n
}

// taken is told of lines that are stored.
func (w *model) taken(lines []string, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range lines {
		r := w.recs[l[:min(len(l), 7)]]
		if r == nil {
			w.failLocked("stored a line that nobody wrote: %q", l)
			continue
		}
		if l != r.text {
			r.early = true
			w.failLocked("stored %q of the line %q", clip(l), clip(r.text))
		}
		r.got++
		r.mayRepeat = r.mayRepeat || again
		w.unsafe[r] = true
		if r.got > 1 && !r.mayRepeat {
			w.failLocked("stored %d times without need: %q", r.got, clip(l))
		}
	}
}

func clip(s string) string { return s[:min(len(s), 40)] }

// missing are the lines that must have arrived and have not; with final also those that have no line end.
func (w *model) missing(final bool) []*rec {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*rec
	for _, key := range slices.Sorted(maps.Keys(w.recs)) {
		r := w.recs[key]
		if r.got == 0 && !r.gone && (r.end || final && !w.live(r)) {
			out = append(out, r)
		}
	}
	return out
}

// live reports whether r is in a file that a pattern matches, where an unfinished line waits for its end.
func (w *model) live(r *rec) bool {
	for path, f := range w.files {
		if f.holds(r) && (w.all || strings.HasSuffix(path, ".log")) {
			return true
		}
	}
	return false
}

// check judges what does not change any more: order, and what was given up.
func (w *model) check() {
	w.service.mu.Lock()
	stored := slices.Clone(w.service.stored)
	w.service.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	type key struct {
		prefix string
		life   int
	}
	streams := map[key][]pack{}
	for _, p := range stored {
		k := key{p.prefix, 0}
		if w.killed { // numbers of what is sent again after a kill may overlap with those of before
			k.life = p.life
		}
		streams[k] = append(streams[k], p)
	}
	for _, packs := range streams {
		slices.SortStableFunc(packs, func(a, b pack) int { return cmp.Compare(a.seq, b.seq) })
		w.checkOrder(packs)
	}
	var most int64 // bytes that may be given up
	for _, r := range w.recs {
		if r.gone && r.got == 0 {
			most += int64(len(r.text) + 1)
		}
	}
	if w.lostBytes > most && !w.killed {
		w.failLocked("%d bytes were given up, %d were gone", w.lostBytes, most)
	}
}

func (w *model) checkOrder(packs []pack) {
	seen := map[*rec]bool{}
	var last *rec
	for _, p := range packs {
		for _, l := range p.lines {
			r := w.recs[l[:min(len(l), 7)]]
			if r == nil || seen[r] {
				continue
			}
			seen[r] = true
			if last != nil && last.of != r.of {
				w.failLocked("stream %s holds lines of contents %d and %d", p.prefix, last.of.id, r.of.id)
				return
			}
			if last != nil && r.at < last.at {
				w.failLocked("stream %s: line %d of content %d came after %d", p.prefix, r.at, r.of.id, last.at)
				return
			}
			last = r
		}
	}
}
