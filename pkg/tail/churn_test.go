package tail

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestChurn rotates in every way while lines are written, targets come and go and the tailer is restarted: every line
// arrives, once, and those of one target in order.
func TestChurn(t *testing.T) {
	for _, tt := range []struct {
		name, pattern string
		rotate        func(path string) error
	}{
		{"rename", "app.log", shift(os.Rename)},
		{"rename, all match", "app.log*", shift(os.Rename)},
		{"copytruncate", "app.log", shift(copyTruncate)},
		{"copytruncate, all match", "app.log*", shift(copyTruncate)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, w := t.TempDir(), newWorld(t)
			path := filepath.Join(dir, "app.log")
			o := w.options(filepath.Join(dir, tt.pattern))
			o.Sweep = 200 * time.Millisecond
			o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
			write(t, path, "first\n")
			start := func() func() { return begin(t, w, o) }
			stop := start()
			w.wants(t, "first")
			rnd := rand.New(rand.NewPCG(1, 2))
			n := 0
			for range 400 {
				for range rnd.IntN(4) {
					write(t, path, fmt.Sprintf("line %06d of a log that is rotated now and then\n", n))
					n++
				}
				switch rnd.IntN(12) {
				case 0:
					if err := tt.rotate(path); err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
				case 1:
					w.mu.Lock()
					w.held["a"] = !w.held["a"]
					w.mu.Unlock()
					w.wake()
				case 2:
					if rnd.IntN(5) == 0 {
						stop()
						stop = start()
					}
				case 3:
					time.Sleep(time.Millisecond) // let it look now and then
				}
			}
			w.mu.Lock()
			w.held["a"] = false
			w.mu.Unlock()
			w.wake()
			seen := map[string]int{}
			from := map[string][]StreamID{}
			for end := time.Now().Add(20 * time.Second); len(seen) < n && time.Now().Before(end); time.Sleep(time.Millisecond) {
				for _, l := range w.take("a") {
					seen[l.text]++
					from[l.text] = append(from[l.text], l.stream)
				}
			}
			if tl := w.tl.Load(); len(seen) < n {
				tl.mu.Lock()
				for _, s := range tl.streams {
					t.Log("stands", s.id, "place", s.place, "waits for", s.waitsFor, "at", s.off.Load(), "of", s.seen.Load(), "file", s.file != nil, "loose", s.epoch.Detached, "again", s.again, "next", len(s.next))
				}
				tl.mu.Unlock()
			}
			stop()
			for _, l := range w.take("a") {
				seen[l.text]++
			}
			var missing, repeated []int
			for i := range n {
				switch c := seen[fmt.Sprintf("line %06d of a log that is rotated now and then", i)]; {
				case c == 0:
					missing = append(missing, i)
				case c > 1:
					if len(repeated) == 0 || repeated[len(repeated)-1] != i-1 {
						t.Log("repeated from", i, "by streams", from[fmt.Sprintf("line %06d of a log that is rotated now and then", i)])
					}
					repeated = append(repeated, i)
				}
			}
			if len(missing)+len(repeated) > 0 || w.ledger.total > 0 {
				t.Errorf("of %d lines these are missing %v and these repeated %v; %d bytes lost", n, missing, repeated, w.ledger.total)
			}
		})
	}
}

// shift renames the older generations as logrotate does and moves the present one away with how.
func shift(how func(from, to string) error) func(string) error {
	return func(path string) error {
		for i := 60; i > 0; i-- {
			os.Rename(fmt.Sprintf("%s.%d", path, i), fmt.Sprintf("%s.%d", path, i+1))
		}
		return how(path, path+".1")
	}
}

func copyTruncate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return os.Truncate(from, 0)
}
