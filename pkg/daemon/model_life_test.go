package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"shipper/internal/units"
	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
	"shipper/pkg/producer"
	"shipper/pkg/producer/deadletter"
	"shipper/pkg/tail"
)

// life is one process of the model: the daemon's parts, wired as the daemon wires them, with short waits.
type life struct {
	n       int
	line    *line
	keys    *keyring
	store   *checkpoint.Store
	known   map[string]bool // paths that it was born with a position for
	tailer  *tail.Tailer
	batches *batch.Batcher

	stopTail, stopSend, stopFloor context.CancelFunc
	tailed, sent, floor           sync.WaitGroup
	mu                            sync.Mutex
	errs                          []error
}

// modelWaits are the waits of a life. The copy of a truncated file is waited for longer than a busy machine is busy.
const (
	modelSweep = 100 * time.Millisecond
	modelFinal = 400 * time.Millisecond
	modelDrain = 200 * time.Millisecond // of a stop while the service takes nothing
)

// born starts a life in the state directory.
func (w *model) born(state string) (*life, error) {
	w.lives++
	l := &life{n: w.lives, keys: newKeyring()}
	l.line = &line{modelService: w.service, life: l.n, gone: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	l.store, err = checkpoint.Open(state, checkpoint.Options{Log: log, Moved: func(id tail.StreamID) {
		if l.tailer != nil {
			l.tailer.Settled(id)
		}
	}})
	if err != nil {
		return nil, err
	}
	l.known = map[string]bool{}
	for _, e := range l.store.Epochs() {
		l.known[e.Path] = true
	}
	for _, what := range l.store.Recovered() {
		w.failf("the state of an orderly stop or a kill is damaged: %s", what)
	}
	dead, err := deadletter.Open(filepath.Join(state, "dead-letter"), deadletter.Options{Max: units.MiB, Log: log})
	if err != nil {
		return nil, err
	}
	budget := batch.NewBudget(128 << 10)
	bc := batch.Default()
	bc.MaxBytes, bc.MaxLogs, bc.MaxDelay, bc.InFlight = 8<<10, 50, units.Duration(5*time.Millisecond), 3
	l.batches = batch.New(batch.Options{
		Config: bc, Target: "central", Budget: budget, Meta: batch.Meta{Source: "10.0.0.1", Hostname: "h"},
		Wake: func() {
			if l.tailer != nil {
				l.tailer.Wake("central")
			}
		},
	})
	pc := producer.Default()
	pc.Project, pc.Logstore, pc.Region = "sec-logs", "web", "cn-hangzhou"
	pc.Retry.Min, pc.Retry.Max = units.Duration(time.Millisecond), units.Duration(20*time.Millisecond)
	sender, err := producer.New(producer.Options{
		Target: "central", Config: pc, InFlight: bc.InFlight, MaxBytes: int64(bc.MaxBytes), Creds: l.keys, Batches: l.batches,
		Budget: budget, DeadLetters: dead, HTTP: &http.Client{Transport: l.line}, Log: log,
	})
	if err != nil {
		return nil, err
	}
	cfg := tail.Default()
	cfg.Paths = []string{filepath.Join(w.dir, "*.log")}
	if w.all {
		cfg.Paths = []string{filepath.Join(w.dir, "*.log*")}
	}
	cfg.Poll = units.Duration(20 * time.Millisecond)
	l.tailer, err = tail.New(tail.Options{
		Inputs:    []tail.Input{{Name: "in", Config: cfg, Targets: []string{"central"}}},
		Positions: &witnessed{l.store, w}, Readers: 2, Spool: filepath.Join(state, "spool"), MaxSpool: 1 << 30, FinalWait: modelFinal, Sweep: modelSweep, Log: log,
		Keeper: w.keeper, Kept: w.keeper.give(),
		NewSink: func(s tail.Stream) tail.Sink {
			return &handed{Writer: l.batches.Writer(l.store.Stream(s.ID), batch.Group{Path: s.Path}), w: w, life: l.n}
		},
	})
	if err != nil {
		return nil, err
	}
	l.run(sender)
	return l, nil
}

func (l *life) run(sender *producer.Producer) {
	var tailCtx, sendCtx, floorCtx context.Context
	tailCtx, l.stopTail = context.WithCancel(context.Background())
	sendCtx, l.stopSend = context.WithCancel(context.Background())
	floorCtx, l.stopFloor = context.WithCancel(context.Background())
	start := func(wg *sync.WaitGroup, name string, ctx context.Context, run func(context.Context) error) {
		wg.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				l.mu.Lock()
				l.errs = append(l.errs, fmt.Errorf("%s: %w", name, err))
				l.mu.Unlock()
			}
		})
	}
	start(&l.floor, "positions", floorCtx, l.store.Run)
	start(&l.floor, "batches", floorCtx, l.batches.Run)
	start(&l.sent, "sender", sendCtx, sender.Run)
	start(&l.tailed, "tailer", tailCtx, l.tailer.Run)
}

// stop is an orderly stop as the daemon makes it: readers, batches, senders, positions.
func (l *life) stop(drain time.Duration) {
	l.stopTail()
	l.tailed.Wait()
	l.batches.Seal()
	l.batches.Close()
	done := make(chan struct{})
	go func() { l.sent.Wait(); close(done) }()
	limit := time.NewTimer(drain)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		l.line.cut()
	}
	l.stopSend()
	<-done
	l.stopFloor()
	l.floor.Wait()
	if drain > 0 { // not killed
		l.tailer.Save(context.Background())
	}
	l.tailer.Close()
	if err := l.store.Close(); err != nil {
		l.errs = append(l.errs, err)
	}
}

// kill leaves in a new directory what a kill would leave of the state, and ends everything.
func (l *life) kill(state, left string) error {
	l.line.cut()
	if err := copyState(state, left); err != nil {
		return err
	}
	l.stop(0)
	return nil
}

// copyState copies the files of a state directory, the lock apart.
func copyState(from, to string) error {
	return filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil // removed a moment ago
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if e.Name() == "lock" {
			return nil
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // a file of the spool that was sent in the meantime
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
}

// handed notes what the readers have taken out of the files.
type handed struct {
	*batch.Writer
	w    *model
	life int
}

func (h *handed) Write(c *tail.Chunk) {
	h.w.handed(c.Lines, h.life)
	h.Writer.Write(c)
}

// witnessed notes what is given up.
type witnessed struct {
	*checkpoint.Store
	w *model
}

func (p *witnessed) Lose(id tail.StreamID, n int64, reason string) {
	p.w.lost(n)
	p.Store.Lose(id, n, reason)
}
