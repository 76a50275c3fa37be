package producer

import "sync"

// keys remembers which generations of credentials the service refused since it last accepted one.
type keys struct {
	mu  sync.Mutex
	bad map[uint64]bool
}

// refuse notes a refusal. It returns how many generations were refused, and whether this one is news.
func (k *keys) refuse(generation uint64) (n int, news bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.bad == nil || len(k.bad) > 64 { // nothing but refusals for a day or two: which ones does not matter any more
		k.bad = make(map[uint64]bool)
	}
	news = !k.bad[generation]
	k.bad[generation] = true
	return len(k.bad), news
}

func (k *keys) refused(generation uint64) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.bad[generation]
}

// accept forgets all refusals.
func (k *keys) accept() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.bad)
}
