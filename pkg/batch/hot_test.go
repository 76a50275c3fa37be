package batch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"shipper/internal/units"
	"shipper/pkg/tail"
)

// load is one block of lines of a size, and the means to write it again and again to one stream.
func hotRig(t testing.TB, lineSize int) (write func(), block int, drain func()) {
	line := append(bytes.Repeat([]byte("abcdefghij"), lineSize/10+1)[:lineSize-1], '\n')
	text := bytes.Repeat(line, 256<<10/lineSize)
	r := newRig(t, Options{Config: Config{MaxBytes: units.MiB, MaxLogs: 1 << 20, MaxDelay: units.Duration(time.Second), InFlight: 8}})
	w := r.Writer(r.stream(), path("/var/log/app.log"))
	read := time.Unix(1_700_000_000, 5)
	c := chunkOf(0, text, read)
	pos := int64(0)
	var got []*Batch
	write = func() {
		*c = *tail.NewChunk(text, pos, pos, pos+int64(len(text)), c.Lines, read)
		pos = c.To
		w.Write(c)
	}
	drain = func() {
		for r.Stats().Queued > 0 {
			got, _ = r.Take(context.Background(), got[:0], Limit{Bytes: 64 << 20, Groups: 64})
			for _, b := range got {
				b.Ack()
				b.Free()
			}
		}
	}
	return write, len(text), drain
}

// TestNoAllocations proves that the way from Write to a sealed batch allocates for batches (a Batch, a span), not for lines.
func TestNoAllocations(t *testing.T) {
	write, _, drain := hotRig(t, 64) // 4096 lines a chunk, several chunks a batch
	for range 64 {
		write()
		drain()
	}
	per := testing.AllocsPerRun(200, func() { write(); drain() })
	if per > 32 { // under the race detector pools forget on purpose
		t.Errorf("%.1f allocations for a chunk of 4096 lines", per)
	}
}

// TestWayAllocatesNoLines follows blocks of lines from the file to the sealed batch: read, cut, appended, sealed. What that allocates
// is for turns and batches, and does not grow with the number of lines.
func TestWayAllocatesNoLines(t *testing.T) {
	const few, many = 100, 4000 // both less than a turn reads
	log, err := os.Create(filepath.Join(t.TempDir(), "app.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	r := newRig(t, Options{Config: Config{MaxBytes: units.MiB, MaxLogs: 1 << 20, MaxDelay: units.Duration(time.Millisecond), InFlight: 8}})
	cfg := tail.Default()
	cfg.Paths = []string{log.Name()}
	tailer, err := tail.New(tail.Options{
		Inputs: []tail.Input{{Name: "in", Config: cfg, Targets: []string{"to"}}}, Positions: r.store, Readers: 1,
		NewSink: func(s tail.Stream) tail.Sink { return r.Writer(r.store.Stream(s.ID), Group{Path: s.Path}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	var both sync.WaitGroup
	defer both.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, run := range []func(context.Context) error{tailer.Run, r.Run} {
		both.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	var got []*Batch
	allocated := func(lines int) float64 {
		block := bytes.Repeat([]byte("a line of a log file that is neither long nor short\n"), lines)
		return testing.AllocsPerRun(20, func() {
			if _, err := log.Write(block); err != nil {
				t.Fatal(err)
			}
			for logs := 0; logs < lines; {
				if got, err = r.Take(ctx, got[:0], Limit{}); err != nil {
					t.Fatal(err)
				}
				for _, b := range got {
					logs += b.Logs
					b.Ack()
					b.Free()
				}
			}
		})
	}
	if a, b := allocated(few), allocated(many); b-a > (many-few)/20 {
		t.Errorf("%.0f allocations for %d lines, %.0f for %d", a, few, b, many)
	} else {
		t.Logf("%.0f allocations for %d lines, %.0f for %d", a, few, b, many)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{64, 236, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			write, n, drain := hotRig(b, size)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				write()
				drain()
			}
		})
	}
}
