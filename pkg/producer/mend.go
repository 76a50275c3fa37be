package producer

import (
	"time"
	"unicode/utf8"
)

// mend is a kind of fault in single logs that can be repaired, as the service complains about it.
type mend uint8

const (
	mendTime mend = 1 << iota
	mendEncoding
	mendKey
)

// What the service takes as a log's time (help: PutLogs), with a minute to spare.
const (
	oldest = 7*24*time.Hour - time.Minute
	newest = 15*time.Minute - time.Minute
)

// maxKey is the longest key, in bytes (help: data model).
const maxKey = 128

// mender repairs a LogGroup.
type mender struct {
	what  mend
	now   time.Time // by the service's clock
	force bool      // this log is the one: repair it even if it looks right to us
	logs  int       // logs that were changed
	other bool      // topic, source or tags were changed
}

// group returns a repaired copy of a LogGroup. A group that cannot be read comes back as it is.
func (m *mender) group(group []byte) []byte {
	out := make([]byte, 0, len(group)+64)
	for rest := group; len(rest) > 0; {
		f, tail, err := next(rest)
		if err != nil {
			return group
		}
		rest = tail
		switch {
		case f.kind != lengthy:
			out = append(out, f.raw...)
		case f.num == groupLogs:
			log, changed := m.log(f.data)
			if changed {
				m.logs++
			}
			out = appendBytes(out, f.num, log)
		case f.num == groupTags:
			pair, changed := m.pair(f.data)
			m.other = m.other || changed
			if pair != nil {
				out = appendBytes(out, f.num, pair)
			}
		default:
			text, changed := m.text(f.data)
			m.other = m.other || changed
			out = appendBytes(out, f.num, text)
		}
	}
	return out
}

// log repairs one log.
func (m *mender) log(log []byte) (out []byte, changed bool) {
	out = make([]byte, 0, len(log)+16)
	setTime := m.what&mendTime != 0 && (m.force || m.outside(log))
	if setTime {
		out = appendVarint(out, logTime, uint64(max(m.now.Unix(), 0)))
		out = appendFixed32(out, logTimeNS, uint32(m.now.Nanosecond()))
		changed = true
	}
	contents := 0
	for rest := log; len(rest) > 0; {
		f, tail, err := next(rest)
		if err != nil {
			return log, false
		}
		rest = tail
		switch {
		case setTime && (f.num == logTime || f.num == logTimeNS):
		case f.num == logContents && f.kind == lengthy:
			pair, ch := m.pair(f.data)
			changed = changed || ch
			if pair != nil {
				out = appendBytes(out, f.num, pair)
				contents++
			}
		default:
			out = append(out, f.raw...)
		}
	}
	if contents == 0 {
		return log, false // nothing would be left of it
	}
	return out, changed
}

// outside reports whether a log's time is one that the service refuses.
func (m *mender) outside(log []byte) bool {
	for rest := log; len(rest) > 0; {
		f, tail, err := next(rest)
		if err != nil {
			return false
		}
		if rest = tail; f.num == logTime && f.kind == varint {
			t := time.Unix(int64(min(f.number(), 1<<40)), 0)
			return t.Before(m.now.Add(-oldest)) || t.After(m.now.Add(newest))
		}
	}
	return true
}

// pair repairs a key and its value; nil when the key is empty and has to go.
func (m *mender) pair(pair []byte) (out []byte, changed bool) {
	out = make([]byte, 0, len(pair)+8)
	hasKey := false
	for rest := pair; len(rest) > 0; {
		f, tail, err := next(rest)
		if err != nil {
			return pair, false
		}
		rest = tail
		if f.kind != lengthy {
			out = append(out, f.raw...)
			continue
		}
		text, ch := m.text(f.data)
		if f.num == pairKey {
			var k bool
			text, k = m.key(text)
			ch = ch || k
			hasKey = len(text) > 0
		}
		changed = changed || ch
		out = appendBytes(out, f.num, text)
	}
	if !hasKey && m.what&mendKey != 0 {
		return nil, true
	}
	return out, changed
}

// text replaces what is not UTF-8.
func (m *mender) text(s []byte) ([]byte, bool) {
	if m.what&mendEncoding == 0 || utf8.Valid(s) {
		return s, false
	}
	return toValid(s), true
}

// key shortens a key and, forced, replaces everything but letters, digits and underscores.
func (m *mender) key(key []byte) ([]byte, bool) {
	if m.what&mendKey == 0 {
		return key, false
	}
	out := key
	if len(out) > maxKey {
		cut := maxKey
		for cut > 0 && !utf8.RuneStart(out[cut]) {
			cut--
		}
		out = out[:cut]
	}
	if m.force {
		out = plainKey(out)
	}
	return out, string(out) != string(key)
}

// plainKey is key in the strictest form that the documents name: letters, digits and underscores, no digit first.
func plainKey(key []byte) []byte {
	out := make([]byte, 0, len(key)+1)
	for i, c := range key {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
			out = append(out, c)
		case c >= '0' && c <= '9':
			if i == 0 {
				out = append(out, '_')
			}
			out = append(out, c)
		default:
			out = append(out, '_')
		}
	}
	return out[:min(len(out), maxKey)]
}

// toValid is bytes.ToValidUTF8 with U+FFFD for each bad byte, so that as many characters stay as bytes were bad.
func toValid(s []byte) []byte {
	out := make([]byte, 0, len(s)+16)
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		out = utf8.AppendRune(out, r)
		s = s[n:]
	}
	return out
}
