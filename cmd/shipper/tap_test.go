package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/pkg/admin"
)

// tapOf is a Tap with logs that are there already.
type tapOf chan admin.TapLog

func (t tapOf) Logs() <-chan admin.TapLog { return t }
func (t tapOf) Counts() admin.TapCounts   { return admin.TapCounts{Seen: 9, Shown: 2} }
func (t tapOf) Close()                    {}

// serveAdmin runs an admin server on the control socket of a configuration, until the test ends.
func serveAdmin(t *testing.T, o admin.Options) (config string) {
	t.Helper()
	dir := t.TempDir()
	config = writeConfigAt(t, filepath.Join(dir, "shipper.toml"), testedConfig+"[agent]\nstate_dir = \""+dir+"\"\n[admin]\nlisten = \"\"\n")
	o.Socket, o.Log, o.Beats = filepath.Join(dir, "shipper.sock"), slog.New(slog.DiscardHandler), admin.NewBeats(time.Now)
	if o.Look == nil {
		o.Look = func() admin.Snapshot { return admin.Snapshot{} }
	}
	s, err := admin.Listen(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return config
}

func TestTapCommand(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.Local)
	logs := []admin.TapLog{
		{Input: "app", Target: "central", Path: "/var/log/a\x1b[2J.log", Time: at, Fields: []admin.TapField{
			{Key: "level", Value: "info"}, {Key: "msg", Value: "two words\x1b[2J", Cut: 70}}},
		{Input: "app", Target: "central", Path: "/var/log/a.log", Time: at, Dropped: true,
			Fields: []admin.TapField{{Key: "content", Value: "x"}},
			Stages: []admin.TapStage{{Name: "format plain", Fields: []admin.TapField{{Key: "content", Value: "x"}}}, {Name: "drop_if", Fields: []admin.TapField{{Key: "content", Value: "x"}}}}},
	}
	asked := make(chan admin.TapRequest, 1)
	config := serveAdmin(t, admin.Options{Tap: func(r admin.TapRequest) (admin.Tap, error) {
		asked <- r
		tap := make(tapOf, len(logs))
		for _, l := range logs {
			tap <- l
		}
		return tap, nil
	}})
	out, errs, code := call(t, "tap", "-c", config, "-n", "1")
	if want := `12:00:00.000 app → central /var/log/a\x1b[2J.log level=info msg="two words\x1b[2J"...(70 bytes more)` + "\n"; code != exitOK || out != want {
		t.Errorf("exit code %d, printed\n%q, want\n%q", code, out, want)
	}
	if !strings.Contains(errs, "1 log shown, about 7 more went by (--rate 10)") {
		t.Errorf("stderr %q", errs)
	}
	<-asked
	out, _, code = call(t, "tap", "-c", config, "-n", "2", "--inspect", "--input", "app", "--file", "a b", "--rate", "5")
	if code != exitOK || !strings.HasSuffix(out, "  format plain\n    + content = \"x\"\n  drop_if   drops it\n") {
		t.Errorf("exit code %d, printed\n%s", code, out)
	}
	if got, want := <-asked, (admin.TapRequest{Input: "app", File: "a b", Rate: 5, Inspect: true}); got != want {
		t.Errorf("asked for %+v", got)
	}
	out, _, code = call(t, "tap", "-c", config, "-n", "1", "--json")
	if <-asked; code != exitOK || !strings.HasPrefix(out, `{"input":"app","target":"central"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("exit code %d, printed\n%s", code, out)
	}
	if _, errs, code := call(t, "tap", "-c", config, "--for", "10ms", "-n", "100"); code != exitOK {
		t.Errorf("--for: exit code %d, %s", code, errs)
	}
}

func TestTapCommandRefuses(t *testing.T) {
	for _, args := range [][]string{{"--rate", "0"}, {"--rate", "1001"}, {"-n", "-1"}, {"--input", "nobody"}, {"--target", "nobody"}} {
		if _, errs, code := call(t, append([]string{"tap", "-c", writeConfig(t, testedConfig)}, args...)...); code != exitUsage {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	quiet := writeConfig(t, testedConfig+"[agent]\nstate_dir = \""+t.TempDir()+"\"\n")
	if _, errs, code := call(t, "tap", "-c", quiet); code != exitUnavailable || !strings.Contains(errs, "is it running?") {
		t.Errorf("without a daemon: exit code %d, %s", code, errs)
	}
	config := serveAdmin(t, admin.Options{Tap: func(admin.TapRequest) (admin.Tap, error) { return nil, admin.ErrTaps }})
	if _, errs, code := call(t, "tap", "-c", config); code != exitUnavailable || !strings.Contains(errs, "too many") || strings.Contains(errs, "is it running?") {
		t.Errorf("too many: exit code %d, %s", code, errs)
	}
}
