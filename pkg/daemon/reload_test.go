package daemon

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const app = "[input.app]\npaths = [\"DIR/app.log\"]\n"

// TestReloadNothing: what did not change is not touched.
func TestReloadNothing(t *testing.T) {
	w := newWorld(t)
	s := w.settings(app)
	s.target = "batch.max_delay = \"20ms\""
	l := w.start(t, s)
	w.add(t, "app.log", "one\n")
	l.arrives("web", "one")
	before := l.d.now().targets["central"]
	if r := l.reload(s); len(r.Changes) != 0 {
		t.Errorf("changes %q", r.Changes)
	}
	s.rest += "tags = { a = \"b\" }\n[input.more]\npaths = [\"DIR/more/*.log\"]\n"
	r := l.reload(s)
	if want := []string{`~ input.app (tags {} → { a = "b" })`, "+ input.more"}; !slices.Equal(r.Changes, want) {
		t.Errorf("changes %q, want %q", r.Changes, want)
	}
	if l.d.now().targets["central"] != before {
		t.Error("a target was rebuilt that did not change")
	}
	w.add(t, "app.log", "two\n")
	l.arrives("web", "one", "two")
}

func TestReloadInputs(t *testing.T) {
	w := newWorld(t)
	s := w.settings(app)
	s.target = "batch.max_delay = \"20ms\""
	l := w.start(t, s)
	w.add(t, "app.log", "a1\n")
	w.add(t, "old.log", "old\n")
	l.arrives("web", "a1")

	s.rest = app + "[input.old]\npaths = [\"DIR/old.log\"]\nstart_at = \"end\"\n"
	l.reload(s)
	w.add(t, "old.log", "o2\n")
	l.arrives("web", "a1", "o2") // start_at holds for what was there when the input began

	s.rest = "[input.old]\npaths = [\"DIR/old.log\"]\nstart_at = \"end\"\n"
	l.reload(s)
	w.add(t, "app.log", "a2\n")
	w.add(t, "old.log", "o3\n")
	l.arrives("web", "a1", "o2", "o3")

	s.rest += app
	l.reload(s)
	l.arrives("web", "a1", "a2", "o2", "o3") // its position was kept while it was away

	s.rest = strings.Replace(s.rest, "app.log", "b*.log", 1)
	w.add(t, "app.log", "a3\n")
	w.add(t, "b1.log", "b1\n")
	l.reload(s)
	l.arrives("web", "a1", "a2", "a3", "b1", "o2", "o3")
	until(t, "app.log is let go", func() bool { return !strings.Contains(fmt.Sprint(l.d.Snapshot().Inputs), "app.log") })
	w.add(t, "app.log", "a4\n")
	s.rest = strings.Replace(s.rest, "b*.log", "[ab]*.log", 1)
	l.reload(s)
	l.arrives("web", "a1", "a2", "a3", "a4", "b1", "o2", "o3")
}

// TestReloadKeepsHeldEvents: an event whose end was not seen goes whole through the new steps.
func TestReloadKeepsHeldEvents(t *testing.T) {
	w := newWorld(t)
	s := w.settings(app + "multiline.start = '^\\S'\nmultiline.timeout = \"1h\"\n")
	s.target = "batch.max_delay = \"20ms\""
	l := w.start(t, s)
	w.add(t, "app.log", "first\n  more\nsecond\n")
	l.arrives("web", "first\n  more")
	until(t, "second is held", func() bool { return len(l.d.pipes.pending()) == 1 })
	s.rest += "tags = { x = \"y\" }\n"
	l.reload(s)
	w.add(t, "app.log", "  and more\nthird\n")
	l.arrives("web", "first\n  more", "second\n  and more")
	s.rest = app
	l.reload(s)
	l.arrives("web", "first\n  more", "second\n  and more", "third")
}

// TestReloadMendsTarget: lines that wait for a Logstore that does not exist go to the right one.
func TestReloadMendsTarget(t *testing.T) {
	w := newWorld(t)
	s := w.settings(app)
	s.logstore, s.target = "wbe", "batch.max_delay = \"20ms\"\nassume_role.session_policy = \"off\""
	l := w.start(t, s)
	w.add(t, "app.log", "one\ntwo\n")
	until(t, "the target is held", func() bool { return l.d.now().targets["central"].producer.Stats().Held && !l.d.Snapshot().Ready })
	if err := os.Truncate(w.path("app.log"), 0); err != nil { // now they are nowhere but in memory
		t.Fatal(err)
	}
	s.logstore = "web"
	l.reload(s)
	l.arrives("web", "one", "two")
	until(t, "ready", func() bool { return l.d.Snapshot().Ready })
}

