package daemon

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// group runs parts that live together. The first to fail is told to whoever asked; the others go on until their context
// ends, because a part that fails is a reason to drain, not to drop what the others hold.
type group struct {
	ctx context.Context
	wg  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	errs   []error
	failed []func(error)
}

func newGroup(ctx context.Context) *group { return &group{ctx: ctx} }

// Go starts a part.
func (g *group) Go(name string, run func(context.Context) error) {
	g.wg.Go(func() {
		err := run(g.ctx)
		if err == nil || g.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return
		}
		err = fmt.Errorf("%s: %w", name, err)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.errs = append(g.errs, err)
		for _, f := range g.failed {
			f(err)
		}
	})
}

// OnFailure calls f when a part fails, or has failed. The returned function takes it back.
func (g *group) OnFailure(f func(error)) (unlink func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, err := range g.errs {
		f(err)
	}
	i := len(g.failed)
	g.failed = append(g.failed, f)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.failed[i] = func(error) {}
	}
}

// Done is closed when every part has ended.
func (g *group) Done() <-chan struct{} {
	ch := make(chan struct{})
	go func() { g.wg.Wait(); close(ch) }()
	return ch
}

// Wait joins every part and returns what failed.
func (g *group) Wait() error {
	g.wg.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.errs...)
}
