package daemon

import (
	"fmt"
	"os"
	"time"

	"shipper/pkg/config"
)

// sidecar reports whether to read on after TERM: in a pod the application writes its last lines while it is asked to stop
// at the same moment as we are.
func (d *Daemon) sidecar() bool {
	switch d.now().cfg.Agent.Drain {
	case config.DrainSidecar:
		return true
	case config.DrainHost:
		return false
	}
	return os.Getenv("KUBERNETES_SERVICE_HOST") != ""
}

// untilQuiet waits until no file has had anything new for drain_idle, at most drain_limit.
func (d *Daemon) untilQuiet() {
	limit := time.NewTimer(d.now().cfg.Agent.DrainLimit.D())
	defer limit.Stop()
	look := time.NewTicker(min(100*time.Millisecond, d.now().cfg.Agent.DrainIdle.D()))
	defer look.Stop()
	for d.tailer.Idle() < d.now().cfg.Agent.DrainIdle.D() {
		select {
		case <-look.C:
		case <-limit.C:
			return
		case <-d.hurry:
			return
		}
	}
}

// drain sends what has been read. The readers have stopped: nothing is added any more. After drain_limit, or Hurry, what is
// left stays in the files.
func (d *Daemon) drain(senders *group) {
	for _, t := range d.now().targets {
		t.batches.Seal()
		t.batches.Close()
	}
	limit := time.NewTimer(d.now().cfg.Agent.DrainLimit.D())
	defer limit.Stop()
	ended := senders.Done()
	select {
	case <-ended:
	case <-limit.C:
	case <-d.hurry:
	}
}

// unsent tells whether anything that was read is not delivered, and how much.
func (d *Daemon) unsent() error {
	if n := d.pending(); n > 0 {
		return fmt.Errorf("%w (%d bytes read and not accepted)", ErrUnsent, n)
	}
	return nil
}

// pending is how many bytes were read and are not settled.
func (d *Daemon) pending() int64 {
	var n int64
	for _, e := range d.store.Epochs() {
		n += e.Counts.Pending()
	}
	return n
}
