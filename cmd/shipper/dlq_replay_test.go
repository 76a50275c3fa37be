package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
	"shipper/pkg/producer/deadletter"
)

// An interrupt ends a replay between two attempts: what was accepted is removed, the rest stays.
func TestReplayInterrupted(t *testing.T) {
	h := newCheckHost(t, nil)
	store, err := deadletter.Open(filepath.Join(h.dir, "state", "dead-letter"), deadletter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	group := []byte("\x0a\x0a\x08\x01\x12\x06\x0a\x01k\x12\x01v") // one log: k=v
	for range 3 {
		if err := store.Write(deadletter.Letter{Target: "central", Logs: 1, Group: group}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.cloud.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerBusy}); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	go func() {
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for len(h.cloud.Stats().Faults) == 0 && ctx.Err() == nil {
			<-look.C
		}
		interrupt()
	}()
	var out, bad bytes.Buffer
	code := run(ctx, []string{"-c", h.config(), "dlq", "replay", "--all"}, &out, &bad)
	left := 0
	for range store.List() {
		left++
	}
	if code != exitUnsent || !strings.Contains(bad.String(), "interrupted") || left != 3 {
		t.Errorf("exit code %d, %d letters left\n%s%s", code, left, out.String(), bad.String())
	}
}

// Letters for a target that is gone stay, and keep nobody else's from being sent.
func TestReplayWithoutTarget(t *testing.T) {
	h := newCheckHost(t, nil)
	store, err := deadletter.Open(filepath.Join(h.dir, "state", "dead-letter"), deadletter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := binary.AppendUvarint([]byte("\x08"), uint64(time.Now().Unix()))
	group := append([]byte{0x0a, byte(len(now) + 8)}, append(now, "\x12\x06\x0a\x01k\x12\x01v"...)...) // one log: k=v
	for _, target := range []string{"gone", "central", "\x1bgone", "central"} {
		if err := store.Write(deadletter.Letter{Target: target, Logs: 1, Group: group}); err != nil {
			t.Fatal(err)
		}
	}
	var out, bad bytes.Buffer
	code := run(t.Context(), []string{"-c", h.config(), "dlq", "replay", "--all"}, &out, &bad)
	var left []string
	for l, err := range store.List() {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, l.Target)
	}
	if code != exitConfig || !strings.Contains(bad.String(), `"gone" (1 letter)`) || strings.Contains(bad.String(), "\x1b") || !slices.Equal(left, []string{"gone", "\x1bgone"}) {
		t.Errorf("exit code %d, left %q\n%s%s", code, left, out.String(), bad.String())
	}
}
