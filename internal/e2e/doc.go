// Package e2e drives the built program from outside, with real parts around it: nginx writes the logs, logrotate turns
// them, the emulator plays Log Service and STS, and the official SDK's client reads back what arrived. Nothing of
// shipper is linked into these tests but the emulator.
//
// `make e2e` installs what they need and sets SHIPPER_E2E=require; it runs the tests that drive the host's own programs, which
// are skipped without it. The rest is part of `make test`.
package e2e
