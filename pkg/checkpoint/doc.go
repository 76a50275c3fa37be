// Package checkpoint remembers which bytes of which files are delivered, in memory while the process runs and in a journal
// beyond it.
//
// Promise. The committed offset of a stream moves over settled bytes only, and only over the contiguous prefix of them.
// What is settled beyond it is kept too, so that a restart does not send it again. For every stream, at all times,
// Read = Acked + Pending + Dead + Lost + Skipped. Whatever happens to the files of the state directory (torn, zeroed, flipped or
// emptied files, a full disk, a dying disk), Open succeeds with the last good prefix and the daemon keeps delivering: damage
// repeats lines and never skips one. Two processes never share a state directory.
//
// Lanes (lane.go) remember what was sent, or is about to be, under a number that the service refuses the second time: with its
// content, so that it can be sent again whatever has become of the file. What a lane answers for is claimed: nobody reads it again.
//
// Callers. pkg/tail knows it as tail.Positions; pkg/batch reads, enters and settles spans on a Stream; pkg/producer uses lanes;
// pkg/daemon opens, runs and closes the Store; the offsets command looks at Epochs and uses SetOffset and Forget.
//
// What it does not do. It opens no log file and decides nothing about identity; it does not know what a batch or a request
// is; it forgets an epoch only when told to (End).
//
// # On disk
//
// The state directory (0700, files 0600) holds generations. snap.N is the whole state as generation N began, journal.N what
// changed since. Both are sequences of frames (see frame.go) that begin with a header: format version, store id, generation.
// pack.LANE.SLOT are the contents of packs, two for each lane.
// Records state absolute facts (an offset, not a step), so that replaying one twice, or over a newer state, does no harm.
//
// Recovery: (1) the newest complete snapshot is the base; without one, the readable prefixes of all snapshots are.
// (2) The journals from that generation on are replayed in order, each up to its first bad frame. (3) What lies behind a bad
// frame is copied to NAME.bad and named by Recovered. (4) A new generation is written. The generation before it stays until
// the next one, in case the newest snapshot turns out unreadable.
//
// A file of a newer format version is refused with a *VersionError before anything is touched.
package checkpoint
