package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
	"shipper/pkg/tail"
)

// Snapshot is one look at everything. It takes no lock for longer than a copy and may be called from anywhere.
func (d *Daemon) Snapshot() admin.Snapshot {
	s, counts := d.look()
	return admin.Snapshot{Status: s, Metrics: d.metrics(&s, counts)}
}

// Status is Snapshot without the metrics, which cost as much again.
func (d *Daemon) Status() admin.Status {
	s, _ := d.look()
	return s
}

func (d *Daemon) look() (admin.Status, counts) {
	s := admin.Status{
		Schema: admin.Schema, Version: d.opt.Version, Started: d.started,
		Targets: []admin.TargetStatus{},
		Memory:  admin.MemoryStatus{Used: withGarbage(d.budget.Used()), Limit: int64(d.now().cfg.Agent.MaxMemory)},
	}
	s.Inputs = d.inputStatus()
	gen, counts := d.history.look(d.now)
	s.Config = d.configStatus()
	for _, name := range slices.Sorted(maps.Keys(gen.targets)) {
		t := gen.targets[name]
		s.Targets = append(s.Targets, t.status(counts.senders[name], counts.sources[name]))
		s.Targets[len(s.Targets)-1].Unanswered = d.store.Unresolved(name)
		s.Targets[len(s.Targets)-1].Reason = t.reason()
	}
	s.Reasons, s.Ready = d.reasons(gen)
	return s, counts
}

// reasons is what needs somebody's eye, and whether lines can be delivered to every target. It costs little: no file is looked at.
func (d *Daemon) reasons(gen *generation) (reasons []string, ready bool) {
	reasons, ready = []string{}, true
	if c := d.configStatus(); c.Error != "" {
		reasons = append(reasons, "the configuration was not reloaded, the old one is in use: "+firstLine(c.Error))
	}
	for _, name := range sortedKeys(gen.targets) {
		if why := gen.targets[name].reason(); why != "" {
			ready = false
			reasons = append(reasons, "target "+name+": "+why)
		}
		if why, all := gen.targets[name].unkept(); why != "" {
			ready = ready && !all
			reasons = append(reasons, "target "+name+": "+why)
		}
	}
	if err := d.store.Trouble(); err != nil {
		reasons = append(reasons, "positions are kept in memory only: "+err.Error())
	}
	return reasons, ready
}

// trouble is the first of reasons; "" if there is none.
func (d *Daemon) trouble() string {
	if reasons, _ := d.reasons(d.now()); len(reasons) > 0 {
		return reasons[0]
	}
	return ""
}

// reason says why a target takes no lines now; "" when it does.
func (t *target) reason() string {
	p := t.producer.Stats()
	if p.Held {
		if e := p.LastError; e != nil && !strings.Contains(p.HeldReason, e.Cause) {
			return p.HeldReason + "; the last try: " + e.Cause // which may be another trouble by now
		}
		return p.HeldReason
	}
	if s := t.identity.Status(); s.Generation == 0 {
		if s.LastError != nil {
			return "no credential: " + s.LastError.Error()
		}
		return "no credential yet"
	}
	if d := time.Since(p.DownSince); !p.DownSince.IsZero() && d > unreadyAfter && p.LastError != nil {
		return fmt.Sprintf("no request was accepted for %s: %s (%s)", d.Round(time.Second), p.LastError.Cause, p.LastError.ID)
	}
	return ""
}

// unkept says why senders of a target wait with a dead letter, and whether all of them do; "" when none does.
func (t *target) unkept() (why string, all bool) {
	p, most := t.producer.Stats(), t.cfg.Batch.InFlight
	if p.Unkept == 0 {
		return "", false
	}
	return fmt.Sprintf("dead letters cannot be written, %d of %d senders wait: %s (SHP-P903)", p.Unkept, most, p.UnkeptReason), p.Unkept >= most
}

// unreadyAfter is how long requests may fail in a way that passes by itself before the target is not ready: readiness is no place for a
// glitch.
const unreadyAfter = time.Minute

func (t *target) status(p producer.Stats, c creds.Status) admin.TargetStatus {
	s := admin.TargetStatus{
		Name: t.name, Project: t.cfg.Project, Logstore: t.cfg.Logstore, RoleARN: t.cfg.RoleARN, Up: p.Up,
		TokenRefreshes: int64(c.Refreshes), TokenFailures: int64(c.Failures), TokenRejected: p.CredentialsRejected,
		InFlight: p.InFlight, InFlightLimit: p.InFlightLimit, AckedLogs: p.AckedLogs, AckedBytes: p.AckedBytes,
		DeadLogs: p.DeadLogs, ExactlyOnce: t.cfg.ExactlyOnce, Resent: p.Resent, AlreadyStored: p.AlreadyStored,
	}
	for _, n := range p.Requests {
		s.Requests += n
	}
	if e, err := t.cfg.Resolve(); err == nil {
		s.Endpoint = e.URL("")
	}
	if !c.Expires.IsZero() {
		s.TokenExpiresAt = &c.Expires
	}
	if !p.LastAck.IsZero() {
		s.LastAckAt = &p.LastAck
	}
	if e := p.LastError; e != nil {
		s.LastError = &admin.LastError{ID: e.ID, Verdict: e.Verdict.String(), Code: e.Code, Message: e.Message, At: e.At}
	}
	return s
}

// inputStatus lists every stream that the tailer or the ledger knows.
func (d *Daemon) inputStatus() []admin.InputStatus {
	byRoute, files := map[tail.Route][]admin.FileStatus{}, d.tailer.Files()
	n := map[tail.Route]int{}
	for i := range files {
		n[files[i].Route]++
	}
	for r := range n {
		byRoute[r] = make([]admin.FileStatus, 0, n[r])
	}
	d.waiting.begin()
	for _, f := range files {
		byRoute[f.Route] = append(byRoute[f.Route], d.fileStatus(f))
	}
	d.waiting.end()
	var out []admin.InputStatus
	inputs := d.now().cfg.Inputs
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		for _, to := range inputs[name].Target {
			files := byRoute[tail.Route{Input: name, Target: to}]
			slices.SortFunc(files, func(a, b admin.FileStatus) int {
				return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Epoch, b.Epoch))
			})
			if files == nil {
				files = []admin.FileStatus{}
			}
			out = append(out, admin.InputStatus{Name: name, Target: to, Files: files})
		}
	}
	return out
}

func (d *Daemon) fileStatus(f tail.FileStatus) admin.FileStatus {
	s := admin.FileStatus{
		Path: f.Path, Dev: f.Identity.Dev, Ino: f.Identity.Ino, Epoch: uint64(f.Stream), Size: f.Size, State: f.State, Pinned: f.Pinned,
	}
	if f.Err != nil {
		s.Error = f.Err.Error()
	}
	stream := d.store.Stream(f.Stream)
	if stream == nil {
		return s
	}
	e := stream.Epoch()
	c := e.Counts
	s.Offset = e.Offset
	s.Read, s.Acked, s.Pending, s.Dead, s.Lost, s.Skipped = c.Read, c.Acked, c.Pending(), c.Dead, c.Lost, c.Skipped
	s.LagBytes = max(0, f.Size-e.Offset)
	for _, r := range e.Ahead {
		s.LagBytes -= min(r.Len(), s.LagBytes)
	}
	if now := time.Now(); s.LagBytes > 0 {
		s.LagSeconds = now.Sub(d.waiting.since(f.Stream, e.Offset, f.Size, f.ModTime, now)).Seconds()
	}
	return s
}
