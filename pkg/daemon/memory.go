package daemon

import (
	"context"
	"log/slog"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"shipper/internal/codec"
	"shipper/internal/ticks"
	"shipper/pkg/batch"
)

const (
	// gcPercent makes the heap at most a quarter larger than what is in use. Nearly all of that is batches, which hold no pointers:
	// a collection costs a fraction of a millisecond, and a few a second are all it takes.
	gcPercent = batch.Garbage
	// cgroupPart is how much of a container's memory the heap may grow to before the collector works harder, and cgroupRest what is
	// left beside it in any case: the program's own pages and those of the files that are read count, too.
	cgroupPart = 0.9
	cgroupRest = 16 << 20
)

// withGarbage is what n bytes of lines cost the process at most.
func withGarbage(n int64) int64 { return n + n*gcPercent/100 }

// tuneMemory sets the collector up so that max_memory is about what the process shows. $GOGC and $GOMEMLIMIT win.
func tuneMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// Outside a container, or without a limit, there is nothing to set.
	if n, err := memlimit.Set(memlimit.WithRatio(1), memlimit.WithProvider(heapLimit)); err == nil && n < math.MaxInt64 {
		log.Debug("the container's memory bounds the heap", "bytes", n)
	}
}

// heapLimit is what the heap may take of the container's memory, in bytes.
func heapLimit() (uint64, error) {
	n, err := memlimit.FromCgroup()
	return heapOf(n), err
}

func heapOf(container uint64) uint64 {
	part := uint64(float64(container) * cgroupPart)
	return max(min(part, container-min(container, cgroupRest)), container/2)
}

const (
	breatheEvery = 10 * time.Second
	breathePart  = 1000 // at most this part of a core
	busyPart     = 64   // less than this part of max_memory in use is nothing to do: a line now and then
)

// breathe gives memory back to the system when there is nothing to do: a daemon that collects little garbage would keep for
// minutes what its start or the last burst took.
func (d *Daemon) breathe(ctx context.Context) error {
	tick := ticks.New(breatheEvery)
	defer tick.Stop()
	worked, next := true, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		tick.Next()
		d.trim()
		if d.budget.Used() > d.budget.Limit()/busyPart {
			worked = true
			continue
		}
		if now := time.Now(); worked && now.After(next) {
			d.trim()
			runtime.GC() // what lies in a sync.Pool survives the first collection
			debug.FreeOSMemory()
			worked, next = false, now.Add(breathePart*time.Since(now))
		}
	}
}

// trim gives up what waits to be used again and was not.
func (d *Daemon) trim() {
	d.budget.Trim()
	d.tailer.Trim()
	codec.Trim()
}
