package producer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"

	"shipper/pkg/creds"
	"shipper/pkg/producer/deadletter"
)

// keyring is a provider of credentials that the test turns.
type keyring struct {
	mu       sync.Mutex
	current  *creds.Credentials
	err      error
	rejected []uint64
	accepted map[uint64]int
	changed  chan struct{}
	renew    func(k *keyring, c *creds.Credentials) // what Rejected leads to; called with mu held
}

func newKeyring() *keyring {
	k := &keyring{changed: make(chan struct{}), accepted: map[uint64]int{}}
	k.turnLocked()
	return k
}

func (k *keyring) turn() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turnLocked()
}

func (k *keyring) turnLocked() {
	g := uint64(1)
	if k.current != nil {
		g = k.current.Generation + 1
	}
	k.current = &creds.Credentials{ID: fmt.Sprintf("STS.key%010d", g), Secret: "examplesecret", Token: fmt.Sprintf("token-%d", g), Generation: g}
	k.err = nil
	close(k.changed)
	k.changed = make(chan struct{})
}

func (k *keyring) Current() (*creds.Credentials, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.current, k.err
}

func (k *keyring) Accepted(c *creds.Credentials) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.accepted[c.Generation]++
}

func (k *keyring) Rejected(c *creds.Credentials, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rejected = append(k.rejected, c.Generation)
	if k.renew != nil {
		k.renew(k, c)
	}
}

func (k *keyring) Wait(ctx context.Context, after uint64) (*creds.Credentials, error) {
	for {
		k.mu.Lock()
		c, err, changed := k.current, k.err, k.changed
		k.mu.Unlock()
		if err == nil && c.Generation > after {
			return c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}

// graves is a dead-letter store in memory.
type graves struct {
	mu      sync.Mutex
	letters []deadletter.Letter
	fail    int // so many writes fail first
}

func (g *graves) Write(l deadletter.Letter) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail > 0 {
		g.fail--
		return errors.New("no space left on device")
	}
	l.Group = bytes.Clone(l.Group)
	g.letters = append(g.letters, l)
	return nil
}

// lines are the contents of all letters, sorted.
func (g *graves) lines(t testing.TB) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for _, l := range g.letters {
		var group sls.LogGroup
		if err := group.Unmarshal(l.Group); err != nil {
			t.Errorf("dead letter: %v", err)
			continue
		}
		if len(group.Logs) != l.Logs || group.GetTopic() != "t" || len(group.LogTags) < 3 {
			t.Errorf("dead letter with %d logs, topic %q, tags %v; says %d logs", len(group.Logs), group.GetTopic(), group.LogTags, l.Logs)
		}
		for _, log := range group.Logs {
			out = append(out, log.Contents[0].GetValue())
		}
	}
	slices.Sort(out)
	return out
}
