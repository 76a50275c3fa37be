package stdlog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		format string
		color  bool
		level  slog.Level
		want   string
	}{
		{Text, false, slog.LevelInfo, "03:04:05 INFO  hello  target=central  err=\"a b\"  g.path=/x\n"},
		{Text, true, slog.LevelError, "03:04:05 \x1b[31mERROR\x1b[0m hello  target=central  err=\"a b\"  g.path=/x\n"},
		{Journald, false, slog.LevelWarn, "<4>hello  target=central  err=\"a b\"  g.path=/x\n"},
		{Journald, false, slog.LevelDebug, "<7>hello  target=central  err=\"a b\"  g.path=/x\n"},
	} {
		var out bytes.Buffer
		h := New(&out, c.format, slog.LevelDebug, c.color).WithAttrs([]slog.Attr{slog.String("target", "central")})
		r := slog.NewRecord(at, c.level, "hello", 0)
		r.AddAttrs(slog.String("err", "a b"), slog.Group("g", slog.String("path", "/x")))
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("%s: got %q, want %q", c.format, out.String(), c.want)
		}
	}
}

func TestALogLineStaysOneLine(t *testing.T) {
	var out bytes.Buffer
	slog.New(New(&out, Text, slog.LevelInfo, false)).Info("m", "path", "/var/log/\nERROR forged", "k", "")
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("%d lines: %q", n, out.String())
	}
}

func TestJSONDurations(t *testing.T) {
	var out bytes.Buffer
	slog.New(New(&out, JSON, slog.LevelInfo, false)).Info("m", "lasted", 1500*time.Millisecond)
	if !bytes.Contains(out.Bytes(), []byte(`"lasted":"1.5s"`)) {
		t.Error(out.String())
	}
}

func TestDetect(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	env := func(v string) func(string) string { return func(string) string { return v } }
	if got := Detect(f, false, env(fmt.Sprintf("%d:%d", st.Dev, st.Ino))); got != Journald {
		t.Errorf("a stream of the journal: %s", got)
	}
	if got := Detect(f, true, env("1:1")); got != Text {
		t.Errorf("a terminal whose parent logs to the journal: %s", got)
	}
	if got := Detect(f, false, env("")); got != JSON {
		t.Errorf("a pipe: %s", got)
	}
}
