package producer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"shipper/internal/backoff"
	"shipper/internal/quiet"
	"shipper/pkg/producer/deadletter"
)

// maxStreak is how many logs may be buried in a row. Data is not that bad: the fault must be in the request itself, and then
// the target is held, so that the dead-letter store does not swallow what a correction would deliver.
const maxStreak = 8

// settle gives the logs of l their outcome, and ends the batches that have no other.
func (d *delivery) settle(l *load, acked bool) {
	defer d.busy.begin()()
	for i := range l.pieces {
		p := &l.pieces[i]
		s := p.slip
		n := s.batch.Bytes(p.from, p.to)
		if acked {
			s.done.Acked += n
			s.done.Logs += int64(p.logs())
			d.meter.ackedLogs.Add(int64(p.logs()))
			d.meter.ackedBytes.Add(n)
		} else {
			s.done.Dead += n
		}
		if s.open -= p.logs(); s.open == 0 {
			s.batch.Settle(s.done)
			s.batch.Free()
		}
	}
}

// sanitise marks what the service complains about for repair or, when there is nothing to repair, comes closer to the log that it
// means. nil says that l is that log and cannot be repaired.
func (d *delivery) sanitise(l *load, f Finding) []load {
	logs, any := l.mend(f.mend, d.serverNow())
	switch {
	case any:
		d.meter.mended.Add(int64(logs))
		d.mendings.Report("logs were changed so that the service takes them: "+f.Cause, "code", f.ID, "reason", f.Code,
			"request_id", f.RequestID, "path", l.pieces[0].slip.batch.Path)
		return []load{*l}
	case l.single():
		return nil
	}
	return l.halve()
}

// bury writes l to the dead-letter store and settles it as dead. It tries until that works: lines are not given up before they
// are safe. It returns false if ctx ended before.
func (d *delivery) bury(ctx context.Context, l *load, f Finding) bool {
	for i := range l.pieces {
		p := &l.pieces[i]
		r := p.lines()
		b := p.slip.batch
		letter := deadletter.Letter{Time: d.Now().UTC(), Target: d.Target, Project: d.Config.Project, Logstore: d.Config.Logstore,
			Path: b.Path, From: r.From, To: r.To, Logs: p.logs(), Status: f.Status, Code: f.Code, Message: f.Message,
			RequestID: f.RequestID, Group: p.group}
		if p.mended != 0 || p.forced != 0 { // what stood in the file is kept
			letter.Group = b.Slice(p.from, p.to, heap{}.Bytes)
		}
		if !d.keep(ctx, letter) {
			return false
		}
		d.meter.bury(f.Code, p.logs())
		d.burials.Report("the service refuses lines for ever: they are in the dead-letter files (shipper dlq list)", "code", f.ID,
			"verdict", f.Verdict.String(), "reason", fmt.Sprintf("%s %s: %s", f.Code, f.Message, f.Cause), "request_id", f.RequestID,
			"path", b.Path, "offset", r.From, "bytes", r.Len())
		one := load{pieces: l.pieces[i : i+1]}
		d.settle(&one, false)
	}
	d.streak.Add(1)
	return true
}

// keep writes a dead letter, for as long as that takes. It returns false if ctx ended before.
func (d *delivery) keep(ctx context.Context, letter deadletter.Letter) bool {
	wait := backoff.New(time.Second, time.Minute, nil)
	write := func() error {
		defer d.busy.begin()()
		return d.DeadLetters.Write(letter)
	}
	err := write()
	if err == nil {
		return true
	}
	d.unkept.begin(err)
	defer func() { d.unkept.end(err == nil) }()
	for ; err != nil; err = write() {
		d.unkept.trouble.Report("dead letters cannot be written: the lines wait", "code", "SHP-P903", "path", letter.Path, "offset", letter.From, "err", err)
		if backoff.Rest(ctx, wait.Next(), nil); ctx.Err() != nil {
			return false
		}
	}
	return true
}

// unkept is the dead letters that the disk does not take now.
type unkept struct {
	trouble *quiet.Trouble

	mu      sync.Mutex
	senders int    // that wait for it
	why     string // for the last of them to begin
}

func (u *unkept) begin(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.senders++
	u.why = err.Error()
}

func (u *unkept) end(kept bool) {
	u.mu.Lock()
	u.senders--
	over := kept && u.senders == 0
	u.mu.Unlock()
	if over {
		u.trouble.Over("no dead letter waits to be written any more", "code", "SHP-P903")
	}
}

func (u *unkept) state() (senders int, why string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.senders == 0 {
		return 0, ""
	}
	return u.senders, u.why
}
