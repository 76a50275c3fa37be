package main

import (
	"testing"

	"shipper/pkg/daemon/check"
	"shipper/pkg/emulator"
)

// With exactly_once, check writes as the daemon does, and finds out whether the service knows a number that it has seen.
func TestCheckExactlyOnce(t *testing.T) {
	h := newCheckHost(t, nil)
	r, code := h.check("--set", "target.central.exactly_once=true")
	if s := stepOf(t, r, check.StepWrite); s.Status != check.OK || code != exitOK {
		t.Errorf("exit %d, %+v", code, s)
	}
	if n := len(h.cloud.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore)); n != 1 {
		t.Errorf("%d groups stored", n)
	}
	if err := h.cloud.Faults().Inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.Forget}); err != nil {
		t.Fatal(err)
	}
	r, code = h.check("--set", "target.central.exactly_once=true")
	if s := stepOf(t, r, check.StepWrite); s.Status != check.Warn || s.Code != "SHP-P823" || code != exitOK {
		t.Errorf("a forgetful service: exit %d, %+v", code, s)
	}
}
