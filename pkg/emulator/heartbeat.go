package emulator

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// heartbeat answers ?type=heartbeat&consumer=: the body lists the shards that the consumer holds, the answer those that it
// may hold from now on. Both are bare arrays.
func (c *call) heartbeat() *fail {
	var held []int
	if f := c.decodeBody(&held); f != nil {
		return f
	}
	name := c.r.URL.Query().Get("consumer")
	if name == "" {
		return failf(http.StatusBadRequest, "MissingParameter", "Missing query key : consumer")
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	l, g, f := c.group()
	if f != nil {
		return f
	}
	writeJSON(c.w, http.StatusOK, g.beat(l, name, held, c.e.opt.Now()))
	return nil
}

// beat takes one heartbeat. A shard moves to another consumer only when the one that had it has stopped to list it or has
// fallen silent.
func (g *consumerGroup) beat(l *logstore, name string, held []int, now time.Time) []int {
	g.consumers[name] = now
	for other, seen := range g.consumers {
		if now.Sub(seen) > time.Duration(g.timeout)*time.Second {
			delete(g.consumers, other)
			maps.DeleteFunc(g.holder, func(_ int, h string) bool { return h == other })
		}
	}
	for id, h := range g.holder {
		if h == name && g.owner[id] != name && !slices.Contains(held, id) {
			delete(g.holder, id)
		}
	}
	for _, id := range held {
		if g.holder[id] == "" {
			g.holder[id] = name
		}
	}
	g.assign(g.consumable(l))
	out := []int{}
	for id, o := range g.owner {
		if o == name && (g.holder[id] == "" || g.holder[id] == name) {
			g.holder[id] = name
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// consumable are the shards that may be read now: with order, not before their parents are finished.
func (g *consumerGroup) consumable(l *logstore) []int {
	done := func(id int) bool {
		s := l.shard(id)
		if s == nil || len(s.groups) == 0 && s.readonly {
			return true
		}
		at, ok := decodeCursor(g.checkpoints[id].cursor)
		return ok && s.readonly && at >= s.tail()
	}
	var out []int
	for _, s := range l.shards {
		if g.order && !slices.ContainsFunc(s.parents, func(id int) bool { return !done(id) }) || !g.order {
			out = append(out, s.id)
		}
	}
	return out
}

// assign gives every shard an owner: whoever has it keeps it, as long as nobody has more than his share.
func (g *consumerGroup) assign(shards []int) {
	names := slices.Sorted(maps.Keys(g.consumers))
	count, share, extra := map[string]int{}, len(shards)/len(names), len(shards)%len(names)
	free := []int{}
	limit := func(n string) int { // the first extra ones that reach for one more get it
		if count[n] < share {
			return share
		}
		if extra > 0 && count[n] == share {
			return share + 1
		}
		return share
	}
	give := func(id int, n string) {
		if count[n] == share {
			extra--
		}
		count[n]++
		g.owner[id] = n
	}
	maps.DeleteFunc(g.owner, func(id int, _ string) bool { return !slices.Contains(shards, id) })
	for _, id := range shards {
		if o := g.owner[id]; slices.Contains(names, o) && count[o] < limit(o) {
			give(id, o)
		} else {
			free = append(free, id)
		}
	}
	for _, id := range free {
		least := slices.MinFunc(names, func(a, b string) int { return count[a] - count[b] })
		give(id, least)
	}
}
