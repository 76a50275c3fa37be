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

// startDrain starts the one clock of reading on and of sending: whoever told us to stop kills us some time after drain_limit,
// and must not come before the positions are written.
func (d *Daemon) startDrain() { d.drainEnd = time.Now().Add(d.now().cfg.Agent.DrainLimit.D()) }

// untilQuiet waits until no file has had anything new for drain_idle, counted from now: an application that was silent before
// may yet have something to say about its end. At most four fifths of drain_limit: the rest is for sending what was
// read last.
func (d *Daemon) untilQuiet() {
	limit := time.NewTimer(d.now().cfg.Agent.DrainLimit.D() * 4 / 5)
	defer limit.Stop()
	look := time.NewTicker(min(100*time.Millisecond, d.now().cfg.Agent.DrainIdle.D()))
	defer look.Stop()
	for told := time.Now(); min(d.tailer.Idle(), time.Since(told)) < d.now().cfg.Agent.DrainIdle.D(); {
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
	if d.drainEnd.IsZero() {
		d.startDrain()
	}
	limit := time.NewTimer(time.Until(d.drainEnd))
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
	if n := d.unanswered(); n > 0 {
		return fmt.Errorf("%w (%d requests of an earlier run not answered)", ErrUnsent, n)
	}
	return nil
}

// unanswered is how many requests are kept on the disk because nobody knows yet whether they were stored.
func (d *Daemon) unanswered() (n int) {
	for name := range d.now().targets {
		n += d.store.Unresolved(name)
	}
	return n
}

// pending is how many bytes were read and are not settled.
func (d *Daemon) pending() int64 {
	var n int64
	for _, e := range d.store.Epochs() {
		n += e.Counts.Pending()
	}
	return n
}
