package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Agent is the [agent] table: what holds for the whole process.
type Agent struct {
	// Name is this host's name in the tag __hostname__ of every log. Default "${HOSTNAME}".
	Name string `toml:"name"`
	// StateDir holds reading positions, dead letters, requests that wait for their answer (exactly_once) and what a stop saves of
	// deleted files. One shipper at a time may use it. Under systemd $STATE_DIRECTORY wins. Default "/var/lib/shipper".
	StateDir string `toml:"state_dir"`
	// Drain says what happens on SIGTERM: "host" sends what has been read and stops; "sidecar" goes on reading until the files are
	// quiet for drain_idle, because the application still writes its last lines; "auto" (the default) is sidecar inside a
	// Kubernetes pod (KUBERNETES_SERVICE_HOST is set), else host.
	Drain string `toml:"drain"`
	// DrainIdle is how long every file must be quiet before a sidecar stops. Default "3s".
	DrainIdle units.Duration `toml:"drain_idle"`
	// DrainLimit ends draining in any case. Requests on their way then have five seconds more, and saving deleted files takes 15 at
	// most; what is unsent stays in the files and is sent after the next start (exit code 75). Keep all together below the pod's
	// terminationGracePeriodSeconds; systemd is asked for more time. Default "25s".
	DrainLimit units.Duration `toml:"drain_limit"`
	// MaxMemory bounds what lines take: batches, requests and the garbage that they leave. When it is used up, readers wait and
	// lines wait in their files. The program itself takes up to 30 MiB beside it, and 4 KiB for each file.
	// Default "32MiB".
	MaxMemory units.Bytes `toml:"max_memory"`
	// MaxOpenFiles bounds the log files that are open although nothing happens in them. Those that were written within the last
	// seconds, or hold what was not delivered, stay open beyond it, as far as the limit of the process allows. Default 4096.
	MaxOpenFiles int `toml:"max_open_files"`
	// MaxPinnedBytes bounds the disk space of deleted files that are held open until they are delivered. Beyond it those that were
	// deleted first are given up: counted as lost, and named. "0" is no limit. Default "0".
	MaxPinnedBytes units.Bytes `toml:"max_pinned_bytes"`
	// MaxSpoolBytes bounds what a stop saves in state_dir of deleted files that are not delivered yet; the next start sends it.
	// "0" saves nothing. Default "1GiB".
	MaxSpoolBytes units.Bytes `toml:"max_spool_bytes"`
	// ReloadOnChange reloads when a configuration file changes, as SIGHUP and "shipper reload" do. A bad file never replaces a
	// good one. Default true.
	ReloadOnChange bool `toml:"reload_on_change"`
}

// Values of drain.
const (
	DrainAuto    = "auto"
	DrainHost    = "host"
	DrainSidecar = "sidecar"
)

func drains() []string { return []string{DrainAuto, DrainHost, DrainSidecar} }

// DefaultAgent is the [agent] table without a word in it. Name is empty: Load fills in the host's name.
func DefaultAgent() Agent {
	return Agent{
		StateDir:       "/var/lib/shipper",
		Drain:          DrainAuto,
		DrainIdle:      units.Duration(3 * time.Second),
		DrainLimit:     units.Duration(25 * time.Second), // below Kubernetes' 30 s before it kills
		MaxMemory:      32 * units.MiB,
		MaxOpenFiles:   4096,
		MaxSpoolBytes:  units.GiB,
		ReloadOnChange: true,
	}
}

// Validate returns an error for every wrong setting, joined.
func (a Agent) Validate() error {
	var errs []error
	bad := func(key, reason, hint string) { errs = append(errs, invalid.Key(key, reason, hint)) }
	if a.Name == "" || strings.ContainsFunc(a.Name, func(r rune) bool { return r < ' ' }) {
		bad("name", "is empty or holds control characters", `for example name = "web-1"`)
	}
	if !filepath.IsAbs(a.StateDir) {
		bad("state_dir", fmt.Sprintf("%q is not an absolute path", a.StateDir), `for example "/var/lib/shipper"`)
	}
	if !slices.Contains(drains(), a.Drain) {
		bad("drain", fmt.Sprintf("%q is not a way to drain", a.Drain), choice(a.Drain, drains()))
	}
	if a.DrainIdle <= 0 {
		bad("drain_idle", a.DrainIdle.String()+" is not longer than nothing", "")
	}
	if a.DrainLimit <= 0 {
		bad("drain_limit", a.DrainLimit.String()+" is not longer than nothing", "")
	} else if a.Drain != DrainHost && a.DrainIdle >= a.DrainLimit {
		bad("drain_idle", fmt.Sprintf("%s is not shorter than drain_limit, %s", a.DrainIdle, a.DrainLimit), "")
	}
	if a.MaxMemory < minMemory {
		bad("max_memory", a.MaxMemory.String()+" is too little", "at least "+minMemory.String())
	}
	if a.MaxOpenFiles < 16 {
		bad("max_open_files", fmt.Sprintf("%d is too few", a.MaxOpenFiles), "at least 16")
	}
	if a.MaxPinnedBytes < 0 {
		bad("max_pinned_bytes", a.MaxPinnedBytes.String()+" is negative", "")
	}
	if a.MaxSpoolBytes < 0 {
		bad("max_spool_bytes", a.MaxSpoolBytes.String()+" is negative", "")
	}
	return errors.Join(errs...)
}

