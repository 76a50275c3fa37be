package tail

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// glancing follows what matches *.log in dir by sweeps alone.
type glancing struct {
	*Tailer
	t   *testing.T
	w   *world
	dir string
}

func newGlancing(t *testing.T, paths ...string) *glancing {
	g := &glancing{t: t, w: newWorld(t), dir: t.TempDir()}
	for i, p := range paths {
		paths[i] = filepath.Join(g.dir, p)
	}
	o := g.w.options(paths...)
	o.Sweep = 1
	g.Tailer = still(t, g.w, o)
	g.coarse = grain()
	return g
}

func (g *glancing) path(name string) string { return filepath.Join(g.dir, name) }

func (g *glancing) sweep() {
	g.sweepNow()
	g.step(stepTick)
	drain(g.Tailer)
	g.step(0)
	drain(g.Tailer)
}

// calm sweeps until nothing but glances is needed.
func (g *glancing) calm() {
	g.t.Helper()
	settled(g.t, g.dir)
	g.sweep()
	n := g.dirs[g.dir].number
	if g.sweep(); g.dirs[g.dir].number != n {
		g.t.Fatal("an unchanged directory is listed again")
	}
}

// quick does what changes nothing in the directory, and sweeps: it must not be listed for that.
func (g *glancing) quick(do func(), want ...string) {
	g.t.Helper()
	g.calm()
	n := g.dirs[g.dir].number
	do()
	g.sweep()
	if g.dirs[g.dir].number != n {
		g.t.Error("the directory was listed, so nothing is proved")
	}
	g.w.wants(g.t, want...)
}

// slow does what changes the directory, and sweeps.
func (g *glancing) slow(do func(), want ...string) {
	g.t.Helper()
	g.calm()
	n := g.dirs[g.dir].number
	do()
	g.sweep()
	if g.dirs[g.dir].number == n {
		g.t.Error("the directory was not listed although names in it have changed")
	}
	g.w.wants(g.t, want...)
}

// TestGlance changes files in ways that their directory shows and in ways that it does not: a sweep that does not list it sees
// the same as one that does.
func TestGlance(t *testing.T) {
	g := newGlancing(t, "*.log")
	app, second := g.path("app.log"), g.path("second.log")
	g.slow(func() { write(t, app, "one\n"); write(t, second, "other\n") }, "one", "other")
	g.quick(func() { write(t, app, "two\n") }, "two")
	g.quick(func() { g.closeFile(g.at(app)); write(t, app, "closed\n") }, "closed")
	g.quick(func() {
		if err := os.Truncate(app, 0); err != nil {
			t.Fatal(err)
		}
	})
	g.quick(func() { write(t, app, "after truncation\n") }, "after truncation")
	g.quick(func() { rewrite(t, app, "rewritten in place\n") }, "rewritten in place")
	g.slow(func() { os.Rename(app, app+".1"); write(t, app, "next\n") }, "next")
	g.slow(func() { write(t, g.path("new"), "renamed here\n"); os.Rename(g.path("new"), app) }, "renamed here")
	g.slow(func() { os.Remove(app) })
	if g.at(app) != nil {
		t.Error("a path that is gone leads to a file")
	}
	g.slow(func() { write(t, app, "back\n") }, "back")
	g.slow(func() { os.Link(second, g.path("hard.log")) })
	g.quick(func() { write(t, second, "by two names\n") }, "by two names")
	if err := g.w.balance(g.Tailer); err != nil {
		t.Error(err)
	}
}

// TestGlanceAtLinks changes what links lead to, in directories that nobody looks at.
func TestGlanceAtLinks(t *testing.T) {
	g := newGlancing(t, "*.log")
	away := t.TempDir()
	first, second, current := filepath.Join(away, "first"), filepath.Join(away, "second"), filepath.Join(away, "current")
	write(t, first, "one\n")
	os.Symlink(first, current)
	g.slow(func() {
		os.Symlink(current, g.path("app.log"))
		os.Symlink(filepath.Join(away, "late"), g.path("late.log"))
	}, "one")
	g.quick(func() { write(t, first, "two\n") }, "two")
	g.quick(func() {
		write(t, second, "three\n")
		os.Symlink(second, current+".new")
		os.Rename(current+".new", current)
	}, "three")
	g.quick(func() { write(t, filepath.Join(away, "late"), "four\n") }, "four")
	g.quick(func() { os.Remove(current) })
	if g.at(g.path("app.log")) != nil {
		t.Error("a link that leads nowhere leads to a file")
	}
	g.quick(func() { os.Symlink(second, current); write(t, second, "five\n") }, "five")
	g.quick(func() { os.Remove(current); os.Symlink(current, current) })
	if g.Stats().Unreadable != 1 {
		t.Error("a link in a circle is not told")
	}
}

