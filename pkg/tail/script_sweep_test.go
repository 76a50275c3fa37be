package tail

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"shipper/internal/linux"
)

// sweepNow makes everything due, so that the next tick sweeps all of it: the way in which changes are found that nobody notified.
func (t *Tailer) sweepNow() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweepList, t.sweepNext = nil, time.Time{}
	for _, d := range t.dirs {
		d.polledT = time.Time{}
	}
}

// grain is how old the last change of a directory must be here for the next one to have another time: nothing where the kernel stamps
// finely what somebody has looked at (Linux 6.13).
var grain = sync.OnceValue(func() time.Duration {
	dir, err := os.MkdirTemp("", "grain")
	if err != nil {
		return coarsestTime
	}
	defer os.RemoveAll(dir)
	last := int64(0)
	for i := range 100 {
		if os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600) != nil {
			return coarsestTime
		}
		info, err := linux.Stat(dir)
		if err != nil || info.Change == last {
			return clockGrain
		}
		last = info.Change
	}
	return 0
})

// settled waits until a directory has not changed for so long that its listing may be believed.
func settled(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if info, err := linux.Stat(dir); err == nil && time.Since(time.Unix(0, info.Change)) > grain() {
			return
		}
	}
	t.Fatal("the directory changes all the time: ", dir)
}
