package batch

import (
	"testing"
	"testing/synctest"
	"time"

	"shipper/internal/units"
	"shipper/pkg/tail"
)

// What lies in the pools never exceeds what the account has left, whatever sizes come and go.
func TestPoolsAreBounded(t *testing.T) {
	const limit = 1 << 20
	b := NewBudget(limit)
	var lent [][]byte
	for i := range 2000 {
		if len(lent) > 0 && (i%3 == 0 || b.Used() > limit/2) {
			b.Recycle(lent[0])
			lent = lent[1:]
			continue
		}
		n := 1 + i*7919%(200<<10)
		if p := b.Bytes(n); len(p) != 0 || cap(p) < n {
			t.Fatalf("%d bytes with room for %d, want %d", len(p), cap(p), n)
		} else {
			lent = append(lent, p)
		}
		if all := b.Used() + b.pools.idle; all > limit+(200<<10) {
			t.Fatalf("%d bytes are lent, %d idle", b.Used(), b.pools.idle)
		}
	}
	for _, p := range lent {
		b.Recycle(p)
	}
	if b.Used() != 0 || b.pools.idle == 0 {
		t.Fatalf("%d bytes are lent, %d idle", b.Used(), b.pools.idle)
	}
}

// Trim lets go of what was not needed since the one before, and of nothing else.
func TestTrim(t *testing.T) {
	b := NewBudget(1 << 20)
	one, two := b.Bytes(4096), b.Bytes(4096)
	b.Recycle(one)
	b.Recycle(two)
	b.Trim()
	if b.pools.idle != 8192 {
		t.Fatalf("%d bytes are idle after use", b.pools.idle)
	}
	b.Recycle(b.Bytes(4000)) // one of the two was needed
	b.Trim()
	if b.pools.idle != 4096 {
		t.Fatalf("%d bytes are idle, one buffer was needed", b.pools.idle)
	}
	b.Trim()
	if b.pools.idle != 0 {
		t.Fatalf("%d bytes are idle, nothing was needed", b.pools.idle)
	}
	// Nothing is lent that is much larger than what was asked for.
	b.Recycle(b.Bytes(64 << 10))
	if p := b.Bytes(1 << 10); cap(p) != 1<<10 {
		t.Errorf("%d bytes for 1 KiB", cap(p))
	}
}

// Open batches share half of the memory: when that is used up the one that has waited longest is sealed, so that there is memory for
// those on their way.
func TestOpenBatchesShare(t *testing.T) {
	budget := NewBudget(1 << 20)
	b := New(Options{Config: Config{MaxBytes: units.MiB, MaxLogs: 4096, MaxDelay: units.Duration(time.Hour), InFlight: 8}, Budget: budget})
	store := newStore(t)
	text := make([]byte, 0, 1000)
	for range 999 {
		text = append(text, 'x')
	}
	text = append(text, '\n')
	var ws []*Writer
	for range 8 {
		ws = append(ws, b.Writer(store.Stream(store.Begin(tail.Epoch{})), path("/f")))
	}
	for i := range 200 {
		for _, w := range ws {
			if !w.Ready() {
				t.Fatal("not ready")
			}
			w.Write(chunkOf(int64(i*len(text)), text, time.Now()))
			for _, g := range take(t, b) {
				if n := len(g.Group()); n < 24<<10 || n > 128<<10 {
					t.Fatalf("a batch of %d bytes", n)
				}
				g.Ack()
				g.Free()
			}
		}
		if budget.Used() > budget.Limit()/2+128<<10 { // by one that has grown since
			t.Fatalf("open batches take %d bytes", budget.Used())
		}
	}
	if s := b.Stats(); s.SealedMemory == 0 || s.SealedFull != 0 {
		t.Errorf("%+v", s)
	}
}

// A file that gets a longer name while its batch is open costs a larger buffer, not the batch.
func TestLongerNameAtTheSeal(t *testing.T) {
	r := newRig(t, Options{Config: Default()})
	name := "/a"
	w := r.Writer(r.stream(), Group{Path: func() string { return name }})
	w.Write(chunkOf(0, []byte("line\n"), time.Now()))
	name = "/" + string(make([]byte, 600)) // cut at 511
	w.Finish()
	got := take(t, r.Batcher)
	if len(got) != 1 || len(sameBytes(t, got[0].Group()).Logs) != 1 || r.budget.Used() != got[0].mem {
		t.Fatalf("%d batches, %d bytes in use", len(got), r.budget.Used())
	}
	got[0].Ack()
	got[0].Free()
}

// Little is taken no sooner than After, enough at once, and everything at the end.
func TestTakeWaitsForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{Config: Default(), Now: time.Now})
		w := r.Writer(r.stream(), path("/f"))
		pos := int64(0)
		put := func(n int) {
			text := append(make([]byte, n-1), '\n')
			from := pos
			pos += int64(n) // before another goroutine can know of it
			w.Write(chunkOf(from, text, time.Now()))
			w.Finish()
		}
		took := func() time.Duration {
			begin := time.Now()
			got, err := r.Take(t.Context(), nil, Limit{Bytes: 1 << 20, Groups: 100, After: begin.Add(time.Second), Enough: 1000})
			if err != nil || len(got) == 0 {
				t.Fatal(len(got), err)
			}
			for _, b := range got {
				b.Ack()
				b.Free()
			}
			return time.Since(begin)
		}
		put(10)
		if d := took(); d != time.Second {
			t.Errorf("little was taken after %v", d)
		}
		put(5000)
		if d := took(); d != 0 {
			t.Errorf("enough was taken after %v", d)
		}
		put(10)
		time.AfterFunc(300*time.Millisecond, func() { put(2000) })
		if d := took(); d != 300*time.Millisecond {
			t.Errorf("what became enough was taken after %v", d)
		}
		put(10)
		time.AfterFunc(400*time.Millisecond, r.Close)
		if d := took(); d != 400*time.Millisecond {
			t.Errorf("at the end it was taken after %v", d)
		}
	})
}

// What a batch's sizes took stays for the next batch when its buffer is lent for something else.
func TestSizesStay(t *testing.T) {
	budget := NewBudget(1 << 20)
	b := budget.pools.batch(1 << 10)
	b.sizes = append(b.sizes, make([]uint32, 100)...)
	budget.pools.put(b)
	body := budget.Bytes(1 << 10)
	if &body[:1][0] != &b.data[:1][0] {
		t.Fatal("another buffer was lent")
	}
	if next := budget.pools.batch(1 << 10); cap(next.sizes) < 100 || len(next.sizes) != 0 {
		t.Errorf("%d sizes", cap(next.sizes))
	}
	budget.Recycle(body)
	if next := budget.pools.batch(1 << 10); next.sizes != nil {
		t.Error("sizes are used twice")
	}
}
