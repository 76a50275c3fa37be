package batch

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shipper/internal/units"
	"shipper/pkg/tail"
)

// Many files that are behind are read a batch at a time, so that batches are full in little memory and no more than a few are open.
func TestFilesFillTheirBatches(t *testing.T) {
	const files, each, size = 40, 500 << 10, 128 << 10
	dir := t.TempDir()
	for i := range files {
		var text []byte
		for n := 0; len(text) < each; n++ {
			text = fmt.Appendf(text, "line %d of %d %s\n", n, i, bytes.Repeat([]byte{'x'}, n*n%97))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.log", i)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, Options{Budget: NewBudget(3 << 20), Config: Config{
		MaxBytes: size, MaxLogs: 1 << 20, MaxDelay: units.Duration(time.Hour), InFlight: 8,
	}})
	cfg := tail.Default()
	cfg.Paths = []string{filepath.Join(dir, "*.log")}
	var tailer *tail.Tailer
	tailer, err := tail.New(tail.Options{
		Inputs: []tail.Input{{Name: "in", Config: cfg, Targets: []string{"to"}}}, Positions: r.store, Readers: 2,
		NewSink: func(s tail.Stream) tail.Sink { return r.Writer(r.store.Stream(s.ID), Group{Path: s.Path}) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	r.wake = func() { tailer.Wake("to") }
	read := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		_, err := tailer.Once(ctx)
		r.Close()
		read <- err
	}()
	little := 0
	var got []*Batch
	for {
		if got, err = r.Take(ctx, got[:0], Limit{}); err != nil {
			break
		}
		for _, b := range got {
			if len(b.Group()) < size*8/10 {
				little++
			}
			b.Ack()
			b.Free()
		}
	}
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	// Each file ends with a batch that is not full.
	if s := r.Stats(); little > files+files/4 || s.SealedFull < files*3 || s.Used != 0 {
		t.Errorf("%d batches are small: %+v", little, s)
	}
}

// Lacks guesses by what is there, and is 0 when hardly anything fits.
func TestLacks(t *testing.T) {
	r := newRig(t, Options{Config: Config{MaxBytes: 64 * units.KiB, MaxLogs: 1000, MaxDelay: units.Duration(time.Hour), InFlight: 8}})
	w := r.Writer(r.stream(), path("/f"))
	if n := w.Lacks(); n != 0 {
		t.Errorf("nothing is begun, and %d bytes lack", n)
	}
	text := bytes.Repeat([]byte("0123456789\n"), 500)
	w.Write(chunkOf(0, text, time.Now()))
	if n := w.Lacks(); n < 480*11 || n > 500*11 {
		t.Errorf("500 of 1000 logs, and %d bytes lack", n)
	}
	w.Write(chunkOf(500*11, text[:460*11], time.Now()))
	if n := w.Lacks(); n != 0 {
		t.Errorf("960 of 1000 logs, and %d bytes lack", n)
	}
	w.Pass()
	w.Pass()
	if got := take(t, r.Batcher); len(got) != 1 || got[0].Logs != 960 || w.Lacks() != 0 || r.Stats().SealedFull != 1 {
		t.Errorf("%d batches, %+v", len(got), r.Stats())
	}
}
