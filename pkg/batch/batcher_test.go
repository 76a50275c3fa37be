package batch

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/units"
	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// TestLinger checks that a line waits for max_delay and no longer, whatever comes after it.
func TestLinger(t *testing.T) {
	store := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		r := &rig{Batcher: New(Options{}.orDefault()), store: store}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		start := time.Now()
		a, b := r.Writer(r.stream(), path("/a")), r.Writer(r.stream(), path("/b"))
		a.Write(chunkOf(0, []byte("1\n"), time.Now()))
		time.Sleep(600 * time.Millisecond)
		b.Write(chunkOf(0, []byte("2\n"), time.Now()))
		a.Write(chunkOf(2, []byte("3\n"), time.Now()))
		for _, want := range []struct {
			path, lines string
			at          time.Duration
		}{{"/a", "1\n3\n", time.Second}, {"/b", "2\n", 1600 * time.Millisecond}} {
			got, err := r.Take(t.Context(), nil, Limit{})
			if err != nil {
				t.Fatal(err)
			}
			if at := time.Since(start); got[0].Path != want.path || lines(t, got[0].Group()) != want.lines || at != want.at {
				t.Errorf("%s %q after %v, want %+v", got[0].Path, lines(t, got[0].Group()), at, want)
			}
			if got[0].Sealed.Sub(got[0].Opened) != time.Second {
				t.Errorf("opened %v, sealed %v", got[0].Opened, got[0].Sealed)
			}
		}
		// After a rest the clock starts with the first line again.
		time.Sleep(time.Hour)
		start = time.Now()
		a.Write(chunkOf(4, []byte("4\n"), time.Now()))
		if _, err := r.Take(t.Context(), nil, Limit{}); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestSkippedOnly checks that a stream without a single log gets its bytes settled, and that no empty batch is made.
func TestSkippedOnly(t *testing.T) {
	store := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		r := &rig{Batcher: New(Options{}.orDefault()), store: store}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		s := r.stream()
		w := r.Writer(s, path("/f"))
		text := []byte("drop me\n")
		c := chunkOf(0, text, time.Now())
		c.Lines[0].Flags = tail.Skip
		w.Write(c)
		w.Skip(5, chunkOf(8, []byte("more\n"), time.Now()))
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if e := s.Epoch(); e.Offset != 13 || e.Counts != (tail.Counts{Read: 13, Skipped: 13}) || e.Marker != tail.MarkerOf([]byte("more\n")) {
			t.Errorf("%+v", e)
		}
		if st := r.Stats(); st.Open+st.Queued != 0 || st.Used != 0 {
			t.Errorf("%+v", st)
		}
		if s.NextPack() != 0 {
			t.Error("a pack number was used up")
		}
		cancel()
		<-done
	})
}

func TestTake(t *testing.T) {
	r := newRig(t, Options{})
	var ws []*Writer
	for i := range 4 {
		w := r.Writer(r.stream(), path("/"+string(rune('a'+i))))
		w.Write(chunkOf(0, []byte(strings.Repeat("x", 100*(i+1))+"\n"), time.Now()))
		ws = append(ws, w)
	}
	for _, i := range []int{2, 0, 3, 1} { // the order of sealing counts
		ws[i].Finish()
	}
	names := func(batches []*Batch) (s string) {
		for _, b := range batches {
			s += b.Path
		}
		return s
	}
	got, err := r.Take(t.Context(), nil, Limit{Bytes: 1 << 20, Groups: 3})
	if err != nil || names(got) != "/c/a/d" {
		t.Fatalf("took %s, %v", names(got), err)
	}
	r.Return(got[1:]...)
	if got, _ = r.Take(t.Context(), nil, Limit{Bytes: 1 << 20, Groups: 9}); names(got) != "/a/d/b" {
		t.Fatalf("took %s", names(got))
	}
	r.Return(got...)
	if got, _ = r.Take(t.Context(), nil, Limit{Bytes: int64(len(got[0].Group())), Groups: 9}); names(got) != "/a" {
		t.Fatalf("took %s", names(got))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errDrain)
	if _, err := r.Take(ctx, nil, Limit{}); err != errDrain {
		t.Fatalf("%v", err)
	}
	r.Close()
	if got, err = r.Take(t.Context(), nil, Limit{Groups: 9, Bytes: 1 << 20}); names(got) != "/d/b" || err != nil {
		t.Fatalf("took %s, %v", names(got), err)
	}
	if ws[0].Ready() {
		t.Error("ready after Close")
	}
	for range 3 {
		if _, err := r.Take(t.Context(), nil, Limit{}); err != io.EOF {
			t.Fatalf("%v", err)
		}
	}
}

var errDrain = errors.New("drain is over")

// TestTakeMany checks that no one who waits is forgotten: at a batch, at the end, and when their context ends.
func TestTakeMany(t *testing.T) {
	store := newStore(t)
	synctest.Test(t, func(t *testing.T) {
		r := &rig{Batcher: New(Options{}.orDefault()), store: store}
		const takers = 5
		got := make(chan error, takers)
		for range takers {
			go func() {
				for {
					if _, err := r.Take(t.Context(), nil, Limit{}); err != nil {
						got <- err
						return
					}
					got <- nil
				}
			}()
		}
		synctest.Wait()
		for range 3 {
			w := r.Writer(r.stream(), Group{})
			w.Write(chunkOf(0, []byte("x\n"), time.Now()))
			w.Finish()
		}
		synctest.Wait()
		if len(got) != 3 {
			t.Fatalf("%d of 3 batches were taken", len(got))
		}
		r.Close()
		for range 3 {
			<-got
		}
		for range takers {
			if err := <-got; err != io.EOF {
				t.Error(err)
			}
		}
	})
}

