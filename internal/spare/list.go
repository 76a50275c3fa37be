package spare

import "sync"

// List is what waits to be used again. The zero value is empty. It is safe for concurrent use.
type List[T any] struct {
	mu    sync.Mutex
	free  []*T
	least int // how many were never needed since the last Trim
}

// Get returns what was put back last; nil if there is nothing.
func (l *List[T]) Get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.free) - 1
	if last < 0 {
		return nil
	}
	v := l.free[last]
	l.free[last], l.free = nil, l.free[:last]
	l.least = min(l.least, last)
	return v
}

// Put keeps v, which its owner must not use any more.
func (l *List[T]) Put(v *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, v)
}

// Trim gives up what was not needed since the last Trim.
func (l *List[T]) Trim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := copy(l.free, l.free[l.least:])
	clear(l.free[kept:])
	l.free, l.least = l.free[:kept], kept
}
