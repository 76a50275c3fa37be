package daemon

import (
	"sync"
	"time"

	"shipper/pkg/tail"
)

// waiting knows how long the bytes of a file have been waiting. Nobody writes down when a byte was written; but a file that was
// seen with a size had these bytes by then. Files are looked at every few seconds, as often as somebody asks for a Snapshot.
type waiting struct {
	mu    sync.Mutex
	files map[tail.StreamID]*growth
	round uint64
}

// growth is what was seen of a file that is behind: rising sizes, each with a time by which the file had it.
type growth struct {
	seen  []seenSize
	round uint64
}

type seenSize struct {
	size int64
	at   time.Time
}

// mostSizes bounds what is kept of a file. When it is full every other one is forgotten: then bytes seem younger than they are, never
// older.
const mostSizes = 16

func newWaiting() *waiting { return &waiting{files: map[tail.StreamID]*growth{}} }

// begin begins a round of looks, and end ends it: what was not looked at is forgotten.
func (w *waiting) begin() {
	w.mu.Lock()
	w.round++
}

func (w *waiting) end() {
	for id, g := range w.files {
		if g.round != w.round {
			delete(w.files, id)
		}
	}
	w.mu.Unlock()
}

// since looks at a file that has size bytes, of which those before offset are settled. It returns the time by which the first of
// the others had been written; zero if there are none.
func (w *waiting) since(id tail.StreamID, offset, size int64, modified, now time.Time) time.Time {
	if size <= offset {
		return time.Time{} // the next round's end forgets it
	}
	g := w.files[id]
	if g == nil {
		g = &growth{}
		w.files[id] = g
	}
	g.round = w.round
	for len(g.seen) > 0 && g.seen[0].size <= offset {
		g.seen = g.seen[1:]
	}
	if n := len(g.seen); n == 0 || g.seen[n-1].size < size {
		at := now
		if !modified.IsZero() && modified.Before(at) {
			at = modified
		}
		if n == mostSizes {
			kept := make([]seenSize, 0, mostSizes)
			for i := 0; i < n; i += 2 {
				kept = append(kept, g.seen[i])
			}
			g.seen = kept
		}
		g.seen = append(g.seen, seenSize{size, at})
	}
	return g.seen[0].at
}
