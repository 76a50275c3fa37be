// Package admin is the window into a running daemon: /status, /metrics, /healthz and /readyz over HTTP on a loopback
// port and on a unix socket, and on the socket alone /reload and /tap.
//
// It shows a Snapshot that its caller makes anew for each look and knows nothing of how the numbers come about.
// pkg/daemon is its only caller. It changes nothing in the daemon, but for passing on who asks for a reload. What lines hold is in /tap
// and nowhere else.
package admin

//go:generate go run ./internal/reference/write
