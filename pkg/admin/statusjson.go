package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// writeStatus writes s as indented JSON, as json.Encoder does, but file by file: for thousands of files the whole text, and the one
// without indentation that it is made from, would be megabytes.
func writeStatus(w io.Writer, s Status) error {
	out := bufio.NewWriterSize(w, 16<<10)
	f := &statusWriter{out: out}
	inputs := s.Inputs
	s.Inputs = nil
	f.around(s, "", "inputs", len(inputs), inputs == nil, func(i int) {
		in := inputs[i]
		files := in.Files
		in.Files = nil
		f.around(in, "    ", "files", len(files), files == nil, func(i int) { f.value(files[i], "        ") })
	})
	f.text([]byte("\n"))
	if f.err != nil {
		return f.err
	}
	return out.Flush()
}

// statusWriter writes values until something fails.
type statusWriter struct {
	out *bufio.Writer
	buf bytes.Buffer
	err error
}

const step = "  "

// around writes v, in which the list called name is nil, with n items in the place of that list.
func (f *statusWriter) around(v any, prefix, name string, n int, null bool, item func(i int)) {
	whole, err := json.MarshalIndent(v, prefix, step)
	mark := fmt.Sprintf("\n%s%s%q: null", prefix, step, name) // no string of JSON holds a line feed
	before, after, ok := bytes.Cut(whole, []byte(mark))
	if err == nil && !ok {
		err = fmt.Errorf("%T has no list %s", v, name)
	}
	if f.err == nil {
		f.err = err
	}
	if null || f.err != nil {
		f.text(whole)
		return
	}
	f.text(before)
	f.text([]byte(mark[:len(mark)-len("null")] + "["))
	for i := range n {
		if i > 0 {
			f.text([]byte(","))
		}
		f.text([]byte("\n" + prefix + step + step))
		item(i)
	}
	if n > 0 {
		f.text([]byte("\n" + prefix + step))
	}
	f.text([]byte("]"))
	f.text(after)
}

// value writes v.
func (f *statusWriter) value(v any, prefix string) {
	if f.err != nil {
		return
	}
	f.buf.Reset()
	enc := json.NewEncoder(&f.buf)
	enc.SetIndent(prefix, step)
	f.err = enc.Encode(v)
	f.text(bytes.TrimSuffix(f.buf.Bytes(), []byte("\n")))
}

func (f *statusWriter) text(b []byte) {
	if f.err == nil {
		_, f.err = f.out.Write(b)
	}
}
