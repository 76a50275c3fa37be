package spare

import (
	"sync"
	"testing"
)

// What is kept is no more than was in use at once, on however many processors.
func TestKeepsWhatWasInUseAtOnce(t *testing.T) {
	var l List[int]
	var mu sync.Mutex
	made, used, most := 0, 0, 0
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for range 1000 {
				mu.Lock()
				used++
				most = max(most, used)
				mu.Unlock()
				v := l.Get()
				if v == nil {
					v = new(int)
					mu.Lock()
					made++
					mu.Unlock()
				}
				*v++
				l.Put(v)
				mu.Lock()
				used--
				mu.Unlock()
			}
		})
	}
	users.Wait()
	if made > most || len(l.free) != made {
		t.Errorf("%d made, %d kept, %d in use at once", made, len(l.free), most)
	}
}

func TestTrim(t *testing.T) {
	var l List[int]
	if l.Get() != nil {
		t.Fatal("something out of nothing")
	}
	l.Put(new(1))
	l.Put(new(2))
	l.Trim() // both were in use
	if len(l.free) != 2 {
		t.Fatalf("%d kept", len(l.free))
	}
	l.Put(l.Get())
	l.Trim()
	if len(l.free) != 1 || *l.free[0] != 2 {
		t.Fatalf("%d kept, one was needed", len(l.free))
	}
	if l.Trim(); l.Get() != nil {
		t.Error("kept although nobody needed it")
	}
}
