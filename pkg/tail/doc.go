// Package tail turns files into runs of whole lines with exact positions.
//
// Promise. Every byte of a file that a pattern matches is handed to a Sink once and in order, or is accounted for: jumped
// over because it was settled in an earlier life, skipped on purpose, or lost and named. A file is known by what the kernel
// says about its inode and by its content at both ends, never by its name; so it is followed through renames, links,
// copytruncate, compression and deletion, and held open until its last byte is settled and no process writes to it.
// What cannot be seen now (EACCES, EMFILE, EIO, ESTALE) changes nothing.
//
// How it works. One goroutine, discovery, owns the picture of the directories (scan.go, watch.go), decides which content is
// which (identity.go, admit.go) and follows rotation (rotate.go, chase.go). A few readers take dirty streams from a ring
// (ring.go, lineup.go), read blocks until their batch is full (reader.go), and cut lines (cut.go). A stream is touched by one of them at a time: a reader
// while it has its turn, discovery after it has parked the stream. Discovery never waits for a reader, a reader never for
// discovery, and an idle file has neither goroutine nor buffer.
//
// Callers. pkg/daemon wires it: New, Run, Close; pkg/checkpoint is the Positions, pkg/batch and pkg/process are the Sinks.
//
// What it does not do. It neither parses nor joins lines, keeps no position on disk and knows nothing of the service. It
// cannot repair what copytruncate itself drops: lines written between the copy and the truncation.
package tail
