package batch

import (
	"bytes"
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shipper/internal/units"
	"shipper/pkg/tail"
)

// TestBackPressure lets readers outrun senders on a small budget. Readers park when they are refused and go on only when they
// are woken: one lost wake-up and the test hangs. The budget may be exceeded by a chunk of each reader and no more.
func TestBackPressure(t *testing.T) {
	const (
		readers = 3
		streams = 12
		chunks  = 60
		limit   = 96 << 10
	)
	line := []byte("0123456789abcdef0123456789abcdef\n")
	text := bytes.Repeat(line, 120) // 4 KB, under 8 KB as logs
	const most = 10 << 10           // with the class of the buffer and the sizes
	budget := NewBudget(limit)
	type batcher struct {
		*Batcher
		wake chan struct{}
	}
	var all []*batcher
	for range 2 {
		b := &batcher{wake: make(chan struct{}, 1)}
		b.Batcher = New(Options{
			Config: Config{MaxBytes: 16 * units.KiB, MaxLogs: 1000, MaxDelay: units.Duration(time.Hour), InFlight: 2},
			Budget: budget, Share: limit / 2, Wake: func() { poke(b.wake) },
		})
		all = append(all, b)
	}
	store := newStore(t)
	var peak atomic.Int64
	var readersDone, sendersDone sync.WaitGroup
	for _, b := range all {
		var acked atomic.Int64
		queue := make(chan *sink, streams)
		for range streams {
			s := store.Stream(store.Begin(tail.Epoch{}))
			queue <- &sink{w: b.Writer(s, path("/f"))}
		}
		var left atomic.Int64
		left.Store(streams)
		var parkedMu sync.Mutex
		var parked []*sink
		unpark := func() {
			parkedMu.Lock()
			defer parkedMu.Unlock()
			for _, s := range parked {
				queue <- s
			}
			parked = nil
		}
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-b.wake:
					unpark()
				case <-stop:
					return
				}
			}
		}()
		for range readers {
			readersDone.Go(func() {
				for s := range queue {
					if !s.w.Ready() {
						parkedMu.Lock()
						parked = append(parked, s)
						parkedMu.Unlock()
						// The wake may have come between Ready and parking: whoever parks looks again.
						if s.w.Ready() {
							unpark()
						}
						continue
					}
					s.w.Write(chunkOf(s.pos, text, time.Now()))
					s.pos += int64(len(text))
					for used := budget.Used(); ; {
						if p := peak.Load(); used <= p || peak.CompareAndSwap(p, used) {
							break
						}
					}
					if s.n++; s.n < chunks {
						queue <- s
					} else if s.w.Finish(); left.Add(-1) == 0 {
						close(stop)
						close(queue)
						b.Close()
					}
				}
			})
		}
		for range 2 {
			sendersDone.Go(func() {
				for {
					got, err := b.Take(context.Background(), nil, Limit{Bytes: 32 << 10, Groups: 4})
					if err == io.EOF {
						return
					}
					for _, g := range got {
						acked.Add(g.Bytes(0, g.Logs))
						g.Ack()
						g.Free()
					}
				}
			})
		}
		defer func() {
			if want := int64(streams * chunks * len(text)); acked.Load() != want {
				t.Errorf("%d bytes acknowledged, want %d", acked.Load(), want)
			}
		}()
	}
	readersDone.Wait()
	sendersDone.Wait()
	if over := peak.Load() - limit; over > 2*readers*most {
		t.Errorf("the budget was exceeded by %d bytes", over)
	}
	if budget.Used() != 0 {
		t.Errorf("%d bytes are left in the account", budget.Used())
	}
}

type sink struct {
	w   *Writer
	pos int64
	n   int
}

// TestManySlowStreams: ten thousand streams with a line each fit a small budget, half of which is for open batches; when they fill that
// the oldest are sealed, so that memory comes back long before max_delay.
func TestManySlowStreams(t *testing.T) {
	woken := make(chan struct{}, 1)
	budget := NewBudget(2 << 20)
	b := New(Options{Config: Config{MaxBytes: units.MiB, MaxLogs: 4096, MaxDelay: units.Duration(time.Hour), InFlight: 8}, Budget: budget, Wake: func() { poke(woken) }})
	store := newStore(t)
	refused := 0
	for range 10_000 {
		w := b.Writer(store.Stream(store.Begin(tail.Epoch{})), path("/var/log/some/service.log"))
		for !w.Ready() {
			refused++
			for len(woken) == 0 { // while there is no room something is sealed
				got, err := b.Take(t.Context(), nil, Limit{Bytes: 1 << 20, Groups: 1000})
				if err != nil {
					t.Fatal(err)
				}
				for _, g := range got {
					g.Ack()
					g.Free()
				}
			}
			<-woken
		}
		w.Write(chunkOf(0, []byte("a line of a slow stream\n"), time.Now()))
	}
	if refused == 0 || b.Stats().SealedMemory == 0 {
		t.Errorf("refused %d times, %+v", refused, b.Stats())
	}
	if st := b.Stats(); st.Open < 2500 {
		t.Errorf("only %d open in %d bytes", st.Open, st.Used)
	}
}

// TestOtherMemory: what bodies of requests take counts, and giving it back wakes the readers.
func TestOtherMemory(t *testing.T) {
	woken := 0
	budget := NewBudget(1000)
	b := New(Options{Config: Default(), Budget: budget, Wake: func() { woken++ }})
	store := newStore(t)
	w := b.Writer(store.Stream(store.Begin(tail.Epoch{})), Group{})
	budget.Add(1000)
	if w.Ready() {
		t.Error("ready without memory")
	}
	budget.Add(100)
	budget.Sub(100)
	if woken != 0 || w.Ready() {
		t.Error("woken without memory")
	}
	budget.Sub(400) // a quarter is kept for bodies, and there has to be room for a batch
	budget.Sub(1)
	if woken != 1 || !w.Ready() {
		t.Errorf("woken %d times", woken)
	}
	b.Close()
	if len(*budget.watchers.Load()) != 0 {
		t.Error("still watching after Close")
	}
}

// With little memory neither a batch nor what travels together is as large as max_bytes allows: a body, and the room that it is made in,
// come on top, for each sender.
func TestRequestsTakeAPartOfMemory(t *testing.T) {
	const limit = 4 << 20
	r := newRig(t, Options{Config: Config{MaxBytes: MaxGroup, MaxLogs: 100_000, MaxDelay: units.Duration(time.Hour), InFlight: 8}, Budget: NewBudget(limit)})
	text := bytes.Repeat([]byte("0123456789abcdef0123456789abcdef\n"), 2000)
	one := r.Writer(r.stream(), path("/one"))
	for from := int64(0); one.Ready() && r.Stats().Queued < 2; from += int64(len(text)) {
		one.Write(chunkOf(from, text, time.Now()))
	}
	for range 8 {
		w := r.Writer(r.stream(), path("/small"))
		w.Write(chunkOf(0, text, time.Now()))
	}
	r.Seal()
	for taken := 0; r.Stats().Queued > 0; taken++ {
		batches, err := r.Take(t.Context(), nil, Limit{Bytes: MaxGroup, Groups: 1000})
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, b := range batches {
			size += len(b.Group())
			b.Ack()
			b.Free()
		}
		if size > limit/8 {
			t.Errorf("request %d: %d batches of %d bytes in %d of memory", taken, len(batches), size, limit)
		}
	}
}
