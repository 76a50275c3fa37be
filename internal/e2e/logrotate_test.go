package e2e

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// rotated is a program that writes numbered lines while logrotate rotates its log each second.
type rotated struct {
	dir, log, reopen string
	logrotate        string
	written, most    int
}

// linesASecond is what the program writes, one write for each line.
const linesASecond = 20_000

// write writes lines until ctx ends. When told to, it opens its log again, as a program does after a signal.
func (r *rotated) write(ctx context.Context, t *testing.T) {
	open := func() *os.File {
		f, err := os.OpenFile(r.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			t.Error(err)
		}
		return f
	}
	f := open()
	defer func() { f.Close() }()
	const slice = 5 * time.Millisecond
	tick := time.NewTicker(slice)
	defer tick.Stop()
	var buf []byte
	for start := time.Now(); ctx.Err() == nil; {
		<-tick.C
		if os.Remove(r.reopen) == nil {
			f.Close()
			f = open()
		}
		due := min(r.most, int(time.Since(start).Seconds()*linesASecond))
		for ; r.written < due; r.written++ {
			buf = fmt.Appendf(buf[:0], "%09d GET /index.html HTTP/1.1 200 5316 Mozilla/5.0 (X11; Linux x86_64) a line of usual length\n", r.written)
			if _, err := f.Write(buf); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// rotate runs logrotate each second for d, and returns how often. postrotate waits until the program writes elsewhere, which
// is what makes it right to compress at once.
func (r *rotated) rotate(t *testing.T, d time.Duration, directives string, args []string) int {
	post := fmt.Sprintf("  postrotate\n    touch %[1]s; while test -e %[1]s; do sleep 0.005; done\n  endscript\n", r.reopen)
	if strings.Contains(directives, "copytruncate") {
		post = ""
	}
	conf := filepath.Join(r.dir, "logrotate.conf")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, "%s {\n  rotate 1000\n%s%s}\n", r.log, directives, post), 0o600))
	args = append(args, "--state", filepath.Join(r.dir, "logrotate.state"), conf)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	n := 0
	for start := time.Now(); time.Since(start) < d; n++ {
		<-tick.C
		if out, err := exec.CommandContext(t.Context(), r.logrotate, args...).CombinedOutput(); err != nil {
			t.Errorf("logrotate: %v\n%s", err, out)
			break
		}
	}
	return n
}

// numberSize is how many digits a line begins with.
const numberSize = 9

// onDisk counts each line in every generation, and the generations. Pieces too short for their number are counted by what they are: a
// line that crosses a page becomes visible in two steps, and a copy may end between them.
func (r *rotated) onDisk(t *testing.T) (lines []uint8, pieces map[string]int, files int) {
	lines, pieces = make([]uint8, r.written), map[string]int{}
	must(t, filepath.WalkDir(filepath.Dir(r.log), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		var in io.Reader = f
		if filepath.Ext(path) == ".gz" {
			if in, err = gzip.NewReader(f); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		for sc := bufio.NewScanner(in); sc.Scan(); {
			if len(sc.Text()) < numberSize {
				pieces[sc.Text()]++
				continue
			}
			n, err := strconv.Atoi(sc.Text()[:numberSize])
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			lines[n]++
		}
		return nil
	}))
	return lines, pieces, files
}

