// Package check walks everything that has to be right between a log file and an acknowledged line, and says of each link whether
// it holds and, if not, whose it is to mend and what to paste.
//
//	configuration, files, rotation, state directory, kernel limits     this host
//	clock, network                                                     between this host and the cloud
//	credential > assume role > account > session policy > write > read back     the chain of trust, for each target
//
// Promise. The order is fixed and every link gives exactly one Step (files: one for each input; network: one for each endpoint).
// A chain stops at its first broken link and what comes after it is "not reached"; what does not depend on it still runs. Every
// failure has a stable code, a cause, the party and the account whose administrator can mend it, and the documents of pkg/ram to
// paste. Nothing is changed but one marked line that is written to each Logstore (not with NoWrite), and the checkpoints of the
// consumer group that it is read back through, where one is configured. No secret is shown.
//
// The package also holds the catalogue of all stable codes of the program (Catalogue) and turns a configuration into the
// plans that RAM documents are written from (Sets).
//
// Callers: cmd/shipper (check, verify, policy, explain). It does not look at a running daemon, and does not
// print.
package check
