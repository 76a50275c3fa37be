// Package batch turns lines into LogGroups: protobuf wire bytes in batches that are bounded by bytes, logs and age, within a
// memory budget that the whole process shares.
//
// Promise. A line is copied once, from the reader's block into the open batch of its stream, without an allocation. A batch
// holds lines of one stream, so that a LogGroup has one path, one pack id and one range of bytes. Every byte that a Writer
// takes is entered in the checkpoint ledger, in the order of the file, and belongs to exactly one batch or is settled as skipped.
// No batch is without logs. Memory that is used up makes Ready false, and whoever was told so is woken when there is room:
// the log file is the buffer.
//
// Callers. pkg/tail and pkg/process write through a Writer; pkg/producer takes batches, settles them and frees them; pkg/daemon
// runs the Batcher. One Batcher serves one target.
//
// What it does not do. It sends nothing and retries nothing, it never blocks the writer, and it looks at no line beyond making
// it valid UTF-8, because the service refuses a whole group for one bad byte.
//
// Locks: Writer.mu is taken before Batcher.mu. Neither is held while Options.Wake is called.
package batch
