package tail

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"time"
)

// Leaver is a Sink that can be left before its stream has ended, because the stream goes on into another one.
type Leaver interface {
	// Leave gives out what was written. If lines are held back because the event that they belong to may go on, back is asked
	// whether they can be read again from the offset where they begin; if so they are dropped.
	Leave(back func(from int64) bool)
}

// Plan is a checked set of inputs for Apply.
type Plan struct {
	inputs []*input
	swap   func()
	remake func(Route) bool
}

// Plan checks inputs. It changes nothing.
func (t *Tailer) Plan(inputs []Input) (*Plan, error) {
	p := &Plan{}
	for _, i := range inputs {
		in, err := newInput(i)
		if err != nil {
			return nil, err
		}
		p.inputs = append(p.inputs, in)
	}
	return p, nil
}

// Apply makes the inputs of p those that are followed, while Run runs; it waits for Run to have begun, or for the end of ctx,
// whose cause it returns then without having changed anything. swap is called when it begins: NewSink is called for the routes of
// before until then, and for those of p afterwards.
//
// A stream goes on as it is if its route is still there. If remake says so, or its lines are cut in another way now, it gets a
// new sink once its reader's turn is over: descriptor, identity and position stay. A stream whose file no pattern matches any
// more is read up to its present end. A stream of a route that is gone is not read on. Both are let go once everything that was read
// of them is settled; their positions stay, and are found when the route or the pattern returns. A new route begins like one at
// a start. When Apply returns no sink of before is written to any more, except those that needed no change.
func (t *Tailer) Apply(ctx context.Context, p *Plan, swap func(), remake func(Route) bool) error {
	select {
	case <-t.prepared:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.mu.Lock()
	t.plan = &Plan{inputs: p.inputs, swap: swap, remake: remake}
	t.mu.Unlock()
	t.step(0)
	t.mu.Lock()
	every := t.tick()
	t.mu.Unlock()
	select {
	case <-t.retick:
	default:
	}
	t.retick <- every
	return nil
}

// firstTick is tick for the loop of discovery, which holds no lock then.
func (t *Tailer) firstTick() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tick()
}

// reconfigure carries out a plan, if there is one, at the beginning of a step. It returns what else the step has to do.
func (t *Tailer) reconfigure() (what int) {
	p := t.plan
	if p == nil {
		return 0
	}
	t.plan = nil
	p.swap()
	names, recut := t.takeInputs(p.inputs)
	wanted := map[Route]bool{}
	for _, in := range t.inputs {
		for _, r := range in.routes {
			wanted[r] = true
		}
	}
	for _, s := range slices.Collect(maps.Values(t.streams)) {
		switch {
		case !wanted[s.route]:
			t.leaveRoute(s)
		case recut[s.in] || p.remake(s.route):
			t.remake(s, recut[s.in])
		}
	}
	gone := func(r Route) bool { return !wanted[r] }
	maps.DeleteFunc(t.records, func(r Route, _ []*record) bool { return gone(r) })
	maps.DeleteFunc(t.started, func(r Route, _ bool) bool { return gone(r) })
	maps.DeleteFunc(t.last, func(r Route, _ map[string]*stream) bool { return gone(r) })
	t.gaps = slices.DeleteFunc(t.gaps, func(g gap) bool { return gone(g.route) })
	for r := range wanted {
		if _, known := t.started[r]; known {
			continue
		}
		t.load(r)
		t.records[r] = slices.DeleteFunc(t.records[r], func(rec *record) bool { return t.streams[rec.epoch.ID] != nil })
	}
	if !names {
		return 0
	}
	t.rematch()
	t.scanned = false // epochs of new routes are looked for under other names, too
	return stepAll
}

// takeInputs makes inputs the ones that are followed. One that has a predecessor becomes that one, so that its streams and
// counters go on. names tells whether other files may match now, recut whose lines are cut in another way.
func (t *Tailer) takeInputs(inputs []*input) (names bool, recut map[*input]bool) {
	before := map[string]*input{}
	for _, in := range t.inputs {
		before[in.name] = in
	}
	recut = map[*input]bool{}
	t.inputs, t.flushes = nil, false
	for _, in := range inputs {
		old := before[in.name]
		delete(before, in.name)
		if old == nil {
			names, old = true, in
		} else {
			a, b := old.cfg, in.cfg
			names = names || !slices.Equal(a.Paths, b.Paths) || !slices.Equal(a.Exclude, b.Exclude) || !slices.Equal(old.routes, in.routes)
			recut[old] = a.MaxLine != b.MaxLine || a.LongLine != b.LongLine || a.Encoding != b.Encoding
			old.cfg, old.glob, old.start, old.long, old.charset, old.routes = in.cfg, in.glob, in.start, in.long, in.charset, in.routes
		}
		t.inputs = append(t.inputs, old)
		t.flushes = t.flushes || old.cfg.FlushPartial > 0
	}
	return names || len(before) > 0, recut
}

// rematch draws the conclusions from other patterns: names that lead to files no more, streams that are to be read to their
// present end only, directories that nobody looks at.
func (t *Tailer) rematch() {
	for _, l := range t.leads {
		if l.file != nil && !t.matches(l.path) {
			t.unname(l)
		}
	}
	for _, f := range t.files {
		t.touched[f] = struct{}{}
		for r, s := range f.links {
			if _, wanted := t.started[r]; !wanted || s == nil && len(f.names) == 0 {
				delete(f.links, r)
			}
		}
	}
	for _, s := range t.streams {
		_, leaving := t.leaving[s]
		if !leaving && !s.epoch.Detached && s.file != nil && s.detached() {
			if s.file.f != nil {
				_ = t.refresh(s.file) // what was seen last has to do otherwise
			}
			t.leaving[s] = departure{until: max(s.file.info.Size, s.off.Load())}
		}
	}
	maps.DeleteFunc(t.bad, func(path string, _ error) bool { return !t.matches(path) && !t.descends(path) })
	linked := map[string]bool{}
	for at := range t.links {
		linked[filepath.Dir(at)] = true
	}
	for _, d := range slices.Collect(maps.Values(t.dirs)) {
		d.held = stamp{} // other names are wanted of it now
		switch {
		case !t.descends(d.path) && !linked[d.path]:
			t.unwatch(d)
		case d.polled:
			d.poll = t.pollOf(d.path)
		}
	}
}

// pollOf is how often a directory that cannot be watched is looked at.
func (t *Tailer) pollOf(path string) time.Duration {
	every := time.Second
	for _, in := range t.inputs {
		if in.glob.descends(path) {
			every = min(every, in.cfg.Poll.D())
		}
	}
	return every
}
