package daemon

import "testing"

func TestHeapLeavesRoomBesideIt(t *testing.T) {
	for container, want := range map[uint64]uint64{0: 0, 16 << 20: 8 << 20, 64 << 20: 48 << 20, 200_000_000: 180_000_000, 1_000_000_000: 900_000_000} {
		if got := heapOf(container); got != want {
			t.Errorf("of %d: %d, want %d", container, got, want)
		}
	}
}
