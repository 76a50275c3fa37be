package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"shipper/pkg/admin"
	"shipper/pkg/batch"
	"shipper/pkg/checkpoint"
	"shipper/pkg/config"
	"shipper/pkg/producer/deadletter"
	"shipper/pkg/tail"
)

// Options is what a Daemon needs beside its configuration.
type Options struct {
	Version string
	Log     *slog.Logger
	Once    bool            // send what is there, then end
	Source  *config.Options // where a reload reads the configuration from; nil: it cannot be reloaded
	Level   *slog.LevelVar  // follows log.level at a reload; nil: the level stays

	avoid string // a directory that is not read, beside the state directory
}

// Daemon is one shipper: New builds it, Run lives it.
type Daemon struct {
	gen     atomic.Pointer[generation] // what a reload changes; written by New and swap
	opt     Options
	log     *slog.Logger
	started time.Time

	store   *checkpoint.Store
	dead    *deadletter.Store
	budget  *batch.Budget
	pipes   *pipes
	tailer  *tail.Tailer
	admin   *admin.Server
	beats   *admin.Beats
	notify  *notifier
	reloads reloads
	history *history
	waiting *waiting
	taps    taps

	floor, senders *group        // while Run runs: what is below the readers
	hurry          chan struct{} // closed by Hurry
	hurryOnce      sync.Once
	drainEnd       time.Time // when drain_limit is over; zero until the drain begins; Run's own
}

// New builds a daemon and takes what only one process may have: the state directory and the admin port. It sends nothing
// and reads no log file yet. Its errors are a *StateError or *durable.LockedError (the state directory), a *SettingError (a
// setting that only this host can judge), or an I/O error.
func New(ctx context.Context, cfg *config.Config, o Options) (_ *Daemon, err error) {
	d := &Daemon{
		opt: o, log: o.Log, started: time.Now(), hurry: make(chan struct{}), beats: admin.NewBeats(time.Now), reloads: newReloads(),
		history: newHistory(), waiting: newWaiting(),
	}
	defer func() {
		if err != nil {
			d.release()
		}
	}()
	dir := cfg.Agent.StateDir
	if d.store, err = checkpoint.Open(dir, checkpoint.Options{Log: o.Log, Moved: d.moved, Beat: d.beats.Join("positions")}); err != nil {
		return nil, stateError(dir, err)
	}
	if d.dead, err = deadletter.Open(filepath.Join(dir, cfg.DeadLetter.Dir), deadletter.Options{Max: cfg.DeadLetter.Max, Log: o.Log}); err != nil {
		return nil, stateError(dir, err)
	}
	d.budget = batch.NewBudget(batch.Account(cfg.Agent.MaxMemory))
	first, err := d.build(ctx, cfg, &generation{cfg: &config.Config{}})
	if err != nil {
		return nil, err
	}
	d.gen.Store(first)
	if err = d.newTailer(first); err != nil {
		return nil, err
	}
	if !o.Once {
		d.admin, err = admin.Listen(ctx, admin.Options{
			Listen: cfg.Admin.Listen, Socket: d.socket(), Look: d.Snapshot, Status: d.Status, Beats: d.beats, Log: o.Log, Reload: d.Reload, Tap: d.taps.listen,
			Pprof: cfg.Admin.Pprof,
		})
		if err != nil {
			return nil, err
		}
	}
	d.beats.Ask(d.hanging)
	d.notify = &notifier{look: d.Status, trouble: d.trouble, beats: d.beats}
	return d, nil
}

// moved lets the tailer close a file that waited for its last line to be settled.
func (d *Daemon) moved(id tail.StreamID) {
	if d.tailer != nil {
		d.tailer.Settled(id)
	}
}

// socket is where the control socket goes: as configured, else where systemd gave us a directory, else with the state.
func (d *Daemon) socket() string {
	path := d.now().cfg.SocketPath(os.Getenv)
	if path != "" && len(path) > maxSocketPath {
		d.log.Warn("no control socket: its path is longer than the kernel takes; set admin.socket", "code", "SHP-D001", "path", path)
		return ""
	}
	return path
}

// maxSocketPath is what sockaddr_un holds on Linux, without the closing zero.
const maxSocketPath = 107

// release gives back what New took.
func (d *Daemon) release() {
	if d.tailer != nil {
		d.tailer.Close()
	}
	if d.admin != nil {
		d.admin.Close()
	}
	if d.store != nil {
		if err := d.store.Close(); err != nil {
			d.log.Error("positions could not be written at the end; some lines may be sent again", "code", "SHP-K001", "err", err)
		}
	}
}

// Hurry ends a drain at once: the second INT.
func (d *Daemon) Hurry() { d.hurryOnce.Do(func() { close(d.hurry) }) }

// Run ships until ctx ends, then drains. It returns nil when everything that was read has been accepted, ErrUnsent when
// something waits in the files, and for Options.Once also ErrNoInput, ErrDenied or ErrUnreachable.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.release()
	tuneMemory(d.log)
	gen := d.now()
	d.log.Info("started", "version", d.opt.Version, "config", gen.hash[:12],
		"targets", len(gen.cfg.Targets), "inputs", len(gen.cfg.Inputs), "state_dir", gen.cfg.Agent.StateDir)

	// Two lives: the floor below (positions, credentials, senders, admin) goes on while the readers have stopped.
	under, stopUnder := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopUnder(nil)
	floor := newGroup(under)
	floor.Go("positions", d.store.Run)
	floor.Go("memory", d.breathe)
	floor.Go("ledger", d.pipes.Run)
	if d.admin != nil {
		floor.Go("admin", d.admin.Run)
		floor.Go("systemd", func(ctx context.Context) error { d.notify.Run(ctx); return nil })
	}
	senders := newGroup(under)
	d.floor, d.senders = floor, senders
	for _, t := range gen.targets {
		t.identity.start(floor)
		t.start(floor, senders)
	}

	readErr := d.read(ctx, floor, senders)
	if gaveUp(readErr) {
		d.Hurry() // Once has given up: waiting longer would not help
	}
	d.drain(senders)
	stopUnder(nil)
	sendErr := senders.Wait() // requests in flight have had their grace now
	err := errors.Join(readErr, d.unsent(), sendErr, floor.Wait())
	d.save()
	if err == nil {
		d.log.Info("stopped: everything that was read is delivered")
	}
	return err
}

// read lets the readers run until it is time to stop: the end of ctx, the end of the files (Once), or the failure of a part.
func (d *Daemon) read(ctx context.Context, others ...*group) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for _, g := range others {
		unlink := g.OnFailure(stop)
		defer unlink()
	}
	if d.opt.Once {
		return d.readOnce(ctx)
	}
	readers, stopReaders := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReaders()
	tailer := newGroup(readers)
	tailer.Go("tailer", d.tailer.Run)
	defer tailer.OnFailure(stop)()
	d.notify.Ready()

	d.reloadUntil(ctx)
	d.log.Info("stopping", "reason", context.Cause(ctx))
	d.startDrain()
	d.notify.Stopping(d.now().cfg.Agent.DrainLimit.D())
	if d.sidecar() {
		d.untilQuiet()
	}
	stopReaders()
	err := tailer.Wait()
	d.beats.Leave("discovery")
	return err
}

// SettingError is a setting that is right in itself and cannot be used on this host.
type SettingError struct {
	Key string // "target.central"
	Err error
}

func (e *SettingError) Error() string { return fmt.Sprintf("[%s]: %v", e.Key, e.Err) }
func (e *SettingError) Unwrap() error { return e.Err }