// minMemory is two blocks for each of a few readers and one small batch: less cannot move a line.
const minMemory = 4 * units.MiB

// choice is the hint for a value that is none of a few.
func choice(got string, list []string) string {
	if c := near(got, list); c != "" {
		return "did you mean " + quote(c) + "?   (" + anyOf(list) + ")"
	}
	return anyOf(list)
}

// Log is the [log] table: shipper's own messages, on standard error.
type Log struct {
	// Level is the least important message that is written: "debug", "info", "warn" or "error". Default "info".
	Level string `toml:"level"`
	// Format is "text", "journald" (a priority before each line, no time), "json", or "auto" (the default): text on a terminal,
	// journald under systemd, else json.
	Format string `toml:"format"`
}

func levels() []string  { return []string{"debug", "info", "warn", "error"} }
func formats() []string { return []string{"auto", "text", "journald", "json"} }

// DefaultLog is the [log] table without a word in it.
func DefaultLog() Log { return Log{Level: "info", Format: "auto"} }

// Validate returns an error for every wrong setting, joined.
func (g Log) Validate() error {
	var errs []error
	if !slices.Contains(levels(), g.Level) {
		errs = append(errs, invalid.Key("level", fmt.Sprintf("%q is not a level", g.Level), choice(g.Level, levels())))
	}
	if !slices.Contains(formats(), g.Format) {
		errs = append(errs, invalid.Key("format", fmt.Sprintf("%q is not a format of messages", g.Format), choice(g.Format, formats())))
	}
	return errors.Join(errs...)
}

// Admin is the [admin] table: where metrics, health and control are served.
type Admin struct {
	// Listen is the host:port of /metrics, /healthz, /readyz and /status. There is no password: keep it on the loopback. "" turns it
	// off. Default "127.0.0.1:9620".
	Listen string `toml:"listen"`
	// Socket is the unix socket for status, top, reload and tap. Default "" is $RUNTIME_DIRECTORY/shipper.sock under systemd, else
	// shipper.sock in state_dir.
	Socket string `toml:"socket"`
	// Pprof serves Go's profiles below /debug/pprof/: what the program does with time and memory, for whoever can reach the port.
	// Default false.
	Pprof bool `toml:"pprof"`
}

// DefaultAdmin is the [admin] table without a word in it.
func DefaultAdmin() Admin { return Admin{Listen: "127.0.0.1:9620"} }

// maxSocket is the longest path that a unix socket can have on Linux (sun_path without its zero byte).
const maxSocket = 107

// Validate returns an error for every wrong setting, joined.
func (a Admin) Validate() error {
	var errs []error
	if a.Listen != "" {
		_, port, err := net.SplitHostPort(a.Listen)
		if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
			errs = append(errs, invalid.Key("listen", fmt.Sprintf("%q is not host:port", a.Listen), `for example "127.0.0.1:9620", or "" for none`))
		}
	}
	switch {
	case a.Socket != "" && !filepath.IsAbs(a.Socket):
		errs = append(errs, invalid.Key("socket", fmt.Sprintf("%q is not an absolute path", a.Socket), `for example "/run/shipper/shipper.sock"`))
	case len(a.Socket) > maxSocket:
		errs = append(errs, invalid.Key("socket", fmt.Sprintf("is %d bytes long", len(a.Socket)), fmt.Sprintf("the kernel takes %d", maxSocket)))
	}
	return errors.Join(errs...)
}

// SocketPath is where the daemon makes its control socket: as configured, else where systemd gave it a directory, else with the
// state. getenv reads the environment (os.Getenv).
func (c *Config) SocketPath(getenv func(string) string) string {
	if c.Admin.Socket != "" {
		return c.Admin.Socket
	}
	if dir := firstDir(getenv("RUNTIME_DIRECTORY")); dir != "" {
		return filepath.Join(dir, socketName)
	}
	return filepath.Join(c.Agent.StateDir, socketName)
}

// SocketPaths is where a command looks for the control socket, likeliest first. A command has not the environment that systemd
// gave to the daemon, so the place that the unit makes is among them.
func (c *Config) SocketPaths(getenv func(string) string) []string {
	own := c.SocketPath(getenv)
	if c.Admin.Socket != "" {
		return []string{own}
	}
	paths := []string{own}
	for _, p := range []string{"/run/shipper/" + socketName, filepath.Join(c.Agent.StateDir, socketName)} {
		if !slices.Contains(paths, p) {
			paths = append(paths, p)
		}
	}
	return paths
}

const socketName = "shipper.sock"

// firstDir is the first directory in a variable that systemd sets from StateDirectory= and the like.
func firstDir(list string) string {
	first, _, _ := strings.Cut(list, ":")
	return first
}

// exposed reports whether listen answers to other hosts.
func (a Admin) exposed() bool {
	host, _, err := net.SplitHostPort(a.Listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host != "localhost" && (ip == nil || !ip.IsLoopback())
}
