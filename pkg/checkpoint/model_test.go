package checkpoint

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"shipper/pkg/tail"
)

// fate is what became of one byte.
type fate byte

const (
	unread fate = iota
	onWay
	done
)

// world is one stream and what must be true of it, byte by byte.
type world struct {
	dir  string
	disk *disk
	s    *Store
	id   tail.StreamID
	st   *Stream

	bytes []fate
	ever  []bool // was settled at some time
	kept  []fate // at the last commit that worked
	again int64  // bytes that were settled and sent again
	next  int64
	open  []*Span
	rs    []tail.Range
	ahead []tail.Range // settled by an earlier life, beyond next
	lost  int64
	lostK int64
	packs map[uint64]bool // given away in this life
}

func newWorld(t *testing.T) *world {
	w := &world{dir: t.TempDir(), disk: newDisk(), packs: map[uint64]bool{}}
	w.s = openOn(t, w.dir, w.disk)
	w.id = w.s.Begin(tail.Epoch{Route: tail.Route{Input: "in", Target: "to"}, Path: "/f"})
	w.st = w.s.Stream(w.id)
	if err := w.s.Commit(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) enter(t *rapid.T) {
	for len(w.ahead) > 0 && w.ahead[0].From == w.next { // a reader jumps, or it just goes on behind
		if rapid.Bool().Draw(t, "jump") {
			w.st.Jump(w.ahead[0].To)
		}
		w.next = w.ahead[0].To
		w.ahead = w.ahead[1:]
	}
	n := rapid.Int64Range(1, 5).Draw(t, "len")
	if len(w.ahead) > 0 {
		n = min(n, w.ahead[0].From-w.next)
	}
	r := tail.Range{From: w.next, To: w.next + n}
	for int64(len(w.bytes)) < r.To {
		w.bytes, w.ever = append(w.bytes, unread), append(w.ever, false)
	}
	w.next = r.To
	w.st.Read(n)
	m := markerAt(r.To)
	if rapid.IntRange(0, 9).Draw(t, "skip") == 0 {
		w.st.Skip(r, m)
		w.mark(r, done)
		return
	}
	pack := w.st.NextPack()
	if w.packs[pack] {
		t.Fatalf("pack %d is given away twice in one life", pack)
	}
	w.packs[pack] = true
	w.open = append(w.open, w.st.Enter(r, m, pack))
	w.rs = append(w.rs, r)
	w.mark(r, onWay)
}

func markerAt(off int64) tail.Marker { return tail.Marker{Len: 1, Sum: uint64(off)} }

func (w *world) mark(r tail.Range, f fate) {
	for i := r.From; i < r.To; i++ {
		w.bytes[i] = f
		w.ever[i] = w.ever[i] || f == done
	}
}

// back goes on reading at a settled place, without a word to the ledger.
func (w *world) back(t *rapid.T) {
	pos := w.st.Position()
	if pos == 0 {
		return
	}
	to := rapid.Int64Range(0, pos-1).Draw(t, "to")
	if len(w.ahead) > 0 && w.ahead[0].From == pos { // settled, and not reached by reading: it counts as reached now
		pos = w.ahead[0].To
	}
	w.again += max(w.next, pos) - to
	r := tail.Range{From: to, To: to + 1}
	w.st.Read(1)
	sp := w.st.Enter(r, markerAt(r.To), w.st.NextPack())
	for i, f := range w.bytes {
		if f == onWay || int64(i) >= to && int64(i) < pos {
			w.bytes[i] = unread
		}
	}
	w.mark(r, onWay)
	w.open, w.rs = []*Span{sp}, []tail.Range{r}
	w.next, w.ahead, w.kept, w.packs = r.To, w.st.Epoch().Ahead, nil, map[uint64]bool{}
}

func (w *world) settle(t *rapid.T) {
	if len(w.open) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.open)-1).Draw(t, "span")
	n := w.rs[i].Len()
	o := Outcome{Acked: n}
	if n > 0 {
		o.Dead = rapid.Int64Range(0, n).Draw(t, "dead")
		o.Acked -= o.Dead
	}
	w.st.Settle(w.open[i], o)
	w.mark(w.rs[i], done)
	w.open = append(w.open[:i:i], w.open[i+1:]...)
	w.rs = append(w.rs[:i:i], w.rs[i+1:]...)
}

func (w *world) commit(t *rapid.T) {
	if err := w.s.Commit(); err == nil {
		w.keep()
	} else if w.s.Trouble() == nil {
		t.Fatalf("commit fails without trouble: %v", err)
	}
}

func (w *world) keep() { w.kept, w.lostK = append(w.kept[:0:0], w.bytes...), w.lost }

