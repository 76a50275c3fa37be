package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/batch"
	"shipper/pkg/config"
	"shipper/pkg/tail"
)

// reloads is how a reload is asked for, and how the last one went.
type reloads struct {
	asks chan chan admin.ReloadResult
	over chan struct{} // closed when nobody answers any more

	mu  sync.Mutex // guards err
	err string     // why the last one changed nothing; "" if it worked
}

func newReloads() reloads {
	return reloads{asks: make(chan chan admin.ReloadResult), over: make(chan struct{})}
}

// Reload reads the configuration again and waits until it is in use, or until ctx ends. Anything wrong with it leaves everything
// as it was. It may be called by anybody while Run runs; one reload is carried out after the other.
func (d *Daemon) Reload(ctx context.Context) admin.ReloadResult {
	failed := func(why string) admin.ReloadResult {
		return admin.ReloadResult{Changes: []string{}, Error: why, Hash: d.now().hash}
	}
	if d.opt.Source == nil {
		return failed("this shipper was started without a configuration file\n")
	}
	answer := make(chan admin.ReloadResult, 1)
	select {
	case d.reloads.asks <- answer:
	case <-d.reloads.over:
		return failed("shipper is stopping\n")
	case <-ctx.Done():
		return failed("another reload is under way\n")
	}
	select {
	case r := <-answer:
		return r
	case <-ctx.Done():
		return failed("the reload is still under way\n")
	}
}

// reload carries one reload out.
func (d *Daemon) reload(ctx context.Context) admin.ReloadResult {
	d.notify.Reloading()
	defer d.notify.Ready()
	old := d.now()
	cfg, err := d.loadAgain()
	if err == nil {
		err = needsRestart(old.cfg, cfg)
	}
	var next *generation
	if err == nil {
		next, err = d.build(ctx, cfg, old)
	}
	if err == nil {
		err = d.swap(ctx, old, next)
	}
	d.reloads.note(err)
	d.notify.send("STATUS=" + summary(d.Status()))
	if err != nil {
		d.log.Error("the configuration was not reloaded, the old one is in use", "code", "SHP-D002", "err", shorten(err), "config", old.hash[:12])
		return admin.ReloadResult{Changes: []string{}, Error: wholeLines(err), Hash: old.hash}
	}
	result := admin.ReloadResult{OK: true, Changes: []string{}, Hash: next.hash}
	for _, c := range config.Diff(old.cfg, cfg) {
		result.Changes = append(result.Changes, c.String())
	}
	d.log.Info("configuration reloaded", "config", next.hash[:12], "targets", len(cfg.Targets), "inputs", len(cfg.Inputs),
		"changes", len(result.Changes))
	for _, w := range cfg.Warnings {
		if slices.ContainsFunc(old.cfg.Warnings, func(o config.Problem) bool { return o.Message == w.Message && o.File == w.File }) {
			continue // said already
		}
		d.log.Warn(w.Message, w.Attrs()...)
	}
	return result
}

// loadAgain reads the configuration once more. A pipe it does not open: it would wait for somebody to write to it.
func (d *Daemon) loadAgain() (*config.Config, error) {
	if d.opt.Source.ReadOnce() {
		return nil, errors.New("the configuration came through a pipe, which cannot be read again: give it as a file")
	}
	return config.Load(*d.opt.Source)
}

// fixed are settings that a running daemon cannot change.
var fixed = []string{"agent.state_dir", "agent.max_memory", "agent.max_open_files", "agent.max_pinned_bytes", "agent.max_spool_bytes", "admin.", "dead_letter.", "log.format"}

// needsRestart refuses a configuration that could be applied in part only.
func needsRestart(old, cfg *config.Config) error {
	var errs []error
	for _, c := range config.Diff(old, cfg) {
		for _, key := range fixed {
			if c.Path == key || strings.HasSuffix(key, ".") && strings.HasPrefix(c.Path, key) {
				errs = append(errs, fmt.Errorf("%s %s → %s needs a restart", c.Path, cmp.Or(c.Old, "none"), cmp.Or(c.New, "none")))
			}
		}
	}
	return errors.Join(errs...)
}

