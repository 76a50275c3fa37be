package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// cgroup is a limit of memory as the kernel sets it: page cache counts, and what does not fit is killed.
type cgroup struct {
	dir string
	v2  bool
}

// confine makes a memory cgroup, or returns nil where this machine does not let us: not root, or no memory controller.
func confine(t *testing.T, limit int64) *cgroup {
	t.Helper()
	name := fmt.Sprintf("shipper-e2e-%d", os.Getpid())
	for _, g := range []cgroup{{"/sys/fs/cgroup/memory/" + name, false}, {"/sys/fs/cgroup/" + name, true}} {
		file := map[bool]string{false: "memory.limit_in_bytes", true: "memory.max"}[g.v2]
		if _, err := os.Stat(filepath.Dir(g.dir) + map[bool]string{false: "/memory.stat", true: "/cgroup.controllers"}[g.v2]); err != nil {
			continue
		}
		if g.v2 {
			_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0o644) // it may be there already
		}
		if err := os.Mkdir(g.dir, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(g.dir) })
		if err := os.WriteFile(g.dir+"/"+file, fmt.Append(nil, limit), 0o644); err != nil {
			continue
		}
		if g.v2 {
			_ = os.WriteFile(g.dir+"/memory.swap.max", []byte("0"), 0o644)
		}
		return &g
	}
	return nil
}

// within makes arguments of exec.Command that run a program in g.
func (g *cgroup) within(program string, args ...string) []string {
	if g == nil {
		return append([]string{program}, args...)
	}
	return append([]string{"/bin/sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, g.dir, program}, args...)
}

func (g *cgroup) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, name))
	must(t, err)
	return strings.TrimSpace(string(b))
}

// kills is how often the kernel has killed something for want of memory.
func (g *cgroup) kills(t *testing.T) int {
	t.Helper()
	file := map[bool]string{false: "memory.oom_control", true: "memory.events"}[g.v2]
	for line := range strings.Lines(g.read(t, file)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			kills, err := strconv.Atoi(n)
			must(t, err)
			return kills
		}
	}
	t.Fatalf("%s does not count kills", file)
	return 0
}

// own is the memory that is the program's own and not cache, now.
func (g *cgroup) own(t *testing.T) int64 {
	t.Helper()
	for line := range strings.Lines(g.read(t, "memory.stat")) {
		name, n, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "anon" && g.v2 || name == "rss" && !g.v2 {
			bytes, err := strconv.ParseInt(n, 10, 64)
			must(t, err)
			return bytes
		}
	}
	t.Fatal("memory.stat does not tell")
	return 0
}
