package daemon

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"pgregory.net/rapid"

	"shipper/pkg/tail"
)

// op is one step of a script: a word, a log (a or b) where it needs one, and a number where it takes one.
type op struct {
	do  string
	log string
	n   int
}

func (o op) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", o.do, o.log, map[bool]string{true: fmt.Sprint(o.n)}[o.n != 0]))
}

// script is what a sequence does. all says that the pattern matches rotated files too.
type script struct {
	all bool
	ops []op
}

func (s script) String() string {
	var b strings.Builder
	if s.all {
		b.WriteString("all\n")
	}
	for _, o := range s.ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

func parseScript(text string) (script, error) {
	var s script
	for _, l := range strings.Split(text, "\n") {
		f := strings.Fields(l)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if f[0] == "all" {
			s.all = true
			continue
		}
		o := op{do: f[0]}
		for _, a := range f[1:] {
			if n, err := fmt.Sscan(a, &o.n); n == 1 && err == nil {
				continue
			}
			o.log = a
		}
		s.ops = append(s.ops, o)
	}
	return s, nil
}

// kinds of steps with how often they come.
var kinds = []struct {
	do     string
	weight int
	log    bool
	most   int
}{
	{"write", 8, true, 30}, {"flood", 1, true, 4000}, {"partial", 2, true, 0},
	{"rotate", 4, true, 0}, {"rename", 2, true, 0}, {"reopen", 2, true, 0},
	{"copytruncate", 4, true, 0}, {"copygap", 1, true, 5}, {"slowcopy", 1, true, 0},
	{"truncate", 1, true, 0}, {"refill", 1, true, 0}, {"delete", 1, true, 0}, {"drop", 1, true, 0},
	{"gzip", 2, true, 0}, {"look", 3, false, 0}, {"settle", 2, false, 0},
	{"pause", 1, false, 0}, {"denied", 1, false, 0}, {"5xx", 1, false, 4}, {"throttle", 1, false, 2},
	{"cut-before", 1, false, 4}, {"cut-after", 1, false, 4}, {"heal", 2, false, 0},
	{"stop", 2, false, 0}, {"kill", 2, false, 0}, {"start", 4, false, 0},
}

// drawScript draws a sequence. Players that have one seed do not play the same.
func drawScript(rt *rapid.T, player int) script {
	var words []int
	for i, k := range kinds {
		for range k.weight {
			words = append(words, i)
		}
	}
	turn := player * len(words) / players
	words = slices.Concat(words[turn:], words[:turn])
	one := rapid.Custom(func(rt *rapid.T) op {
		k := kinds[rapid.SampledFrom(words).Draw(rt, "do")]
		o := op{do: k.do}
		if k.log {
			o.log = rapid.SampledFrom([]string{"a", "a", "b"}).Draw(rt, "log")
		}
		if k.most > 0 {
			o.n = rapid.IntRange(1, k.most).Draw(rt, "n")
		}
		return o
	})
	return script{all: rapid.Bool().Draw(rt, "all") != (player%2 == 1), ops: rapid.SliceOfN(one, 1, 40).Draw(rt, "ops")}
}

// patience is how long something may take on a machine that is busy.
const patience = 20 * time.Second

func (w *model) do(o op) error {
	base := filepath.Join(w.dir, o.log+".log")
	switch o.do {
	case "write":
		return w.write(base, o.n, 40, true)
	case "flood":
		return w.write(base, o.n, 100, true)
	case "partial":
		return w.write(base, 1, 30, false)
	case "rotate": // create
		return errors.Join(w.rename(base), w.reopen(base))
	case "rename":
		return w.rename(base)
	case "reopen":
		return w.reopen(base)
	case "copytruncate", "copygap", "slowcopy":
		return w.copytruncate(base, o)
	case "truncate", "refill":
		return w.truncate(base, o.do == "refill")
	case "delete":
		return w.remove(base)
	case "drop":
		for i := 20; i > 0; i-- {
			for _, ext := range []string{"", ".gz"} {
				if path := fmt.Sprintf("%s.%d%s", base, i, ext); w.files[path] != nil {
					return w.remove(path)
				}
			}
		}
		return nil
	case "gzip":
		return w.gzip(base + ".1")
	case "look":
		return w.look()
	case "settle":
		return w.settle(false)
	case "finish":
		return w.finish()
	case "pause", "denied":
		w.service.fault(o.do, -1)
	case "5xx", "throttle", "cut-before", "cut-after":
		w.service.fault(o.do, o.n)
	case "heal":
		w.heal()
	case "stop", "kill":
		return w.stop(o.do == "kill")
	case "start":
		return w.start()
	default:
		return fmt.Errorf("no such step: %s", o.do)
	}
	return nil
}

func (w *model) start() (err error) {
	if w.life == nil {
		w.life, err = w.born(w.state)
	}
	return err
}

func (w *model) stop(kill bool) error {
	if w.life == nil {
		return nil
	}
	l := w.life
	if kill {
		w.states++
		left := filepath.Join(filepath.Dir(w.dir), fmt.Sprintf("state%d", w.states))
		if err := l.kill(w.state, left); err != nil {
			return err
		}
		w.state = left
	} else {
		drain := patience
		if w.service.faulty() {
			drain = modelDrain
		}
		l.stop(drain)
	}
	w.life = nil
	w.ended(kill)
	return errors.Join(l.errs...)
}

func (w *model) heal() {
	w.service.heal()
	if w.life != nil {
		w.life.keys.turn()
	}
}

// inodeOf is the kernel's number.
func inodeOf(path string) (uint64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}

// open returns the application's descriptor, and makes the file if there is none.
func (w *model) open(base string) (*writing, error) {
	if o := w.writers[base]; o != nil {
		return o, nil
	}
	f, err := os.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	to := w.files[base]
	if to == nil {
		ino, err := inodeOf(base)
		if err != nil {
			return nil, err
		}
		to = &inode{ino: ino, c: w.newContent(), n: -1}
		w.files[base] = to
	}
	w.writers[base] = &writing{f, to}
	return w.writers[base], nil
}

func (w *model) write(base string, n, width int, finish bool) error {
	o, err := w.open(base)
	if err != nil {
		return err
	}
	held := w.readerHolds(o.to.ino)
	// A file that is renamed while it is empty, and that no reader has met under its first name, is passed over for good.
	unmet := !held && !w.all && w.files[base] != o.to && len(o.to.c.recs) == 0
	text := w.compose(o.to.c, n, width, finish)
	if _, err = o.f.WriteString(text); err != nil {
		return err
	}
	// What is written to a deleted file can be read only by those who hold it open.
	o.to.unmet = o.to.unmet || unmet
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range o.to.c.recs[max(0, len(o.to.c.recs)-n-1):] {
		switch {
		case w.onDisk(r) && !unmet && !o.to.unmet || r.got > 0:
		case held && !r.gone:
			r.heldBy = w.life.n
		default:
			r.gone = true
		}
	}
	return nil
}

// reopen is what an application does after a rotation.
func (w *model) reopen(base string) error {
	if o := w.writers[base]; o != nil {
		o.f.Close()
		delete(w.writers, base)
	}
	_, err := w.open(base)
	return err
}

// shift moves every generation up by one.
func (w *model) shift(base string) error {
	for i := 20; i > 0; i-- {
		for _, ext := range []string{"", ".gz"} {
			from, to := fmt.Sprintf("%s.%d%s", base, i, ext), fmt.Sprintf("%s.%d%s", base, i+1, ext)
			if w.files[from] == nil {
				if _, err := os.Lstat(from); err == nil {
					if err := os.Rename(from, to); err != nil {
						return err
					}
				}
				continue
			}
			if err := w.move(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *model) move(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	w.files[to] = w.files[from]
	delete(w.files, from)
	return nil
}

func (w *model) rename(base string) error {
	if w.files[base] == nil {
		return nil
	}
	return errors.Join(w.shift(base), w.move(base, base+".1"))
}

// copytruncate copies and truncates as logrotate does. With a gap lines are written in between; a slow copy is seen half.
func (w *model) copytruncate(base string, o op) error {
	f := w.files[base]
	if f == nil {
		return nil
	}
	if o.do == "copygap" && f.c.open() != nil {
		if err := w.write(base, 1, 10, true); err != nil {
			return err
		}
		if f = w.files[base]; w.writers[base].to != f {
			return nil
		}
	}
	if err := w.shift(base); err != nil {
		return err
	}
	b, err := os.ReadFile(base)
	if err != nil {
		return err
	}
	to, err := os.Create(base + ".1")
	if err != nil {
		return err
	}
	defer to.Close()
	ino, err := inodeOf(base + ".1")
	if err != nil {
		return err
	}
	w.files[base+".1"] = &inode{ino: ino, c: f.c, n: len(f.c.recs)}
	half := 0
	if o.do == "slowcopy" {
		half = len(b) / 2
		if _, err := to.Write(b[:half]); err != nil {
			return err
		}
		time.Sleep(30 * time.Millisecond) // a program that takes its time, not a wait for something
	}
	if _, err := to.Write(b[half:]); err != nil {
		return err
	}
	if o.do == "copygap" && len(b) < tail.HeadMax {
		// A copy that is shorter than what was read cannot be told from another file, unless it holds all that the head covers.
		w.mu.Lock()
		for _, r := range f.c.recs {
			r.mayRepeat = true
		}
		w.mu.Unlock()
	}
	if o.do == "copygap" && w.writers[base] != nil && w.writers[base].to == f {
		if err := w.write(base, o.n, 40, true); err != nil {
			return err
		}
	}
	return w.empty(base, f)
}

// empty truncates a file and gives it a new content.
func (w *model) empty(base string, f *inode) error {
	old := *f
	return w.destroyed(&old, false, func() error {
		w.mu.Lock()
		f.c = w.newContent()
		w.mu.Unlock()
		return os.Truncate(base, 0)
	})
}

func (w *model) truncate(base string, refill bool) error {
	f := w.files[base]
	if f == nil {
		return nil
	}
	info, err := os.Stat(base)
	if err != nil {
		return err
	}
	if err := w.empty(base, f); err != nil || !refill {
		return err
	}
	if o := w.writers[base]; o != nil && o.to != f {
		return nil
	}
	return w.write(base, int(info.Size())/90+2, 100, true)
}

func (w *model) remove(path string) error {
	f := w.files[path]
	if f == nil {
		return nil
	}
	return w.destroyed(f, true, func() error {
		delete(w.files, path)
		return os.Remove(path)
	})
}

// gzip compresses a generation that nobody writes to.
func (w *model) gzip(path string) error {
	f := w.files[path]
	if f == nil || slices.ContainsFunc(slices.Collect(maps.Values(w.writers)), func(o *writing) bool { return o.to == f }) {
		return nil
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(path + ".gz")
	if err != nil {
		return err
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	ino, err := inodeOf(path + ".gz")
	if err != nil {
		return err
	}
	if err := os.Chtimes(path+".gz", info.ModTime(), info.ModTime()); err != nil {
		return err
	}
	if !w.met(f) { // what is compressed before anybody has met it cannot be told from an old archive
		return w.remove(path)
	}
	w.files[path+".gz"] = &inode{ino: ino, c: f.c, n: len(f.lines()), packed: true}
	return w.remove(path)
}

// met reports whether a reader knows the content of f.
func (w *model) met(f *inode) bool {
	if w.readerHolds(f.ino) {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(f.c.recs, func(r *rec) bool { return r.got > 0 })
}

// hopeless is an error that waiting does not mend: nothing has happened for longer than anything is waited for.
type hopeless struct{ error }

// look waits until the reader has met every log that is in place.
func (w *model) look() error {
	if w.life == nil {
		return nil
	}
	return within(patience, func() error {
		for path, f := range w.files {
			if info, err := os.Stat(path); err == nil && info.Size() > 0 && strings.HasSuffix(path, ".log") && !w.readerHolds(f.ino) {
				return fmt.Errorf("%s is not met", path)
			}
		}
		return nil
	})
}

// settle waits until everything that can arrive has, and writes the positions down.
func (w *model) settle(final bool) error {
	if w.life == nil {
		return nil
	}
	w.heal()
	quiet := time.Now()
	err := within(patience, func() error {
		if w.life.tailer.Idle() == 0 || w.settled() != nil {
			quiet = time.Now()
		}
		if m := w.missing(final); len(m) > 0 {
			err := fmt.Errorf("%d lines are missing, the first is %d of %d of content %d: %s", len(m), m[0].at, len(m[0].of.recs), m[0].of.id, clip(m[0].text))
			if time.Since(quiet) > modelFinal+2*time.Second {
				err = hopeless{err}
			}
			return err
		}
		return w.settled()
	})
	if err != nil {
		return errors.Join(err, w.stands())
	}
	if err := w.life.store.Commit(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.unsafe)
	return nil
}

// stands describes files and streams, for a failure.
func (w *model) stands() error {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(w.files)) {
		f := w.files[path]
		fmt.Fprintf(&b, "%s ino %d content %d lines %d\n", filepath.Base(path), f.ino, f.c.id, len(f.lines()))
	}
	for _, f := range w.life.tailer.Files() {
		fmt.Fprintf(&b, "stream %d %s of %s ino %d at %d of %d\n", f.Stream, f.State, filepath.Base(f.Path), f.Identity.Ino, f.Offset, f.Size)
	}
	for _, e := range w.life.store.Epochs() {
		fmt.Fprintf(&b, "epoch %d of %s ino %d offset %d ahead %v %+v\n", e.ID, filepath.Base(e.Path), e.Identity.Ino, e.Offset, e.Ahead, e.Counts)
	}
	return errors.New(b.String())
}

// finish completes and closes every log; then everything must be there.
func (w *model) finish() error {
	for _, base := range slices.Sorted(maps.Keys(w.writers)) {
		o := w.writers[base]
		if w.files[base] == o.to && o.to.c.open() != nil {
			if err := w.write(base, 1, 5, true); err != nil {
				return err
			}
		}
		o.f.Close()
		delete(w.writers, base)
	}
	if err := w.start(); err != nil {
		return err
	}
	if err := w.settle(true); err != nil {
		return err
	}
	return w.stop(false)
}
