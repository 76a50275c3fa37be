package checkpoint

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"shipper/pkg/tail"
)

// TestConcurrent reads, settles, updates, looks and commits at once, with a journal that is compacted all the time.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	var background, work sync.WaitGroup
	background.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	background.Go(func() {
		for ctx.Err() == nil {
			s.io.Lock()
			s.compactAt = 0
			s.io.Unlock()
			if err := s.Commit(); err != nil {
				t.Error(err)
			}
			for _, e := range s.Epochs() {
				if c := e.Counts; c.Pending() < 0 || e.Offset > c.Read {
					t.Errorf("%+v", e)
				}
			}
		}
	})
	const streams, spans, settlers = 6, 400, 3
	var ids []tail.StreamID
	for range streams {
		ids = append(ids, s.Begin(tail.Epoch{Route: tail.Route{Input: "in"}}))
	}
	for _, id := range ids {
		way := make(chan *Span, 8)
		st := s.Stream(id)
		work.Go(func() {
			defer close(way)
			for n := int64(0); n < spans; n++ {
				st.Read(3)
				way <- st.Enter(tail.Range{From: 3 * n, To: 3*n + 3}, markerAt(3*n+3), st.NextPack())
				if n%50 == 0 {
					s.Update(tail.Epoch{ID: id, Path: "/renamed", Detached: true})
					short := s.Begin(tail.Epoch{})
					s.Lose(short, 5, "test")
					s.End(short)
				}
			}
		})
		for range settlers {
			work.Go(func() {
				for sp := range way {
					st.Settle(sp, Outcome{Acked: 1, Dead: 1, Skipped: 1})
				}
			})
		}
	}
	work.Wait()
	cancel()
	background.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if l := s.Losses(); len(l) != 1 || l[0].Bytes != streams*spans/50*5 {
		t.Errorf("%+v", l)
	}
	s = open(t, dir)
	defer s.Close()
	epochs := s.Known(tail.Route{Input: "in"})
	if len(epochs) != streams || len(s.Epochs()) != streams {
		t.Fatalf("%d epochs", len(s.Epochs()))
	}
	for _, e := range epochs {
		if e.Offset != 3*spans || e.Counts != (tail.Counts{Read: 3 * spans, Acked: spans, Dead: spans, Skipped: spans}) ||
			e.PackSeq != spans || e.Path != "/renamed" || !e.Detached || e.Marker != markerAt(3*spans) {
			t.Errorf("%+v", e)
		}
	}
}

func BenchmarkSpan(b *testing.B) {
	s := open(b, b.TempDir())
	defer s.Close()
	st := s.Stream(s.Begin(tail.Epoch{}))
	at := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		r := tail.Range{From: at, To: at + 1<<20}
		st.Read(1 << 20)
		sp := st.Enter(r, tail.Marker{}, st.NextPack())
		st.Settle(sp, Outcome{Acked: 1 << 20})
		at = r.To
	}
}

// BenchmarkCommit is a group commit in which a thousand streams moved.
func BenchmarkCommit(b *testing.B) {
	s := open(b, b.TempDir())
	defer s.Close()
	var all []*Stream
	for range 1000 {
		all = append(all, s.Stream(s.Begin(tail.Epoch{Path: "/var/log/app/service.log"})))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, st := range all {
			advance(st, 10)
		}
		if err := s.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	for range 10_000 {
		s.Begin(tail.Epoch{Path: "/var/log/app/service.log", Seen: time.Now(), Identity: tail.Identity{Handle: "0123456789ab"}})
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := open(b, dir).Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLane is one batch on a lane, from Begin to Done, with a body of the size that a MiB of an access log has on the wire.
func BenchmarkLane(b *testing.B) {
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := open(b, b.TempDir())
			defer s.Close()
			body := make([]byte, 200<<10)
			b.SetBytes(int64(len(body)))
			var work sync.WaitGroup
			next := make(chan struct{})
			for _, l := range s.Lanes("to", "place", n) {
				work.Go(func() {
					st, at := s.Stream(s.Begin(tail.Epoch{})), int64(0)
					for range next {
						r := tail.Range{From: at, To: at + 1<<20}
						at = r.To
						st.Read(r.Len())
						c := st.Claim(st.Enter(r, tail.Marker{}, st.NextPack()))
						if err := l.Begin(Pack{Claim: c, Content: [][]byte{body}}); err != nil {
							b.Error(err)
						}
						c.Settle(Outcome{Acked: r.Len()})
						l.Done()
					}
				})
			}
			for b.Loop() {
				next <- struct{}{}
			}
			close(next)
			work.Wait()
		})
	}
}