// TestGlanceBelow finds directories that could not be entered before, and those that links lead to.
func TestGlanceBelow(t *testing.T) {
	g := newGlancing(t, "*/*.log")
	away := t.TempDir()
	g.slow(func() { os.Symlink(filepath.Join(away, "sub"), g.path("sub")) })
	g.quick(func() {
		os.Mkdir(filepath.Join(away, "sub"), 0o755)
		write(t, filepath.Join(away, "sub", "a.log"), "one\n")
	}, "one")
}

// TestGlanceForbidden takes the permission for a directory away and gives it back: nothing is forgotten in between.
func TestGlanceForbidden(t *testing.T) {
	g := newGlancing(t, "sub/*.log")
	app := g.path("sub/app.log")
	os.Mkdir(g.path("sub"), 0o755)
	write(t, app, "one\n")
	g.calm()
	g.w.wants(t, "one")
	write(t, app, "two\n")
	for _, mode := range []os.FileMode{0, 0o444, 0o111} {
		os.Chmod(g.path("sub"), mode)
		asNobody(func() { g.sweep(); g.sweep() })
	}
	if g.at(app) == nil {
		t.Error("a path that could not be looked at was forgotten")
	}
	os.Chmod(g.path("sub"), 0o755)
	g.sweep()
	g.w.wants(t, "two")
	if n := g.Stats().Unreadable; n != 0 {
		t.Errorf("%d paths are unreadable", n)
	}
}

// TestGlanceUnderMount puts another file over one without the directory noticing.
func TestGlanceUnderMount(t *testing.T) {
	runtime.LockOSThread() // for ever: the name space for mounts ends with the thread
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		t.Skip("no name space for mounts: ", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skip("no private mounts: ", err)
	}
	g := newGlancing(t, "*.log")
	app, other := g.path("app.log"), filepath.Join(t.TempDir(), "other")
	write(t, app, "one\n")
	write(t, other, "two\n")
	g.calm()
	g.w.wants(t, "one")
	if err := unix.Mount(other, app, "", unix.MS_BIND, ""); err != nil {
		t.Skip("no bind mount: ", err)
	}
	g.sweep()
	g.w.wants(t, "two")
	g.quick(func() { write(t, other, "three\n") }, "three")
	if err := unix.Unmount(app, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	g.quick(func() { write(t, app, "four\n") }, "four")
}

// TestGlanceNotOnNetwork lists directories of network file systems each time, and others now and then.
func TestGlanceNotOnNetwork(t *testing.T) {
	g := newGlancing(t, "*.log")
	write(t, g.path("app.log"), "one\n")
	g.calm()
	seen := []uint64{g.dirs[g.dir].number}
	for range 3 * maxGlances {
		if g.sweep(); !slices.Contains(seen, g.dirs[g.dir].number) {
			seen = append(seen, g.dirs[g.dir].number)
		}
	}
	if len(seen) < 2 || len(seen) > maxGlances {
		t.Errorf("%d listings in %d sweeps", len(seen), 3*maxGlances)
	}
	g.remote = func(string) (string, bool) { return "nfs", true }
	g.dirs[g.dir].glances = maxGlances
	g.sweep()
	n := g.dirs[g.dir].number
	if g.sweep(); g.dirs[g.dir].number == n {
		t.Error("a directory on a network file system is not listed")
	}
}

// asNobody does something without the rights of root over files, if they are there. Such rights belong to a thread.
func asNobody(do func()) {
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		unix.SetfsuidRetUid(65534)
		defer unix.SetfsuidRetUid(0)
	}
	do()
}

// rewrite puts another content into a file as "> file" does.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
