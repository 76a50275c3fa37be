package quiet

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestTrouble(t *testing.T) {
	var out bytes.Buffer
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	now := time.Unix(1000, 0)
	tr := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: drop})), slog.LevelWarn, func() time.Time { return now })
	expect := func(want ...string) {
		t.Helper()
		got := strings.TrimSuffix(out.String(), "\n")
		if got != strings.Join(want, "\n") {
			t.Errorf("logged\n%s, want\n%s", got, strings.Join(want, "\n"))
		}
		out.Reset()
	}
	if tr.Over("well") || !tr.Since().IsZero() {
		t.Error("over before it began")
	}
	expect()
	for range 90 { // one a second
		tr.Report("ill", "code", "X")
		now = now.Add(time.Second)
	}
	expect("level=WARN msg=ill code=X", "level=WARN msg=ill code=X repeated=59 lasts=1m0s")
	if !tr.Since().Equal(time.Unix(1000, 0)) {
		t.Errorf("since %v", tr.Since())
	}
	if !tr.Over("well", "code", "X") || tr.Over("well") {
		t.Error("over once")
	}
	expect("level=INFO msg=well code=X repeated=90 lasted=1m30s")
	tr.Report("ill")
	expect("level=WARN msg=ill")

	New(nil, slog.LevelError, nil).Report("nobody listens")
}
