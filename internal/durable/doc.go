// Package durable holds the few file operations whose effect must outlive a power failure, and the lock that keeps two
// processes off one directory.
//
// Callers: pkg/checkpoint (lock, directory syncs) and whoever replaces a small file as a whole. It does not know formats,
// does not retry, and does not log.
package durable
