package process

import (
	"time"

	"github.com/valyala/fastjson"

	"shipper/pkg/batch"
)

// maxFields bounds what parsing one log can make of it, so that no content makes a step slow.
const maxFields = 1024

// keepBuffer is the most memory of one kind that waits for the next log; a larger buffer goes when the long log has gone.
const keepBuffer = 256 << 10

// scratch is what work on one log needs, borrowed from its Program for the time of a call.
type scratch struct {
	log     batch.Log
	fields  []batch.Field
	time    int64     // what Log.Time will be
	read    time.Time // when the log's first line was read
	arena   []byte    // bytes that the fields refer to and that stand nowhere in the file as they are
	parsers []fastjson.Parser
	step    int // whose parser is in use: 0 is the format's, i+1 that of step i
	tally   tally
	events  []*event // free ones
	trace   func(stage string, o outcome)
}

// reset makes s ready for the next log.
func (s *scratch) reset() {
	s.fields, s.arena, s.time = s.fields[:0], s.arena[:0], 0
	if cap(s.arena) > keepBuffer {
		s.arena = nil
	}
}

// parser returns the JSON parser of the step at work. What it returned for an earlier step stays valid for this log.
func (s *scratch) parser() *fastjson.Parser { return &s.parsers[s.step] }

// add appends a field unless there are too many.
func (s *scratch) add(key, value []byte) bool {
	if len(s.fields) >= maxFields {
		return false
	}
	s.fields = append(s.fields, batch.Field{Key: key, Value: value})
	return true
}

// find returns the index of the first field of this name, or -1.
func (s *scratch) find(key string) int {
	for i := range s.fields {
		if string(s.fields[i].Key) == key {
			return i
		}
	}
	return -1
}

// set gives a field a value, adding it if need be.
func (s *scratch) set(key, value []byte) {
	i := s.find(string(key))
	if i < 0 {
		s.add(key, value)
		return
	}
	s.fields[i].Value = value
	s.fields = s.fields[:i+1+without(s.fields[i+1:], string(key))]
}

// remove takes every field of this name away and keeps the order of the others.
func (s *scratch) remove(key string) bool {
	n := without(s.fields, key)
	found := n < len(s.fields)
	s.fields = s.fields[:n]
	return found
}

// without moves the fields of other names to the front and returns how many there are.
func without(fields []batch.Field, key string) (n int) {
	for _, f := range fields {
		if string(f.Key) != key {
			fields[n] = f
			n++
		}
	}
	return n
}

// join returns prefix + key, in the arena if there is a prefix.
func (s *scratch) join(prefix string, key []byte) []byte {
	if prefix == "" {
		return key
	}
	from := len(s.arena)
	s.arena = append(append(s.arena, prefix...), key...)
	return s.arena[from:len(s.arena):len(s.arena)]
}

// event returns a free event, empty.
func (s *scratch) event() *event {
	n := len(s.events)
	if n == 0 {
		return new(event)
	}
	ev := s.events[n-1]
	s.events = s.events[:n-1]
	return ev
}

// free takes an event back.
func (s *scratch) free(ev *event) {
	if len(s.events) >= 16 || cap(ev.buf) > keepBuffer {
		return
	}
	*ev = event{buf: ev.buf[:0], stampBuf: ev.stampBuf[:0]}
	s.events = append(s.events, ev)
}
