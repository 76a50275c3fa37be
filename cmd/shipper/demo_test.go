package main

import (
	"slices"
	"testing"
)

// What is set for a service on this machine is not for the demo's shipper.
func TestDemoEnviron(t *testing.T) {
	got := demoEnviron([]string{"PATH=/bin", "SHIPPER_STATE_DIR=/var/lib/shipper", "SHIPPER_CONFIG=x", "HOME=/root"})
	if !slices.Equal(got, []string{"PATH=/bin", "HOME=/root"}) {
		t.Error(got)
	}
}
