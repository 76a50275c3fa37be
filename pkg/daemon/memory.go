package daemon

import (
	"log/slog"
	"math"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	// gcPercent makes the heap at most a quarter larger than what is in use. Nearly all of that is batches, which hold no pointers:
	// a collection costs a fraction of a millisecond, and a few a second are all it takes.
	gcPercent = 25
	// cgroupPart is how much of a container's memory the heap may grow to before the collector works harder.
	cgroupPart = 0.9
)

// tuneMemory sets the collector up so that max_memory is about what the process shows. $GOGC and $GOMEMLIMIT win.
func tuneMemory(log *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	// Outside a container, or without a limit, there is nothing to set.
	if n, err := memlimit.Set(memlimit.WithRatio(cgroupPart), memlimit.WithProvider(memlimit.FromCgroup)); err == nil && n < math.MaxInt64 {
		log.Debug("the container's memory bounds the heap", "bytes", n)
	}
}
