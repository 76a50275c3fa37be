package process

import (
	"time"

	"shipper/pkg/tail"
)

// event is what will be a log: one line, the parts of one, or several lines.
type event struct {
	start  int64       // offset of its first byte
	before tail.Marker // of the bytes before start, once it has outlived the chunk it began in
	read   time.Time   // when its first line was read
	last   time.Time   // when its last line was read
	time   int64       // what the container's runtime says, or 0
	text   []byte      // a view of the chunk, or buf
	stamp  []byte      // the runtime's time as written; a view or stampBuf
	from   int         // where the last line begins in text
	lines  int
	blank  int // empty lines after the last one; they belong to the event if another line follows
	lane   uint8
	open   bool // there may be more
	alone  bool // ends with its line, whatever follows
	piece  bool // the rest of an event that was cut
	bad    bool // not in the input's format
	owned  bool // text and stamp stand in buf and stampBuf

	buf, stampBuf []byte
}

// own copies what ev only has a view of.
func (ev *event) own() {
	if ev.owned {
		return
	}
	ev.buf = append(ev.buf[:0], ev.text...)
	ev.stampBuf = append(ev.stampBuf[:0], ev.stamp...)
	ev.text, ev.stamp, ev.owned = ev.buf, ev.stampBuf, true
}

// grow adds text, after a line feed if it is another line, and one for each empty line before it.
func (ev *event) grow(text []byte, newLine bool, read time.Time) {
	ev.own()
	if newLine {
		ev.buf = ev.endLines(ev.buf)
		ev.from = len(ev.buf)
		ev.lines += ev.blank + 1
		ev.blank = 0
	}
	ev.buf = append(ev.buf, text...)
	ev.text, ev.last = ev.buf, read
}

// endLines appends a line feed for the last line and for each empty one behind it.
func (ev *event) endLines(dst []byte) []byte {
	for range ev.blank + 1 {
		dst = append(dst, '\n')
	}
	return dst
}

// judge says what a new line is to the event before it: a part of it, or the beginning of one, which may end with it.
func (m *multiline) judge(line []byte) (joins, alone bool) {
	switch {
	case m.start != nil:
		if m.start.Match(line) {
			return false, false
		}
		joins = m.cont == nil || m.cont.Match(line)
		return joins, !joins
	case m.cont != nil:
		return m.cont.Match(line), false
	default: // the line before would have ended the event
		return true, false
	}
}