// TestLargeLines: a line above max_bytes goes alone, a line above what the service takes is cut and counted.
func TestLargeLines(t *testing.T) {
	r := newRig(t, Options{Config: Config{MaxBytes: 64 * units.KiB, MaxLogs: 100, MaxDelay: units.Duration(time.Second), InFlight: 1}})
	s := r.stream()
	w := r.Writer(s, path("/f"))
	large, huge := strings.Repeat("l", 100<<10), strings.Repeat("é", 6<<20)
	text := []byte("a\n" + large + "\nb\n" + huge + "\nc\n")
	w.Write(chunkOf(0, text, time.Now()))
	w.Finish()
	var sum []int
	for _, b := range take(t, r.Batcher) {
		if len(b.Group()) > MaxGroup {
			t.Errorf("group of %d bytes", len(b.Group()))
		}
		if got := lines(t, b.Group()); len(got) > 5<<20 {
			if len(got) < MaxGroup-1000 || !strings.HasPrefix(huge, strings.TrimSuffix(got, "\n")) {
				t.Errorf("cut to %d bytes, or not at the end", len(got))
			}
		}
		sum = append(sum, b.Logs)
		b.Ack()
		b.Free()
	}
	if len(sum) != 5 || r.Stats().Cut != 1 || s.Position() != int64(len(text)) || r.budget.Used() != 0 {
		t.Errorf("batches of %v logs, %+v, position %d", sum, r.Stats(), s.Position())
	}

	w.Append(&Log{Fields: []Field{{[]byte("a"), []byte(huge)}, {[]byte("b"), []byte("small")}, {[]byte("c"), []byte(huge)}}, Size: 1, Time: 1}, nil)
	w.Finish()
	b := take(t, r.Batcher)[0]
	g := sameBytes(t, b.Group())
	if len(b.Group()) > MaxGroup || len(b.Group()) < MaxGroup-2000 || g.Logs[0].Contents[1].GetValue() != "small" {
		t.Errorf("group of %d bytes", len(b.Group()))
	}
}

func TestNoFields(t *testing.T) {
	r := newRig(t, Options{})
	s := r.stream()
	w := r.Writer(s, path("/f"))
	c := chunkOf(0, []byte("one\ntwo\n"), time.Now())
	w.Append(&Log{Size: 4}, c)
	w.Append(&Log{Size: 4, Fields: []Field{{[]byte("k"), []byte("v")}}}, c)
	w.Finish()
	b := take(t, r.Batcher)
	if len(b) != 1 || b[0].Logs != 1 || b[0].Range.To != 8 || b[0].LogRange(0) != b[0].Range {
		t.Fatalf("%+v", b)
	}
	b[0].Ack()
	if c := s.Epoch().Counts; c != (tail.Counts{Read: 8, Acked: 4, Skipped: 4}) {
		t.Errorf("%+v", c)
	}
}

// TestRestart settles the second of three batches, restarts, and sends the rest again under the old pack numbers.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	store, err := checkpoint.Open(dir, checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Batcher: New(Options{}.orDefault()), store: store}
	s := r.stream()
	text := []byte("one\ntwo\nsix\n")
	w := r.Writer(s, path("/f"))
	for i := range int64(3) {
		w.Write(chunkOf(i*4, text[i*4:i*4+4], time.Now()))
		w.Finish()
	}
	first := take(t, r.Batcher)
	first[1].Ack()
	pack := tagsOf(decode(t, first[2].Group()))[packTag]
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if store, err = checkpoint.Open(dir, checkpoint.Options{}); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	again := store.Stream(s.ID())
	if e := again.Epoch(); e.Offset != 0 || len(e.Ahead) != 1 || e.Ahead[0] != (tail.Range{From: 4, To: 8}) {
		t.Fatalf("%+v", e)
	}
	w = r.Writer(again, path("/f"))
	w.Write(chunkOf(0, text[:4], time.Now()))
	w.Jump(8)
	w.Write(chunkOf(8, text[8:], time.Now()))
	w.Finish()
	second := take(t, r.Batcher)
	if len(second) != 2 || second[0].Pack != 0 || tagsOf(decode(t, second[1].Group()))[packTag] != pack {
		t.Fatalf("packs %d and %s, want %s", second[0].Pack, tagsOf(decode(t, second[1].Group()))[packTag], pack)
	}
	second[1].Ack()
	second[0].Ack()
	if e := again.Epoch(); e.Offset != 12 || e.Ahead != nil || e.Counts.Acked != 12 || e.PackSeq != 3 || e.Marker != tail.MarkerOf(text[8:]) {
		t.Errorf("%+v", e)
	}
}

func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{MaxBytes: 11 * units.MiB}.Validate()
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("%v", err)
	}
}
