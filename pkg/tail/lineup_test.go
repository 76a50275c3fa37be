package tail

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// bowl is a sink that gathers size bytes and counts how often it is asked.
type bowl struct {
	Sink
	size, has     int
	asked, passed int
	reads         []int
}

func (b *bowl) Ready() bool {
	b.asked++
	return b.Sink.Ready()
}

func (b *bowl) Write(c *Chunk) {
	b.Sink.Write(c)
	b.reads = append(b.reads, int(c.To-c.From))
	b.has += int(c.To - c.From)
	if b.has >= b.size {
		b.passed++
		b.has %= b.size
	}
}

func (b *bowl) Lacks() int {
	if b.has == 0 || b.has > b.size*9/10 {
		return 0
	}
	return b.size - b.has
}

func (b *bowl) Pass() {
	if b.has > 0 {
		b.passed++
	}
	b.has = 0
}

// bowls gives every stream of w a bowl, and returns them by the last part of their paths.
func bowls(w *world, o *Options, size int) map[string]*bowl {
	all := map[string]*bowl{}
	o.NewSink = func(s Stream) Sink {
		b := &bowl{Sink: w.newSink(s), size: size}
		all[filepath.Base(s.Path())] = b
		return b
	}
	return all
}

func lines(n int) string { return strings.Repeat(strings.Repeat("x", 99)+"\n", n/100) }

// A reader stays with a file until its sink has gathered enough, and leaves no beginning of more behind.
func TestTurnLastsUntilEnough(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	for i := range 4 {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.log", i)), lines(3<<20))
	}
	o := w.options(filepath.Join(dir, "*.log"))
	all := bowls(w, &o, 1<<20)
	tl := still(t, w, o)
	for range 8 {
		s, woken := tl.ring.try()
		b := all[filepath.Base(s.path())]
		before := b.passed
		if tl.turnOf(s, woken); b.passed != before+1 || b.has > 100 || len(b.reads) < 4 {
			t.Errorf("%s: passed %d times, %d bytes are begun, read %v", s.path(), b.passed, b.has, b.reads)
		}
	}
	drain(tl)
	if st := tl.Stats().Inputs["in"]; st.Bytes != 4*int64(len(lines(3<<20))) {
		t.Errorf("%d bytes", st.Bytes)
	}
}

// A disk that is slow keeps a reader no longer than others can wait.
func TestTurnEndsOnASlowDisk(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	write(t, filepath.Join(dir, "a.log"), lines(2<<20))
	o := w.options(filepath.Join(dir, "*.log"))
	all := bowls(w, &o, 1<<20)
	tl := still(t, w, o)
	var clock time.Duration
	tl.now = func() time.Time {
		clock += turnTime
		return time.Unix(1_700_000_000, 0).Add(clock)
	}
	s, woken := tl.ring.try()
	if tl.turnOf(s, woken); len(all["a.log"].reads) != 1 {
		t.Errorf("read %v", all["a.log"].reads)
	}
}

// A line that does not fit what is missing is read all the same.
func TestLongLineWhileLittleIsMissing(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	path := filepath.Join(dir, "a.log")
	write(t, path, lines(200<<10)+strings.Repeat("y", 100<<10)+"\n"+strings.Repeat("z", 400<<10)+"\n"+lines(100<<10))
	o := w.options(path)
	all := bowls(w, &o, 300<<10)
	tl := still(t, w, o)
	all["a.log"].has = 1 // something is begun
	drain(tl)
	got := w.take("a")
	if n := len(got); n != 2048+2+1024 || len(got[2048].text) != 100<<10 || len(got[2049].text) != 400<<10 {
		t.Errorf("%d lines", n)
	}
}

// What a target refuses one stream it refuses all: they are not asked until it wakes them, and the one that was refused goes on first.
func TestRefusedLineup(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	for i := range 50 {
		write(t, filepath.Join(dir, fmt.Sprintf("%02d.log", i)), "line\n")
	}
	o := w.options(filepath.Join(dir, "*.log"))
	all := bowls(w, &o, 1<<20)
	w.held["a"] = true
	tl := still(t, w, o)
	asked := func() (n int) {
		for _, b := range all {
			n += b.asked
		}
		return n
	}
	s, woken := tl.ring.try()
	tl.turnOf(s, woken)
	if n := drain(tl); n != 0 || asked() != 1 {
		t.Errorf("%d turns more, asked %d times", n, asked())
	}
	if st := tl.Stats().Inputs["in"]; st.Paused <= 0 {
		t.Error("the input is not paused")
	}
	for _, s := range tl.streams {
		if !tl.ring.waits(s) {
			t.Fatalf("%s does not wait", s.path())
		}
	}
	// If discovery takes the refused one away, another has to ask.
	if !tl.ring.park(s) || drain(tl) != 1 || asked() != 2 {
		t.Errorf("asked %d times", asked())
	}
	tl.ring.unpark(s)
	w.held["a"] = false
	tl.Wake("a")
	if n := drain(tl); n != 50 || len(w.take("a")) != 50 {
		t.Errorf("%d turns", n)
	}
	before := tl.Stats().Inputs["in"].Paused
	if after := tl.Stats().Inputs["in"].Paused; before != after {
		t.Error("the input is still paused")
	}
}

// A wake that comes while a refused turn ends is not lost.
func TestWakeDuringRefusal(t *testing.T) {
	dir, w := t.TempDir(), newWorld(t)
	write(t, filepath.Join(dir, "a.log"), "line\n")
	tl := still(t, w, w.options(filepath.Join(dir, "*.log")))
	s, woken := tl.ring.try()
	tl.Wake("a")
	tl.ring.done(s, notNow, woken)
	if drain(tl) != 1 || len(w.take("a")) != 1 {
		t.Error("the stream waits")
	}
}

// Files with little come before a backlog, but two kinds that both have much share.
func TestFreshBeforeRest(t *testing.T) {
	in := &input{}
	named := func(name string) *stream {
		s := &stream{in: in}
		s.label.Store(&name)
		return s
	}
	l := &lineup{waiting: map[*input]int{}}
	for _, name := range []string{"r1", "r2"} {
		l.comeAgain(named(name))
	}
	var got []string
	turn := func(n int64, again func(*stream)) {
		s := l.take()
		s.from = s.off.Load()
		s.off.Add(n)
		l.count(s)
		got = append(got, s.path())
		if again != nil {
			again(s)
		}
	}
	l.come(named("f1"))
	turn(100, nil)
	turn(headStart, l.comeAgain) // r1
	for range 6 {                // what is fresh again and again
		l.come(named("f2"))
		turn(headStart, l.comeAgain)
	}
	if want := []string{"f1", "r1", "f2", "f2", "r2", "f2", "r1", "f2"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	// A stream that is taken from the middle leaves the others in order.
	l, got = &lineup{waiting: map[*input]int{}}, nil
	var all []*stream
	for _, name := range []string{"1", "2", "3", "4"} {
		all = append(all, named(name))
		l.come(all[len(all)-1])
	}
	l.leave(all[1])
	l.leave(all[3])
	l.comeFirst(all[3])
	for range 3 {
		turn(0, nil)
	}
	if want := []string{"4", "1", "3"}; !slices.Equal(got, want) || l.n() != 0 || len(l.waiting) != 0 {
		t.Errorf("%v, %d left", got, l.n())
	}
}
