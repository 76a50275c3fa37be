package daemon

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"shipper/internal/ticks"
	"shipper/pkg/batch"
	"shipper/pkg/config"
	"shipper/pkg/process"
	"shipper/pkg/tail"
)

// newTailer builds the one tailer of all inputs.
func (d *Daemon) newTailer(gen *generation) error {
	d.pipes = &pipes{open: map[*process.Pipe]struct{}{}, some: make(chan struct{}, 1), beat: d.beats.Join("steps")}
	agent := gen.cfg.Agent
	keeper, kept := newDescriptors(d.log)
	var err error
	d.tailer, err = tail.New(tail.Options{
		Inputs: tailInputs(gen.cfg), Positions: d.store, NewSink: d.newSink, MaxOpenFiles: agent.MaxOpenFiles,
		MaxPinned: int64(agent.MaxPinnedBytes), Keeper: keeper, Kept: kept,
		Spool: filepath.Join(agent.StateDir, "spool"), MaxSpool: int64(agent.MaxSpoolBytes),
		Ignore: d.ignored(), Log: d.log, Beat: d.beats.Join("discovery"),
	})
	return err
}

// ignored are directories that are never read.
func (d *Daemon) ignored() []string {
	dirs := []string{d.now().cfg.Agent.StateDir}
	if d.opt.avoid != "" {
		dirs = append(dirs, d.opt.avoid)
	}
	return dirs
}

// tailInputs is what the tailer has to know of the inputs.
func tailInputs(cfg *config.Config) (inputs []tail.Input) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Inputs)) {
		in := cfg.Inputs[name]
		inputs = append(inputs, tail.Input{Name: name, Config: in.Config, Targets: in.Target})
	}
	return inputs
}

// newSink makes the way of one stream's lines: straight into batches, or through the input's steps.
func (d *Daemon) newSink(s tail.Stream) tail.Sink {
	gen := d.now()
	writer := gen.targets[s.Route.Target].batches.Writer(d.store.Stream(s.ID), batch.Group{
		Path: s.Path, Tags: gen.cfg.Inputs[s.Route.Input].Tags,
	})
	program := gen.programs[s.Route.Input]
	w := &watched{taps: &d.taps, route: s.Route, path: s.Path}
	if program.Plain() {
		return &watchedWriter{writer, w}
	}
	writer.Jump(s.Offset) // the steps tell it sizes alone
	return d.pipes.add(program.Watched(writer, w))
}

// pipes are the streams whose lines go through steps. An event whose end is not in sight is sent when its time is up.
type pipes struct {
	beat func()

	some chan struct{} // capacity 1: there are some now

	mu   sync.Mutex // guards open
	open map[*process.Pipe]struct{}
}

func (p *pipes) add(pipe *process.Pipe) tail.Sink {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.open) == 0 {
		select {
		case p.some <- struct{}{}:
		default:
		}
	}
	p.open[pipe] = struct{}{}
	return &steps{Pipe: pipe, all: p}
}

// steps forgets its pipe when the stream ends.
type steps struct {
	*process.Pipe
	all *pipes
}

func (s *steps) Finish() {
	s.Pipe.Finish()
	s.forget()
}

// Leave implements tail.Leaver.
func (s *steps) Leave(back func(from int64) bool) {
	s.Pipe.Leave(back)
	s.forget()
}

func (s *steps) forget() {
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	delete(s.all.open, s.Pipe)
}

// Run gives pending events their time.
func (p *pipes) Run(ctx context.Context) error {
	tick := ticks.New(idleBeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.some:
			tick.Reset(time.Second)
		case now := <-tick.C:
			p.beat()
			for _, pipe := range p.pending() {
				pipe.Tick(now)
			}
			tick.Next()
		}
	}
}

// idleBeat is how often a loop that has nothing to do says that it turns: well within admin.BeatLimit.
const idleBeat = 10 * time.Second

func (p *pipes) pending() []*process.Pipe {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*process.Pipe
	for pipe := range p.open {
		if pipe.Pending() {
			out = append(out, pipe)
		}
	}
	return out
}
