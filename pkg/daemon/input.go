package daemon

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"shipper/pkg/batch"
	"shipper/pkg/process"
	"shipper/pkg/tail"
)

// newTailer builds the one tailer of all inputs, and the programs of those that have steps.
func (d *Daemon) newTailer() error {
	var inputs []tail.Input
	d.pipes = &pipes{open: map[*process.Pipe]struct{}{}, programs: map[string]*process.Program{}, beat: d.beats.Join("steps")}
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Inputs)) {
		in := d.cfg.Inputs[name]
		program, err := process.New(in.Process)
		if err != nil {
			return &SettingError{Key: "input." + name, Err: err}
		}
		d.pipes.programs[name] = program
		inputs = append(inputs, tail.Input{Name: name, Config: in.Config, Targets: in.Target})
	}
	var err error
	d.tailer, err = tail.New(tail.Options{
		Inputs: inputs, Positions: d.store, NewSink: d.newSink, MaxOpenFiles: d.cfg.Agent.MaxOpenFiles,
		Ignore: []string{d.cfg.Agent.StateDir}, Log: d.log, Beat: d.beats.Join("readers"),
	})
	return err
}

// newSink makes the way of one stream's lines: straight into batches, or through the input's steps.
func (d *Daemon) newSink(s tail.Stream) tail.Sink {
	writer := d.targets[s.Route.Target].batches.Writer(d.store.Stream(s.ID), batch.Group{
		Path: s.Path, Tags: d.cfg.Inputs[s.Route.Input].Tags,
	})
	program := d.pipes.programs[s.Route.Input]
	if program.Plain() {
		return writer
	}
	return d.pipes.add(program.Pipe(writer))
}

// pipes are the streams whose lines go through steps. An event whose end is not in sight is sent when its time is up.
type pipes struct {
	programs map[string]*process.Program // by input
	beat     func()

	mu   sync.Mutex // guards open
	open map[*process.Pipe]struct{}
}

func (p *pipes) add(pipe *process.Pipe) tail.Sink {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	s.all.mu.Lock()
	defer s.all.mu.Unlock()
	delete(s.all.open, s.Pipe)
}

// Run gives pending events their time.
func (p *pipes) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			p.beat()
			for _, pipe := range p.pending() {
				pipe.Tick(now)
			}
		}
	}
}

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
