package process

import (
	"shipper/pkg/batch"
	"shipper/pkg/tail"
)

// Out takes the logs of one stream in order; *batch.Writer is one. The Pipe calls it from one goroutine at a time. It keeps no
// view of l or c.
type Out interface {
	// Append takes a log, or without fields the bytes that a dropped one stood for. c is the chunk at hand, an empty one if
	// there is none; l.Marker is set if the log ended before it.
	Append(l *batch.Log, c *tail.Chunk)
	// Skip leaves out the next n bytes of the file, which the tailer gave up.
	Skip(n int, c *tail.Chunk)
	// Ready, Jump and Finish are those of tail.Sink.
	Ready() bool
	Jump(off int64)
	Finish()
}

var _ Out = (*batch.Writer)(nil)

var _ tail.Gatherer = (*Pipe)(nil)

// Lacks implements tail.Gatherer for an Out that does.
func (p *Pipe) Lacks() int {
	if g, ok := p.out.(tail.Gatherer); ok {
		return g.Lacks()
	}
	return 0
}

// Pass implements tail.Gatherer. Lines that wait for the end of their event stay.
func (p *Pipe) Pass() {
	if g, ok := p.out.(tail.Gatherer); ok {
		g.Pass()
	}
}
