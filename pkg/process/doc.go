// Package process turns the lines of a stream into logs: it takes them out of their container (CRI, Docker, JSON), joins the
// lines of one event, takes values and times out of them, and drops or redacts what must not leave the host.
//
// Promise:
//
//   - An input without a setting of this package costs nothing: Program.Plain is true and the tailer writes to the batch
//     directly.
//   - Every byte of the file is accounted for, in order: the sizes of the logs and of what is skipped add up to the sizes of the
//     lines. A log stands for whole lines (or the pieces into which the tailer split one), so a committed position is always the
//     border of an event, and a restart begins with one.
//   - How the file was cut into chunks never changes a log.
//   - No content can make it panic, and no content is lost to a step that does not fit it: a line that cannot be parsed goes on
//     as it is, a time that cannot be read leaves the time of reading, and both are counted.
//   - What is held back of a stream (events whose end was not seen) is bounded by multiline.max_bytes, in a container's file by
//     twice as much, and one line or piece of one.
//
// How an event begins decides for the whole of it. When it had to be cut (longer than max_bytes or max_lines, or a line longer
// than the input's max_line), the pieces after the first are sent or dropped as the first was and bear its time; they are not
// parsed, but they are redacted, also what a cut runs through (seam.go). When a restart falls between the pieces of an event, the rest
// is taken for an event of its own.
//
// pkg/config decodes Config, the daemon makes one Program an input and one Pipe a stream and calls Pipe.Tick once a second for
// pipes with something pending, and the tailer writes to the Pipe. The package does not read files, does not know about
// Kubernetes, and does not judge whether the service will like a time or a key: pkg/batch and pkg/producer do.
package process
