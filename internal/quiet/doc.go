// Package quiet keeps the log readable while something is wrong for a long time: one message when a trouble begins, one a
// minute with a count while it lasts, one when it is over.
//
// Callers have one Trouble for each thing that can be wrong on its own (a disk, a target). The package keeps no state beyond
// that and decides nothing.
package quiet