// TestLogrotate is the real logrotate in every mode, each second, under a program that never pauses: what is in the files
// arrives once and in order. SHIPPER_E2E_ROTATE_S is for how many seconds.
func TestLogrotate(t *testing.T) {
	logrotate := need(t, "logrotate")
	seconds := fromEnv(t, "SHIPPER_E2E_ROTATE_S", 12)
	force := []string{"--force"}
	for _, mode := range []struct {
		name, directives string
		args             []string
	}{
		{"create", "  create\n  nocompress\n", force},
		{"copytruncate", "  copytruncate\n  nocompress\n", force},
		{"create, compress", "  create\n  compress\n", force},
		{"copytruncate, compress", "  copytruncate\n  compress\n", force},
		{"create, delaycompress", "  create\n  compress\n  delaycompress\n", force},
		{"copytruncate, delaycompress", "  copytruncate\n  compress\n  delaycompress\n", force},
		{"create, dateext", "  create\n  nocompress\n  dateext\n  dateformat -%Y%m%d-%s\n", force},
		{"create, olddir", "  create\n  nocompress\n  olddir old\n", force},
		{"copytruncate, olddir", "  copytruncate\n  nocompress\n  olddir old\n", force},
		{"create, maxsize", "  create\n  nocompress\n  daily\n  maxsize 1M\n", nil},
		{"copytruncate, maxsize", "  copytruncate\n  compress\n  daily\n  maxsize 1M\n", nil},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			underLogrotate(t, logrotate, mode.directives, mode.args, time.Duration(seconds)*time.Second)
		})
	}
}

func underLogrotate(t *testing.T, logrotate, directives string, args []string, d time.Duration) {
	seen := make([]uint8, int(d.Seconds()+10)*linesASecond)
	distinct, pieces := 0, map[string]int{} // guarded by w.mu, like seen
	w := &witness{accepted: func(_ string, got [][]byte) {
		for _, l := range got {
			if len(l) < numberSize {
				pieces[string(l)]++
				continue
			}
			n, err := strconv.Atoi(string(l[:numberSize]))
			if err != nil || n >= len(seen) {
				t.Errorf("a line that nobody wrote arrived: %q", l)
				continue
			}
			if seen[n]++; seen[n] == 1 {
				distinct++
			}
		}
	}}
	c := w.watch(t, emulator.Options{})
	h := newHost(t, c, "log/app.log", "")
	must(t, os.MkdirAll(h.path("log/old"), 0o755))
	r := &rotated{dir: h.dir, log: h.path("log/app.log"), reopen: h.path("reopen"), logrotate: logrotate, most: len(seen)}
	shipper := h.start(t, "run")

	writing, stop := context.WithCancel(t.Context())
	rotations := 0
	var rotating sync.WaitGroup
	rotating.Go(func() {
		defer stop()
		rotations = r.rotate(t, d, directives, args)
	})
	r.write(writing, t) // while logrotate runs, whose postrotate waits for it
	rotating.Wait()

	onDisk, piecesOnDisk, files := r.onDisk(t)
	missing := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		n := 0
		for i, times := range onDisk {
			if times > 0 && seen[i] == 0 {
				n++
			}
		}
		return n
	}
	left := 0
	arrived := func() bool { left = missing(); return left == 0 }
	for deadline := time.Now().Add(40 * time.Second); !arrived() && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	for range 2 { // the second life finds nothing that it does not know
		if code := shipper.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		shipper = h.start(t, "run")
		h.settled(t)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	repeated, dropped, rescued := 0, 0, 0
	for i := range r.written {
		repeated += max(0, int(seen[i])-max(1, int(onDisk[i])))
		if onDisk[i] == 0 {
			dropped++
			rescued += min(1, int(seen[i]))
		}
	}
	for piece, times := range pieces {
		if times > piecesOnDisk[piece] {
			t.Errorf("%q arrived %d times and stands in the files %d times", piece, times, piecesOnDisk[piece])
		}
	}
	if left > 0 || repeated > 0 {
		t.Errorf("missing %d, repeated %d", left, repeated)
	}
	inOrder(t, c.readBack(t))
	t.Logf("%d rotations, %d files, %d lines written; logrotate dropped %d, of which %d arrived all the same; arrived %d, missing %d, repeated %d",
		rotations, files, r.written, dropped, rescued, distinct, left, repeated)
}

// inOrder checks that the numbers of each stream rise.
func inOrder(t *testing.T, got arrived) {
	t.Helper()
	for prefix, lines := range got.streams {
		last := ""
		for _, l := range lines {
			if len(l) < numberSize {
				continue
			}
			if l <= last {
				t.Errorf("stream %s: %q came after %q", prefix, l[:numberSize], last[:numberSize])
				break
			}
			last = l
		}
	}
}