// drainTime is how long a target that changes may go on sending with its old settings.
const drainTime = 5 * time.Second

// swap puts next in the place of old. Targets that are the same in both are not touched. One that changes or goes sends what it
// has, as long as that works; what is left goes to its successor, or back to the files.
func (d *Daemon) swap(ctx context.Context, old, next *generation) error {
	plan, err := d.tailer.Plan(tailInputs(next.cfg))
	if err != nil {
		return &SettingError{Key: "input", Err: err}
	}
	for _, t := range next.targets {
		t.identity.start(d.floor)
	}
	leaving := maps.Clone(old.targets)
	maps.DeleteFunc(leaving, func(name string, t *target) bool { return next.targets[name] == t })
	d.finish(ctx, leaving)

	use := func() { d.gen.Store(next) }
	err = d.tailer.Apply(ctx, plan, use, func(r tail.Route) bool {
		a, b := old.cfg.Inputs[r.Input], next.cfg.Inputs[r.Input]
		return leaving[r.Target] != nil || old.programs[r.Input] != next.programs[r.Input] || !reflect.DeepEqual(a.Tags, b.Tags)
	})
	if err != nil {
		use() // the readers have not begun, and will not: shipper is stopping
	}
	for name, t := range leaving {
		d.replace(t, next.targets[name])
	}
	for _, t := range next.targets {
		t.batches.SetShare(d.share(next.cfg))
		t.start(d.floor, d.senders)
	}
	d.setLevel(next.cfg.Log.Level)
	return nil
}

// finish lets targets send what they have, and then stops their senders.
func (d *Daemon) finish(ctx context.Context, leaving map[string]*target) {
	var all sync.WaitGroup
	for _, t := range leaving {
		t.batches.Close() // no reader comes through any more
		all.Go(func() {
			t.finish(ctx)
			t.sending.end()
			t.producer.HTTP.CloseIdleConnections()
		})
	}
	all.Wait()
}

// finish waits for the end of the queue, unless waiting makes no sense.
func (t *target) finish(ctx context.Context) {
	limit := time.NewTimer(drainTime)
	defer limit.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for t.reason() == "" && t.producer.Up() {
		select {
		case <-t.sending.done:
			return
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// replace hands on what a target has left. Nobody writes to it or sends for it any more.
func (d *Daemon) replace(t, successor *target) {
	t.sealing.end()
	rest := t.rest()
	if successor != nil {
		successor.batches.Adopt(rest...)
	} else {
		for _, b := range rest {
			b.Free()
		}
		for _, e := range d.store.Epochs() {
			if s := d.store.Stream(e.ID); e.Route.Target == t.name && s != nil {
				s.Rewind() // its lines are read again if the target returns
			}
		}
	}
	if successor == nil || successor.identity != t.identity {
		t.identity.part.end()
	}
}

// rest takes what is left in the queue of a closed target.
func (t *target) rest() (rest []*batch.Batch) {
	for {
		var err error
		if rest, err = t.batches.Take(context.Background(), rest, batch.Limit{}); err != nil {
			return rest // io.EOF
		}
	}
}

func (r *reloads) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = ""
	if err != nil {
		r.err = wholeLines(err)
	}
}

// configStatus is the configuration in use.
func (d *Daemon) configStatus() admin.ConfigStatus {
	gen := d.now()
	d.reloads.mu.Lock()
	defer d.reloads.mu.Unlock()
	return admin.ConfigStatus{Hash: gen.hash, LoadedAt: gen.loaded, Error: d.reloads.err}
}

// wholeLines is err as the command prints it. What config says ends with "Nothing was changed." already.
func wholeLines(err error) string {
	if bad, ok := errors.AsType[config.Errors](err); ok {
		return bad.Error()
	}
	return err.Error() + "\nNothing was changed.\n"
}

// shorten is err for the log: the first of many problems.
func shorten(err error) string {
	if bad, ok := errors.AsType[config.Errors](err); ok && len(bad) > 1 {
		return fmt.Sprintf("%s (and %d more)", firstLine(bad.Error()), len(bad)-1)
	}
	return firstLine(err.Error())
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
