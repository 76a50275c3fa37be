package tail

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunFollows(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	app := filepath.Join(dir, "late", "app.log")
	tl := run(t, w, w.options(filepath.Join(dir, "late", "**", "*.log")))
	if err := os.MkdirAll(filepath.Dir(app), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, app, "one\n")
	w.wants(t, "one")
	write(t, app, "two\npart")
	w.wants(t, "two")
	write(t, app, "ial\n")
	w.wants(t, "partial")
	if err := os.Rename(app, app+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, app+".1", "late\n")
	write(t, app, "fresh\n")
	w.wants(t, "late", "fresh")
	w.mu.Lock()
	w.held["a"] = true
	w.mu.Unlock()
	write(t, app, "held\n")
	deep := filepath.Join(dir, "late", "x", "y", "z.log")
	if err := os.MkdirAll(filepath.Dir(deep), 0o755); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.held["a"] = false
	w.mu.Unlock()
	tl.Wake("a")
	w.wants(t, "held")
	write(t, deep, "deep\n")
	w.wants(t, "deep")
	for i := range 50 { // rotation while writing
		write(t, app, fmt.Sprintf("line %d\n", i))
		if i%5 == 0 {
			os.Rename(app, fmt.Sprintf("%s.%d", app, i+2))
		}
	}
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("line %d", i))
	}
	var got []string
	for end := time.Now().Add(20 * time.Second); len(got) < len(want) && time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, l := range w.take("a") {
			got = append(got, l.text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %d lines %q", len(got), got)
	}
	if st := tl.Stats(); st.Inputs["in"].Lines != 57 || st.PolledDirs != 0 {
		t.Errorf("%+v", st)
	}
}

// TestRunSymlink watches the directory of a link's target.
func TestRunSymlink(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	real, links := filepath.Join(dir, "real"), filepath.Join(dir, "links")
	os.Mkdir(real, 0o755)
	os.Mkdir(links, 0o755)
	write(t, filepath.Join(real, "0.log"), "one\n")
	if err := os.Symlink(filepath.Join(real, "0.log"), filepath.Join(links, "c.log")); err != nil {
		t.Fatal(err)
	}
	run(t, w, w.options(filepath.Join(links, "*.log")))
	w.wants(t, "one")
	write(t, filepath.Join(real, "0.log"), "two\n")
	w.wants(t, "two")
	os.Rename(filepath.Join(real, "0.log"), filepath.Join(real, "0.log.1"))
	write(t, filepath.Join(real, "0.log"), "three\n")
	w.wants(t, "three")
}