func TestReloadTargets(t *testing.T) {
	w := newWorld(t)
	two := strings.ReplaceAll(w.text(w.settings("")), w.dir, "DIR")
	two = two[strings.Index(two, "[target.central]"):]
	two = strings.Replace(two, "target.central", "target.other", 1)
	one := app + "target = \"central\"\n"
	s := w.settings(one)
	l := w.start(t, s)
	w.add(t, "app.log", "one\n")
	l.arrives("web", "one")
	first := l.d.now().targets["central"]

	s.rest = strings.Replace(one, `"central"`, `["central", "other"]`, 1) + two
	l.reload(s)
	l.arrives("web", "one", "one")
	if l.d.now().targets["central"] != first || first.batches.Stats().Share != l.d.share(l.d.now().cfg) {
		t.Error("the first target was rebuilt, or has all of the memory still")
	}
	s.endpoint = "http://127.0.0.1:1"
	s.target = "retry.max = \"200ms\""
	l.reload(s)
	w.add(t, "app.log", "two\n")
	l.arrives("web", "one", "one", "two")
	until(t, "two waits", func() bool { return !l.d.now().targets["central"].producer.Up() })

	s.rest = strings.Replace(s.rest, `["central", "other"]`, `"other"`, 1)
	l.reload(s)
	s.endpoint = "http://" + w.addr
	l.reload(s)
	l.arrives("web", "one", "one", "two", "two") // what was read before the route went is still sent

	w.add(t, "app.log", "three\n")
	s.rest = strings.Replace(s.rest, `"other"`, `["central", "other"]`, 1)
	l.reload(s)
	l.arrives("web", "one", "one", "three", "three", "two", "two")
}

// TestReloadRefuses: a bad file never replaces a good one, and everybody is told.
func TestReloadRefuses(t *testing.T) {
	w := newWorld(t)
	s := w.settings(app)
	l := w.start(t, s)
	gen := l.d.now()
	for name, row := range map[string]struct {
		change func(*settings)
		want   string
	}{
		"syntax":  {func(s *settings) { s.rest += "paths = [" }, "Nothing was changed."},
		"unknown": {func(s *settings) { s.rest += "start_att = \"end\"\n" }, `did you mean "start_at"?`},
		"memory":  {func(s *settings) { s.agent = `max_memory = "64MiB"` }, "agent.max_memory \"32MiB\" → \"64MiB\" needs a restart"},
		"socket":  {func(s *settings) { s.creds = "[log]\nformat = \"json\"\n" }, "log.format \"auto\" → \"json\" needs a restart"},
		"policy":  {func(s *settings) { s.target = `assume_role.session_policy = "/nonexistent"` }, "/nonexistent"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := s
			row.change(&bad)
			w.save(t, bad)
			r := l.d.Reload(t.Context())
			if r.OK || !strings.Contains(r.Error, row.want) || !strings.Contains(r.Error, "Nothing was changed.") {
				t.Errorf("%+v", r)
			}
			if l.d.now() != gen {
				t.Fatal("something was changed")
			}
			snap := l.d.Snapshot()
			if !strings.Contains(summary(snap.Status), "not reloaded") || snap.Config.Error != r.Error || sample(l, "shipper_config_last_reload_successful") != 0 {
				t.Errorf("summary %q, status %+v", summary(snap.Status), snap.Config)
			}
		})
	}
	w.add(t, "app.log", "one\n")
	l.arrives("web", "one")
	s.creds = "[log]\nlevel = \"debug\"\n"
	l.reload(s)
	if snap := l.d.Snapshot(); snap.Config.Error != "" || sample(l, "shipper_config_last_reload_successful") != 1 || l.d.opt.Level.Level() >= 0 {
		t.Errorf("after a good one: %+v, level %v", snap.Config, l.d.opt.Level)
	}
}

func sample(l *live, name string) float64 {
	for _, s := range l.d.Snapshot().Metrics {
		if s.Name == name {
			return s.Value
		}
	}
	return -1
}

// TestReloadOnChange swaps the directory behind a link, as a ConfigMap is updated.
func TestReloadOnChange(t *testing.T) {
	w := newWorld(t)
	mount := func(version, text string) {
		t.Helper()
		dir := w.path(version)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/shipper.toml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(version, w.path("..new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(w.path("..new"), w.path("..data")); err != nil {
			t.Fatal(err)
		}
	}
	s := w.settings(app)
	mount("v1", w.text(s))
	if err := os.Symlink("..data/shipper.toml", w.path("mounted.toml")); err != nil {
		t.Fatal(err)
	}
	l := w.startFrom(t, w.path("mounted.toml"))
	first := l.d.now().hash
	s.target = "topic = \"v2\""
	mount("v2", w.text(s))
	until(t, "the swapped file is in use", func() bool { return l.d.now().hash != first })
	second := l.d.now().hash
	mount("v3", w.text(s)+"nonsense")
	until(t, "the bad file is refused", func() bool { return l.d.Snapshot().Config.Error != "" })
	if l.d.now().hash != second {
		t.Error("a bad file replaced a good one")
	}
	mount("v4", w.text(s))
	until(t, "the error is over", func() bool { return l.d.Snapshot().Config.Error == "" })
}

// A configuration that came through a pipe cannot be read again, and to try it would be to wait for ever.
func TestReloadFromPipe(t *testing.T) {
	w := newWorld(t)
	path := w.path("pipe.toml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		if err := os.WriteFile(path, []byte(w.text(w.settings(app))), 0); err != nil {
			t.Error(err)
		}
	}()
	l := w.startFrom(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if r := l.d.Reload(ctx); r.OK || !strings.Contains(r.Error, "through a pipe") {
		t.Errorf("%+v", r)
	}
	w.add(t, "app.log", "one\n")
	l.arrives("web", "one")
}

func TestWatchWaitsForRest(t *testing.T) {
	w := watch{tried: "a"}
	for i, row := range []struct {
		now  string
		want bool
	}{{"a", false}, {"b", false}, {"c", false}, {"c", true}, {"c", false}, {"a", false}, {"c", false}, {"a", false}, {"a", true}} {
		if got := w.changed(row.now); got != row.want {
			t.Errorf("look %d at %s: %v", i, row.now, got)
		}
	}
}
