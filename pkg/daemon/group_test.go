package daemon

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestGroupTellsOfTheFirstFailureAndLetsTheOthersLive(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	g := newGroup(ctx)
	broken := errors.New("disk on fire")
	told := make(chan error, 2)
	defer g.OnFailure(func(err error) { told <- err })()
	g.Go("positions", func(context.Context) error { return broken })
	g.Go("tailer", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })

	if err := <-told; !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "positions: ") {
		t.Errorf("told %v", err)
	}
	late := make(chan error, 1)
	g.OnFailure(func(err error) { late <- err })
	if err := <-late; !errors.Is(err, broken) {
		t.Errorf("who asks after the failure is told %v", err)
	}
	select {
	case <-g.Done():
		t.Fatal("the others ended with the first")
	default:
	}
	cancel()
	<-g.Done()
	if err := g.Wait(); !errors.Is(err, broken) || errors.Is(err, context.Canceled) {
		t.Errorf("Wait returns %v: an end that was asked for is no failure", err)
	}
}
