package daemon

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"shipper/pkg/config"
	"shipper/pkg/producer"
	"shipper/pkg/tail"
)

// DryRun is what a run would send now.
type DryRun struct {
	Targets  []DryTarget `json:"targets"`
	Inputs   []DryInput  `json:"inputs"`
	Files    []DryFile   `json:"files"`
	Complete bool        `json:"complete"` // false: it was interrupted, and the figures are of what was read until then
}

// DryTarget is what one target would get.
type DryTarget struct {
	Name       string `json:"name"`
	Project    string `json:"project"`
	Logstore   string `json:"logstore"`
	Requests   int64  `json:"requests"`
	Logs       int64  `json:"logs"`
	Raw        int64  `json:"raw_bytes"`        // before compression
	Compressed int64  `json:"compressed_bytes"` // bodies of the requests
}

// DryInput is what the steps of an input did. Its lines are counted once for each target.
type DryInput struct {
	Name    string    `json:"name"`
	Dropped uint64    `json:"dropped_logs"`
	Steps   []DryStep `json:"steps"` // the format, and the steps that met something which they could not make sense of
}

// DryStep counts what a step could not make sense of.
type DryStep struct {
	Name   string `json:"name"`
	Failed uint64 `json:"failed_logs"`
}

// DryFile is one file on its way to one target. Bytes are of the file.
type DryFile struct {
	Path    string `json:"path"`
	Input   string `json:"input"`
	Target  string `json:"target"`
	From    int64  `json:"from"`    // the position where reading would go on
	Read    int64  `json:"read"`    // bytes that were read from there
	Sent    int64  `json:"sent"`    // of these in logs
	Skipped int64  `json:"skipped"` // of these left out: what stands before start_at, empty lines, dropped logs
	Lost    int64  `json:"lost"`    // of these gone before they could be read
	Error   string `json:"error,omitempty"`
}

// Dry reads what is there, runs steps, makes batches and requests as a run would, and sends nothing: no request is made, to
// whomever. Positions are taken from a copy of the state directory, which is thrown away: nothing moves, and a daemon may run
// beside it. It ends when everything was read, or with ctx. Its errors are those of New, and ErrNoInput.
func Dry(ctx context.Context, cfg *config.Config, o Options) (_ *DryRun, err error) {
	dir, err := os.MkdirTemp("", "shipper-dry-run-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := lookAtState(cfg.Agent.StateDir, dir); err != nil {
		return nil, stateError(cfg.Agent.StateDir, err)
	}
	own := *cfg
	own.Agent.StateDir = dir
	o.Once, o.Source, o.avoid = true, nil, cfg.Agent.StateDir
	d, err := New(ctx, &own, o)
	if err != nil {
		return nil, err
	}
	defer d.release()
	return d.rehearse(ctx)
}

// copyTries is how often a state directory is copied anew when the daemon changes generations meanwhile.
const copyTries = 5

// lookAtState copies the journal and what belongs to it. One that is being written is good up to its end, torn or not.
func lookAtState(from, to string) (err error) {
	for range copyTries {
		if err = copyFiles(from, to); !errors.Is(err, errChanged) {
			return err
		}
	}
	return err
}

var errChanged = errors.New("the daemon changes the files all the time; try again")

func copyFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing has run yet
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || e.Name() == "lock" {
			continue
		}
		switch err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); {
		case errors.Is(err, fs.ErrNotExist):
			return errChanged
		case err != nil:
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// rehearse is Run with the senders replaced by ones that count.
func (d *Daemon) rehearse(ctx context.Context) (*DryRun, error) {
	gen := d.now()
	before := map[tail.StreamID]tail.Epoch{}
	for _, e := range d.store.Epochs() {
		before[e.ID] = e
	}
	under, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	floor, senders := newGroup(under), newGroup(under)
	var mu sync.Mutex // guards what follows
	out := &DryRun{Targets: make([]DryTarget, len(gen.targets)), Inputs: []DryInput{}, Files: []DryFile{}}
	for i, name := range sortedKeys(gen.targets) {
		t := gen.targets[name]
		sum := &out.Targets[i]
		*sum = DryTarget{Name: name, Project: t.cfg.Project, Logstore: t.cfg.Logstore}
		floor.Go("batches of "+name, t.batches.Run)
		senders.Go("rehearsal of "+name, func(ctx context.Context) error {
			return t.producer.Rehearse(ctx, func(r producer.Rehearsed) {
				mu.Lock()
				defer mu.Unlock()
				sum.Requests++
				sum.Logs += int64(r.Logs)
				sum.Raw += r.Raw
				sum.Compressed += r.Compressed
			})
		})
	}
	matched, err := d.tailer.Once(ctx)
	out.Complete = err == nil
	if ctx.Err() != nil {
		err = nil
	}
	for _, t := range gen.targets {
		t.batches.Seal()
		t.batches.Close()
	}
	err = errors.Join(err, senders.Wait())
	stop()
	if err = errors.Join(err, floor.Wait()); err != nil {
		return nil, err
	}
	if matched == 0 && out.Complete {
		return nil, ErrNoInput
	}
	d.account(out, before)
	return out, nil
}

// account adds what the books and the steps tell.
func (d *Daemon) account(out *DryRun, before map[tail.StreamID]tail.Epoch) {
	gen := d.now()
	for _, f := range d.tailer.Files() {
		file := DryFile{Path: f.Path, Input: f.Route.Input, Target: f.Route.Target}
		if f.Err != nil {
			file.Error = f.Err.Error()
		}
		if s := d.store.Stream(f.Stream); s != nil {
			was, is := before[f.Stream], s.Epoch()
			file.From = was.Offset
			file.Read, file.Sent = is.Counts.Read-was.Counts.Read, is.Counts.Acked-was.Counts.Acked
			file.Skipped, file.Lost = is.Counts.Skipped-was.Counts.Skipped, is.Counts.Lost-was.Counts.Lost
		}
		out.Files = append(out.Files, file)
	}
	slices.SortFunc(out.Files, func(a, b DryFile) int {
		return cmp.Or(cmp.Compare(a.Input, b.Input), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Path, b.Path), cmp.Compare(a.From, b.From))
	})
	for _, name := range sortedKeys(gen.programs) {
		in := DryInput{Name: name, Dropped: gen.programs[name].Stats().Dropped, Steps: []DryStep{}}
		steps := unfit(gen.programs[name])
		for _, step := range sortedKeys(steps) {
			if n := steps[step]; n > 0 {
				in.Steps = append(in.Steps, DryStep{step, n})
			}
		}
		out.Inputs = append(out.Inputs, in)
	}
}
