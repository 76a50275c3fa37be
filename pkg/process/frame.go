package process

import (
	"bytes"
	"time"

	"github.com/valyala/fastjson"
)

// frag is what a line says: a text or a part of one.
type frag struct {
	text  []byte
	stamp []byte // cri, docker: the time as written
	time  int64
	lane  uint8 // 0 for stdout and everything else, 1 for stderr
	part  bool  // the rest of the text is in the lane's next line
	bad   bool  // not in the format: text is the whole line
}

// frame takes a line out of its container. The texts are views of line or of s.
func (p *Program) frame(s *scratch, line []byte) frag {
	var f frag
	ok := true
	switch p.format {
	case CRI:
		f, ok = frameCRI(line)
	case Docker:
		f, ok = frameDocker(&s.parsers[0], line)
	default:
		f.text = line
	}
	if !ok {
		return frag{text: line, bad: true}
	}
	return f
}

// frameCRI reads "2016-10-06T00:17:09.669794202Z stdout P text" (kubernetes CRI logging format: tags stand apart by colons, the
// first is P for a part or F for the end of a line).
func frameCRI(line []byte) (f frag, ok bool) {
	var name, tags []byte
	if f.stamp, line, ok = bytes.Cut(line, []byte{' '}); !ok {
		return f, false
	}
	if name, line, ok = bytes.Cut(line, []byte{' '}); !ok {
		return f, false
	}
	if f.lane, ok = laneOf(name); !ok {
		return f, false
	}
	tags, f.text, _ = bytes.Cut(line, []byte{' '})
	if tag, _, _ := bytes.Cut(tags, []byte{':'}); len(tag) != 1 || tag[0] != 'P' && tag[0] != 'F' {
		return f, false
	}
	f.part = tags[0] == 'P'
	f.time, ok = parseISO(f.stamp, time.UTC, true)
	return f, ok
}

// frameDocker reads a line of the json-file driver. A log without a line feed at its end goes on in the next line.
func frameDocker(j *fastjson.Parser, line []byte) (f frag, ok bool) {
	v, err := j.ParseBytes(line)
	if err != nil {
		return f, false
	}
	text := v.Get("log")
	if text == nil || text.Type() != fastjson.TypeString {
		return f, false
	}
	f.text = text.GetStringBytes()
	f.stamp = v.GetStringBytes("time")
	if f.lane, ok = laneOf(v.GetStringBytes("stream")); !ok {
		return f, false
	}
	if f.time, ok = parseISO(f.stamp, time.UTC, true); !ok {
		return f, false
	}
	var end bool
	f.text, end = bytes.CutSuffix(f.text, []byte{'\n'})
	if f.part = !end; end {
		f.text, _ = bytes.CutSuffix(f.text, []byte{'\r'}) // a terminal's line end
	}
	return f, true
}

func laneOf(name []byte) (uint8, bool) {
	for i, l := range lanes {
		if bytes.Equal(name, l) {
			return uint8(i), true
		}
	}
	return 0, false
}