func TestOnce(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	write(t, filepath.Join(dir, "a.log"), "one\ntwo")
	write(t, filepath.Join(dir, "b.log"), "three\nfour")
	writer, err := os.OpenFile(filepath.Join(dir, "b.log"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	once := func() int {
		tl, err := New(w.options(filepath.Join(dir, "*.log")))
		if err != nil {
			t.Fatal(err)
		}
		defer tl.Close()
		n, err := tl.Once(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.balance(tl); err != nil {
			t.Error(err)
		}
		return n
	}
	if n := once(); n != 2 {
		t.Errorf("matched %d", n)
	}
	var got []string
	for _, l := range w.take("a") {
		got = append(got, l.text)
	}
	slices.Sort(got)
	if want := []string{"one", "three", "two"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	writer.WriteString("teen\n")
	os.Rename(filepath.Join(dir, "a.log"), filepath.Join(dir, "a.log.1"))
	write(t, filepath.Join(dir, "a.log.1"), "\nlast\n")
	if n := once(); n != 1 {
		t.Errorf("matched %d", n)
	}
	got = nil
	for _, l := range w.take("a") {
		got = append(got, l.text)
	}
	slices.Sort(got)
	if want := []string{"fourteen", "last"}; !slices.Equal(got, want) {
		t.Errorf("second: got %q, want %q", got, want)
	}
	none := newWorld(t)
	tl, _ := New(none.options(filepath.Join(dir, "none", "*.log")))
	defer tl.Close()
	if n, err := tl.Once(t.Context()); n != 0 || err != nil {
		t.Errorf("matched %d, %v", n, err)
	}
}

// still makes a tailer whose steps and turns the test takes.
func still(t testing.TB, w *world, o Options) *Tailer {
	t.Helper()
	tl, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tl.prepare(false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tl.Close() })
	tl.step(stepAll)
	return tl
}

// drain takes turns until nothing is dirty.
func drain(tl *Tailer) (turns int) {
	for s, woken := tl.ring.try(); s != nil; s, woken = tl.ring.try() {
		tl.turnOf(s, woken)
		turns++
	}
	return turns
}

func TestAhead(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	path := filepath.Join(dir, "app.log")
	write(t, path, "one\ntwo\nthree\nfour\nfive\n")
	tl := still(t, w, w.options(path))
	drain(tl)
	w.take("a")
	tl.Close()
	e := w.ledger.epochs[1]
	content, _ := os.ReadFile(path)
	e.Offset, e.Marker = 4, MarkerOf(content[:4])
	e.Ahead = []Range{{8, 14}, {19, 24}}
	tl = still(t, w, w.options(path))
	drain(tl)
	write(t, path, "six\n")
	tl.step(stepAll)
	drain(tl)
	var got []string
	for _, l := range w.take("a") {
		got = append(got, l.text)
	}
	if want := []string{"two", "four", "six"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if k := w.sinks[1]; k.jumped != 11 || k.handed != 13 {
		t.Errorf("jumped %d, handed %d", k.jumped, k.handed)
	}
}

func TestFair(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	write(t, filepath.Join(dir, "big.log"), strings.Repeat(strings.Repeat("x", 1023)+"\n", 4096))
	for i := range 5 {
		write(t, filepath.Join(dir, fmt.Sprintf("small%d.log", i)), "line\n")
	}
	tl := still(t, w, w.options(filepath.Join(dir, "*.log")))
	for range 6 {
		s, woken := tl.ring.try()
		tl.turnOf(s, woken)
	}
	small := 0
	for _, l := range w.take("a") {
		if l.text == "line" {
			small++
		}
	}
	if small != 5 {
		t.Errorf("%d of 5 small files had their turn", small)
	}
	if tl.Idle() != 0 {
		t.Error("idle although a file is behind")
	}
	drain(tl)
	if st := tl.Stats().Inputs["in"]; st.Bytes != 4<<20+25 || st.Matched != 6 {
		t.Errorf("%+v", st)
	}
}

// nullSink takes everything.
type nullSink struct{ n int }

func (n *nullSink) Ready() bool { return true }

func (n *nullSink) Write(c *Chunk) { n.n += len(c.Lines) }

func (n *nullSink) Jump(int64) {}

func (n *nullSink) Finish() {}

func TestTurnAllocatesNothing(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	path := filepath.Join(dir, "app.log")
	write(t, path, strings.Repeat("a line of a log file that is neither long nor short\n", 4000))
	o := w.options(path)
	null := &nullSink{}
	o.NewSink = func(Stream) Sink { return null }
	tl := still(t, w, o)
	s, _ := tl.ring.try()
	scratch := newScratch()
	n := testing.AllocsPerRun(20, func() {
		s.off.Store(0)
		tl.turn(s, scratch)
	})
	if null.n != 21*4000 || n != 0 {
		t.Errorf("%v allocations for a turn, %d lines", n, null.n)
	}
}

// TestCannotSee puts a link that leads in a circle where a file was: that changes nothing until it can be read again.
func TestCannotSee(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	path := filepath.Join(dir, "app.log")
	write(t, path, "one\n")
	tl := still(t, w, w.options(path))
	drain(tl)
	os.Rename(path, path+".away")
	os.Symlink(path, path)
	write(t, path+".away", "two\n")
	tl.step(stepAll)
	drain(tl)
	if st := tl.Stats(); st.Unreadable != 1 || st.Inputs["in"].Streams != 1 {
		t.Errorf("%+v", st)
	}
	files := tl.Files()
	if len(files) != 2 || !slices.ContainsFunc(files, func(f FileStatus) bool { return f.State == "active" && f.Offset == 8 }) {
		t.Errorf("%+v", files)
	}
	os.Remove(path)
	os.Rename(path+".away", path)
	tl.step(stepAll)
	drain(tl)
	if st := tl.Stats(); st.Unreadable != 0 {
		t.Errorf("%+v", st)
	}
	w.wants(t, "one", "two")
}

func TestIgnore(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	os.Mkdir(filepath.Join(dir, "state"), 0o755)
	write(t, filepath.Join(dir, "state", "x.log"), "no\n")
	write(t, filepath.Join(dir, "own.log"), "no\n")
	write(t, filepath.Join(dir, "app.log"), "yes\n")
	o := w.options(filepath.Join(dir, "**", "*.log"))
	o.Ignore = []string{filepath.Join(dir, "state"), filepath.Join(dir, "own.log")}
	tl := still(t, w, o)
	drain(tl)
	w.wants(t, "yes")
}

// TestBigHole reads over a hole and over real NULs that are larger than a block.
func TestBigHole(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	path := filepath.Join(dir, "app.log")
	write(t, path, "one\n"+string(bytes.Repeat([]byte{0}, 3*blockSize+77))+"two\n")
	tl := still(t, w, w.options(path))
	drain(tl)
	w.wants(t, "one", "two")
	if err := os.Truncate(path, 64<<20); err != nil {
		t.Fatal(err)
	}
	write(t, path, "three\n")
	tl.step(stepAll)
	if turns := drain(tl); turns > 5 {
		t.Errorf("%d turns over a hole", turns)
	}
	w.wants(t, "three")
	if err := w.balance(tl); err != nil {
		t.Error(err)
	}
}

func TestLongLineOverBlocks(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	long := strings.Repeat("0123456789abcdef", 3*blockSize/16)
	write(t, path, "before\n"+long+"\nafter\n")
	for how, want := range map[string][]string{
		"split":    {"before", long[:512<<10], long[512<<10:], "after"},
		"truncate": {"before", long[:512<<10], "after"},
		"skip":     {"before", "after"},
	} {
		w := newWorld(t)
		o := w.options(path)
		o.Inputs[0].Config.LongLine = how
		tl := still(t, w, o)
		drain(tl)
		w.wants(t, want...)
		if err := w.balance(tl); err != nil {
			t.Error(how, err)
		}
	}
}
