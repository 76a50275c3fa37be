// Package stdlog writes the daemon's own messages: short text for people, priority-prefixed lines for journald, JSON for
// machines. Its callers use log/slog and know nothing of it.
package stdlog

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Formats that New knows.
const (
	Text     = "text"     // 15:04:05 WARN  message  key=value
	Journald = "journald" // <4>message  key=value
	JSON     = "json"
)

// Detect chooses a format for what stands behind f: journald if systemd says that it is, text on a terminal, else JSON.
func Detect(f *os.File, terminal bool, env func(string) string) string {
	if dev, ino, ok := strings.Cut(env("JOURNAL_STREAM"), ":"); ok {
		var st syscall.Stat_t
		if err := syscall.Fstat(int(f.Fd()), &st); err == nil &&
			dev == strconv.FormatUint(st.Dev, 10) && ino == strconv.FormatUint(st.Ino, 10) {
			return Journald
		}
	}
	if terminal {
		return Text
	}
	return JSON
}

// New returns a handler that writes records of level and above to w.
func New(w io.Writer, format string, level slog.Leveler, color bool) slog.Handler {
	if format == JSON {
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: readable})
	}
	return &handler{out: &output{w: w}, level: level, color: color, journald: format == Journald}
}

// readable writes durations as "2.1s": the number of nanoseconds that JSON gets otherwise tells nobody anything.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// output lets one record be written at a time.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// handler writes records for eyes.
type handler struct {
	out      *output
	level    slog.Leveler
	color    bool
	journald bool
	attrs    []byte // written by WithAttrs, each with its leading blanks
	group    string // prefix of keys, with its dot
}

func (h *handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	b := make([]byte, 0, 256)
	if h.journald {
		b = append(b, '<', '0'+priority(r.Level), '>')
	} else {
		b = r.Time.AppendFormat(b, "15:04:05 ")
		b = h.paint(b, r.Level)
	}
	b = append(b, r.Message...)
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool { b = h.attr(b, h.group, a); return true })
	b = append(b, '\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(b)
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		c.attrs = h.attr(c.attrs, h.group, a)
	}
	return &c
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.group += name + "."
	return &c
}

// paint writes the level's name, in colour where there is one.
func (h *handler) paint(b []byte, l slog.Level) []byte {
	code := ""
	switch {
	case l >= slog.LevelError:
		code = "31" // red
	case l >= slog.LevelWarn:
		code = "33" // yellow
	case l < slog.LevelInfo:
		code = "2" // dim
	}
	if h.color && code != "" {
		b = append(b, "\x1b["+code+"m"...)
	}
	name := l.String()
	b = append(b, name...)
	if h.color && code != "" {
		b = append(b, "\x1b[0m"...)
	}
	return append(b, "      "[:max(1, 6-len(name))]...)
}

func (h *handler) attr(b []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return b
	}
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, sub := range v.Group() {
			b = h.attr(b, prefix, sub)
		}
		return b
	}
	b = append(append(append(b, "  "...), prefix+a.Key...), '=')
	return append(b, quoted(v.String())...)
}

// quoted writes s so that it stays one word on one line: what comes from a file name or an answer may hold anything.
func quoted(s string) string {
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || r == 0x7f || r == '\ufffd' }) {
		return strconv.Quote(s)
	}
	return s
}

// priority is syslog's number for a level.
func priority(l slog.Level) byte {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}
