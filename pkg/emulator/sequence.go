package emulator

import (
	"fmt"
	"maps"
	"net/http"
)

// number checks the sequence id of a hash key, and remembers it: what is not above the last one of its key is a repetition.
func (l *logstore) number(key string, seq uint64) *fail {
	if last, ok := l.sequence[key]; ok && seq <= last {
		return failf(http.StatusBadRequest, "InvalidSequenceId", "The sequence id %d of hash key %s is invalid, last is %d", seq, key, last)
	}
	l.sequence[key] = seq
	return nil
}

// moved is told of a shard that takes no more data because its keys are those of other shards now.
func (l *logstore) moved(s *shard, forgets bool) {
	if forgets {
		maps.DeleteFunc(l.sequence, func(key string, _ uint64) bool { return s.owns(key) })
	}
}

// forgetSequences makes every Logstore forget what it has seen.
func (e *Emulator) forgetSequences() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.projects {
		for _, l := range p.logstores {
			clear(l.sequence)
		}
	}
}

// Split divides shard id of a Logstore into two, as its owner or automatic splitting would.
func (e *Emulator) Split(project, logstore string, id int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.projects[project]
	if p == nil || p.logstores[logstore] == nil {
		return fmt.Errorf("there is no Logstore %s in project %s", logstore, project)
	}
	l := p.logstores[logstore]
	s := l.shard(id)
	if s == nil || s.readonly {
		return fmt.Errorf("Logstore %s has no shard %d that takes data", logstore, id)
	}
	e.split(l, s, divide(s.begin, s.end, 2))
	return nil
}

// split replaces s by shards between bounds. The caller holds the lock.
func (e *Emulator) split(l *logstore, s *shard, bounds []string) []*shard {
	s.readonly = true
	l.moved(s, e.opt.SplitForgets)
	out := []*shard{s}
	for i := 1; i < len(bounds); i++ {
		child := newShard(len(l.shards), bounds[i-1], bounds[i], e.opt.Now(), s.id)
		l.shards = append(l.shards, child)
		out = append(out, child)
	}
	return out
}