// reborn compares the stream with what was promised and goes on from there.
func (w *world) reborn(t *rapid.T) {
	w.st = w.s.Stream(w.id)
	if w.st == nil {
		t.Fatal("the stream is forgotten")
	}
	w.open, w.rs, w.packs = nil, nil, map[uint64]bool{}
	e := w.st.Epoch()
	now := make([]fate, len(w.bytes))
	set := func(r tail.Range) {
		if r.From >= r.To || r.To > int64(len(now)) {
			t.Fatalf("strange settled range %v of %d bytes", r, len(now))
		}
		for i := r.From; i < r.To; i++ {
			now[i] = done
		}
	}
	sum := e.Offset
	if e.Offset > 0 {
		set(tail.Range{To: e.Offset})
	}
	for i, r := range e.Ahead {
		if r.From <= e.Offset || i > 0 && r.From <= e.Ahead[i-1].To {
			t.Fatalf("ranges touch: %d %v", e.Offset, e.Ahead)
		}
		set(r)
		sum += r.Len()
	}
	for i := range now {
		if now[i] == done && !w.ever[i] {
			t.Fatalf("byte %d is skipped: offset %d, ahead %v", i, e.Offset, e.Ahead)
		}
		if i < len(w.kept) && w.kept[i] == done && now[i] != done {
			t.Fatalf("byte %d was committed as settled and is not any more", i)
		}
	}
	if unknown := e.Marker == (tail.Marker{}) && w.again > 0; e.Offset > 0 && e.Marker != markerAt(e.Offset) && !unknown {
		t.Fatalf("marker %v at %d", e.Marker, e.Offset)
	}
	c := e.Counts
	if c.Pending() != 0 || c.Read < sum+c.Lost || c.Read > sum+c.Lost+w.again || c.Lost < w.lostK || c.Lost > w.lost {
		t.Fatalf("counts %+v, settled %d", c, sum)
	}
	w.lost = c.Lost
	w.bytes, w.next, w.ahead = now, e.Offset, e.Ahead
	if w.st.Position() != e.Offset {
		t.Fatalf("position %d, offset %d", w.st.Position(), e.Offset)
	}
}

func (w *world) check(t *rapid.T) {
	c := w.st.Epoch().Counts
	var way int64
	prefix := int64(-1)
	for i, f := range w.bytes {
		if f == onWay {
			way++
		}
		if f != done && prefix < 0 {
			prefix = int64(i)
		}
	}
	if prefix < 0 {
		prefix = int64(len(w.bytes))
	}
	if c.Pending() != way {
		t.Fatalf("pending %d, want %d: %+v", c.Pending(), way, c)
	}
	// What an earlier life settled counts as soon as reading has reached it.
	if off := w.st.Position(); off > prefix || off < min(prefix, w.next) {
		t.Fatalf("position %d, prefix %d, next %d", off, prefix, w.next)
	}
	if off, counts := w.s.Settled(w.id); off != w.st.Position() || counts != c {
		t.Fatalf("settled %d %+v", off, counts)
	}
}

// TestModel enters, settles and commits at random on a disk that fails at random, kills the process and cuts the power, and
// compares every byte with what the ledger and the recovered ledger say.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer func() { kill(t, w.s) }()
		w.keep()
		rt.Repeat(map[string]func(*rapid.T){
			"enter":  w.enter,
			"enter2": w.enter,
			"settle": w.settle,
			"commit": w.commit,
			"rewind": func(t *rapid.T) {
				w.st.Rewind()
				w.kept, w.lostK = w.kept[:0], 0
				w.reborn(t)
			},
			"back": w.back,
			"lose": func(*rapid.T) { w.s.Lose(w.id, 3, "test"); w.lost += 3 },
			"update": func(t *rapid.T) {
				w.s.Update(tail.Epoch{ID: w.id, Path: fmt.Sprint(rapid.Int().Draw(t, "path"))})
			},
			"compact": func(t *rapid.T) {
				w.s.io.Lock()
				w.s.compactAt = 0
				w.s.io.Unlock()
				w.commit(t)
			},
			"disk": func(t *rapid.T) {
				bad := rapid.SampledFrom([]string{"", "write", "sync", "create", "rename", "syncdir", "reserve", "remove"}).Draw(t, "op")
				w.disk.setFail(func(op, _ string) error {
					if op == bad {
						return errDisk
					}
					return nil
				})
			},
			"reopen": func(t *rapid.T) {
				kind := rapid.SampledFrom([]string{"close", "kill", "power"}).Draw(t, "kind")
				if kind == "close" {
					if w.s.Close() == nil {
						w.keep()
					}
				} else {
					kill(t, w.s)
				}
				if kind == "power" {
					w.disk.crash(func(n int) int { return rapid.IntRange(0, n).Draw(t, "survives") })
				}
				if rapid.Bool().Draw(t, "mended") {
					w.disk.setFail(nil)
				}
				w.s = openOn(t, w.dir, w.disk)
				w.reborn(t)
				if w.s.Trouble() == nil {
					w.keep()
				}
			},
			"": w.check,
		})
	})
}
