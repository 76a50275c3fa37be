package batch

import (
	"slices"
	"unicode/utf8"

	"shipper/pkg/tail"
)

// validLines reports whether the text of all lines is UTF-8. Lines of a chunk are usually views into one block, one behind the
// other, with a line end between: then one look at the whole is enough, because a character that is cut by an ASCII line end is not valid
// in the whole either.
func validLines(lines []tail.Line) bool {
	if whole, ok := contiguous(lines); ok && utf8.Valid(whole) {
		return true
	}
	for i := range lines {
		if lines[i].Flags&tail.Skip == 0 && !utf8.Valid(lines[i].Text) {
			return false
		}
	}
	return true
}

// contiguous returns the memory from the first byte of the first line to the last byte of the last, if the lines lie there one behind
// the other as their sizes say, with something between each two.
func contiguous(lines []tail.Line) ([]byte, bool) {
	if len(lines) < 2 || cap(lines[0].Text) == 0 {
		return nil, false
	}
	last := len(lines) - 1
	whole := lines[0].Text[:cap(lines[0].Text)]
	off := 0
	for i := range lines {
		l := &lines[i]
		if l.Flags&(tail.Skip|tail.Continued|tail.Truncated) != 0 || i < last && l.Size <= len(l.Text) || off+len(l.Text) > len(whole) {
			return nil, false
		}
		if len(l.Text) > 0 && &whole[off] != &l.Text[0] {
			return nil, false
		}
		if i < last {
			off += l.Size
		}
	}
	return whole[:off+len(lines[last].Text)], true
}

// mendLocked returns text, or a copy of it that is UTF-8 and is valid until the next call.
func (w *Writer) mendLocked(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	w.batcher.count.mended.Add(1)
	w.scratch = appendValid(w.scratch[:0], text)
	return w.scratch
}

// cutPlainLocked cuts a line that is larger than the service takes.
func (w *Writer) cutPlainLocked(p plain, text []byte) []byte {
	w.batcher.count.cut.Add(1)
	return cut(text, w.hard-(p.total-len(text)))
}

// mendFieldsLocked returns fields, or a copy of them that is UTF-8 and fits a group.
func (w *Writer) mendFieldsLocked(st *stamp, fields []Field) []Field {
	bad := func(f Field) bool { return !utf8.Valid(f.Key) || !utf8.Valid(f.Value) }
	if slices.ContainsFunc(fields, bad) {
		w.batcher.count.mended.Add(1)
		fields = slices.Clone(fields)
		for i, f := range fields {
			if bad(f) {
				fields[i] = Field{Key: appendValid(nil, f.Key), Value: appendValid(nil, f.Value)}
			}
		}
	}
	excess := st.fieldsLen(fields) - w.hard
	if excess <= 0 {
		return fields
	}
	w.batcher.count.cut.Add(1)
	fields = slices.Clone(fields)
	for ; excess > 0; excess = st.fieldsLen(fields) - w.hard {
		longest := 0
		for i := range fields {
			if len(fields[i].Value) > len(fields[longest].Value) {
				longest = i
			}
		}
		if f := &fields[longest]; len(f.Value) > 0 {
			f.Value = cut(f.Value, len(f.Value)-excess)
		} else {
			fields = fields[:len(fields)-1] // keys alone are too long
		}
	}
	return fields
}
