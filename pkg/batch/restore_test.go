package batch

import (
	"bytes"
	"testing"
	"time"

	"shipper/pkg/checkpoint"
	"shipper/pkg/tail"
)

// A batch that was kept is the same batch again: its parts, its place in the file, its account.
func TestRestore(t *testing.T) {
	r := newRig(t, Options{Target: "to"})
	stream := r.stream()
	w := r.Writer(stream, path("/var/log/a.log"))
	c := chunkOf(0, []byte("one\ntwo\nthree\nfour\n"), time.Now())
	c.Lines[1].Flags = tail.Skip
	w.Write(c)
	r.Seal()
	b := take(t, r.Batcher)[0]
	state, group, used := b.AppendState(nil), bytes.Clone(b.Group()), r.Stats().Used
	claim := b.Claim()
	b.Free()

	again, err := r.Restore(state, group, claim)
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(t, again.Slice(1, 3, func(int) []byte { return nil })); got != "three\nfour\n" {
		t.Errorf("%q", got)
	}
	if again.Path != "/var/log/a.log" || again.Logs != 3 || again.Range != (tail.Range{To: 19}) || again.Bytes(0, 3) != 15 || r.Stats().Used > used {
		t.Errorf("%+v, %d bytes, were %d", again, r.Stats().Used, used)
	}
	again.Settle(checkpoint.Outcome{Acked: 15, Logs: 3})
	again.Free()
	if c := stream.Epoch().Counts; c.Acked != 15 || c.Skipped != 4 || c.Pending() != 0 || r.Stats().Used != 0 {
		t.Errorf("%+v, %d bytes used", c, r.Stats().Used)
	}
	for n := range state {
		if _, err := r.Restore(state[:n], group, claim); err == nil {
			t.Errorf("restored from %d bytes of %d", n, len(state))
		}
	}
	if _, err := r.Restore(state, group[:len(group)/2], claim); err == nil {
		t.Error("restored from half a group")
	}
}
