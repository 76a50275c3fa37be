package batch

// Adopt takes over batches that another Batcher of the same Budget sealed and that nobody sends any more. They go out before
// anything else, with the tags that they were sealed with; their memory is on b's account from now on.
func (b *Batcher) Adopt(batches ...*Batch) {
	for _, a := range batches {
		a.owner.used.Add(-a.mem)
		b.used.Add(a.mem)
		a.owner, a.Target = b, b.target
	}
	b.Return(batches...)
}

// SetShare changes this target's part of the budget to n bytes. What is in use beyond it is not taken away.
func (b *Batcher) SetShare(n int64) {
	b.share.Store(n)
	b.freed()
}
