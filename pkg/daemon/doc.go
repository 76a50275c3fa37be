// Package daemon puts the parts together and keeps them running: tailer, batchers, producers, credentials, positions and
// the admin server, with the order in which they start, drain and stop.
//
// New builds everything and takes what only one process may have (the state directory's lock, the admin port). Run
// starts it, tells systemd, waits for the end of its context and drains. cmd/shipper is the only caller; tests call it the
// same way. It holds no policy of its own: what happens to a line is decided in the packages below.
package daemon
