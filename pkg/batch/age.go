package batch

import (
	"context"
	"time"
)

// list is the writers with an open batch, oldest first. Guarded by Batcher.mu, as are the links and opened in Writer.
type list struct {
	first, last *Writer
	n           int
}

func (l *list) push(w *Writer) {
	w.listed, w.prev, w.next = true, l.last, nil
	if l.last != nil {
		l.last.next = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

func (l *list) remove(w *Writer) {
	if !w.listed {
		return
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.listed, w.prev, w.next = false, nil, nil
	l.n--
}

// opening puts w at the end of the list.
func (b *Batcher) opening(w *Writer, now time.Time) {
	b.mu.Lock()
	w.opened = now
	b.open.push(w)
	if b.open.first == w {
		poke(b.aging)
	}
	b.mu.Unlock()
}

// closing takes w off the list and returns when its batch was opened.
func (b *Batcher) closing(w *Writer) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open.remove(w)
	return w.opened
}

// Run seals batches that are older than max_delay, until ctx ends. It leaves open what is open then: see Seal and Close.
func (b *Batcher) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.aging:
		case <-timer.C:
		}
		if wait, some := b.sealOld(); some {
			timer.Reset(wait)
		}
	}
}

// sealOld seals what is too old. It returns how long the next one has, if there is one.
func (b *Batcher) sealOld() (wait time.Duration, some bool) {
	for {
		b.mu.Lock()
		w := b.open.first
		if w == nil {
			b.mu.Unlock()
			return 0, false
		}
		opened := w.opened
		b.mu.Unlock()
		if wait := b.config.MaxDelay.D() - b.now().Sub(opened); wait > 0 {
			return wait, true
		}
		w.sealIf(opened, reasonAge)
	}
}

// Seal seals every batch that is open now.
func (b *Batcher) Seal() {
	b.mu.Lock()
	n := b.open.n
	b.mu.Unlock()
	for ; n > 0 && b.sealFirst(reasonAsked); n-- {
	}
}

// sealFirst seals the batch that has waited longest. It is false if none is open.
func (b *Batcher) sealFirst(why reason) bool {
	b.mu.Lock()
	w := b.open.first
	if w == nil {
		b.mu.Unlock()
		return false
	}
	opened := w.opened
	b.mu.Unlock()
	w.sealIf(opened, why)
	return true
}
