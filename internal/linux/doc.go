// Package linux is the thin layer over the system calls that the standard library does not offer: file identity
// (statx, name_to_handle_at), the lease probe that tells whether a file still has a writer, sparse files and copies of them,
// file system types, what is read ahead, and the descriptor limit.
//
// Callers are pkg/tail (identity, finality, holes) and those who look at the same files for people: pkg/daemon/check and the
// commands. It keeps no state, starts nothing and decides nothing: what an answer means is the caller's business.
package linux
