package process

import "shipper/pkg/tail"

// Out takes the logs of one stream in order; *batch.Writer is one. The Pipe calls it from one goroutine at a time. It keeps no
// view of l or c.
type Out interface {
	// Append takes a log. c is the chunk at hand; l.Marker is set if the log ended before it.
	Append(l *Log, c *tail.Chunk)
	// Skip leaves out the next n bytes of the file on purpose.
	Skip(n int, c *tail.Chunk)
	// Ready, Jump and Finish are those of tail.Sink.
	Ready() bool
	Jump(off int64)
	Finish()
}

type Field struct{ Key, Value []byte }
type Log struct {
	Fields []Field
	Time   int64
	Size   int
	Marker tail.Marker
}
