package tail

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

// TestScripts plays testdata/*.txt. A script is a list of commands, one a line; the commands are the cases of
// (*play).do. Nothing is asynchronous: discovery and readers take their steps when the script says so.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := &play{t: t, w: newWorld(t), dir: t.TempDir(), state: t.TempDir(), open: map[string]*os.File{}, clock: time.Now()}
			defer p.end()
			for i, l := range strings.Split(string(text), "\n") {
				p.at = fmt.Sprintf("%s:%d", filepath.Base(file), i+1)
				args := strings.Fields(l)
				if len(args) == 0 || strings.HasPrefix(args[0], "#") {
					continue
				}
				p.t.Log("»", l)
				if err := p.do(args[0], args[1:]); err != nil {
					t.Fatalf("%s: %s: %v", p.at, l, err)
				}
			}
		})
	}
}

type play struct {
	t      *testing.T
	at     string
	w      *world
	dir    string
	state  string
	remote string // kind of file system that everything pretends to be on
	inputs []Input
	opts   Options
	tl     *Tailer
	store  *store // of descriptors, as systemd's
	open   map[string]*os.File
	clock  time.Time
	real   bool     // the clock is the machine's
	copies *copying // what copy-begin has begun
	sweeps bool     // nothing makes the tailer list directories that have not changed
	closes bool     // no file stays open that need not
	amid   amid     // what happens in the middle of the next look or turn
}

// copying is a copy that takes its time.
type copying struct {
	to   *os.File
	rest []byte
}

func (p *play) end() {
	if p.tl != nil {
		p.tl.Close()
	}
	for _, f := range p.open {
		f.Close()
	}
	if p.store != nil {
		p.store.close()
	}
}

func (p *play) do(cmd string, a []string) error {
	switch cmd {
	case "amid": // amid N COMMAND ; COMMAND ...: they happen in the middle of what follows, see amid
		return p.arm(number(a[0]), strings.Join(a[1:], " "))
	case "turn": // one reader takes a turn
		return p.turn()
	case "crash": // what is recorded now is what a kill leaves later
		p.amid.left = p.w.ledger.copy()
		return nil
	case "input": // input NAME TARGETS key=value ...: another input; paths and exclude are relative to the directory
		return p.input(a)
	case "clock": // clock real: that of the machine; acks are off and waits are short, as in TestLives
		p.live()
		return nil
	case "sweeps": // what is not notified is looked for as the sweep does
		p.sweeps = true
		return nil
	case "option": // option max_open_files|max_pinned|max_spool N, option keeper; max_open_files 0: none stays open that need not
		return p.option(a)
	case "start":
		return p.start()
	case "stop", "kill", "cut": // kill forgets what was not settled; cut is a stop at drain_limit; stop settles first
		p.amid.ended = true
		if cmd == "stop" {
			p.w.settleAll()
			p.tl.stamp()
		}
		if cmd != "kill" {
			p.tl.Save(p.t.Context())
		}
		err := p.tl.Close()
		p.tl, p.w.sinks = nil, map[StreamID]*sink{}
		p.crashed()
		return errors.Join(p.missedAmid(), err)
	case "append": // append FILE LINE...
		return p.add(a[0], strings.Join(words(a[1:]), "\n")+"\n")
	case "partial": // partial FILE TEXT: without a line end
		return p.add(a[0], strings.Join(words(a[1:]), "\n"))
	case "write": // write FILE LINE...: truncate in place and write
		if err := os.Truncate(p.path(a[0]), 0); err != nil && !os.IsNotExist(err) {
			return err
		}
		return p.add(a[0], strings.Join(words(a[1:]), "\n")+"\n")
	case "fill": // fill FILE PREFIX FROM TO: numbered lines
		from, to := number(a[2]), number(a[3])
		return p.add(a[0], strings.Join(numbered(a[1], from, to), "\n")+"\n")
	case "at": // at FILE OFFSET LINE: write like a program without O_APPEND
		f, err := os.OpenFile(p.path(a[0]), os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte(strings.Join(words(a[2:]), "\n")+"\n"), int64(number(a[1])))
		return err
	case "hex": // hex FILE BYTES
		b, err := hexBytes(a[1:])
		if err != nil {
			return err
		}
		return p.add(a[0], string(b))
	case "rename":
		return os.Rename(p.path(a[0]), p.path(a[1]))
	case "copy":
		return p.copy(a[0], a[1])
	case "copy-begin": // copy-begin FROM TO: the first half of what is there, written by somebody who goes on with copy-end
		return p.copyBegin(a[0], a[1])
	case "copy-end":
		_, err := p.copies.to.Write(p.copies.rest)
		return errors.Join(err, p.copies.to.Close())
	case "create":
		return p.add(a[0], "")
	case "sleep": // sleep 3ms: of the machine's clock
		d, err := time.ParseDuration(a[0])
		time.Sleep(d)
		return err
	case "truncate":
		return os.Truncate(p.path(a[0]), 0)
	case "keep-tail": // keep-tail FILE N: the last N lines of it stay
		b, err := os.ReadFile(p.path(a[0]))
		if err != nil {
			return err
		}
		lines := strings.SplitAfter(string(b), "\n")
		return os.WriteFile(p.path(a[0]), []byte(strings.Join(lines[max(0, len(lines)-1-number(a[1])):], "")), 0o644)
	case "collapse": // collapse FILE BYTES: cut at the front, where the file system can
		f, err := os.OpenFile(p.path(a[0]), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		const collapseRange = 0x08 // FALLOC_FL_COLLAPSE_RANGE
		if err := syscall.Fallocate(int(f.Fd()), collapseRange, 0, int64(number(a[1]))); err != nil {
			p.t.Skip("cannot collapse: ", err)
		}
		return nil
	case "copytruncate": // copytruncate FILE COPY
		if err := p.copy(a[0], a[1]); err != nil {
			return err
		}
		return os.Truncate(p.path(a[0]), 0)
	case "remove":
		return os.RemoveAll(p.path(a[0]))
	case "mkdir":
		return os.MkdirAll(p.path(a[0]), 0o755)
	case "symlink": // symlink TARGET LINK: replaces the link at once, as kubelet does
		tmp := p.path(a[1] + ".tmp-link")
		if err := os.Symlink(p.path(a[0]), tmp); err != nil {
			return err
		}
		return os.Rename(tmp, p.path(a[1]))
	case "link":
		return os.Link(p.path(a[0]), p.path(a[1]))
	case "gzip": // gzip FILE: makes FILE.gz and removes FILE
		if err := p.gzip(a[0]); err != nil {
			return err
		}
		return os.Remove(p.path(a[0]))
	case "zstd": // zstd FILE: as gzip
		if err := p.zstd(a[0]); err != nil {
			return err
		}
		return os.Remove(p.path(a[0]))
	case "mode": // mode FILE 000: only tells anything to a process that is not root
		n, err := strconv.ParseUint(a[1], 8, 32)
		if err != nil {
			return err
		}
		return os.Chmod(p.path(a[0]), os.FileMode(n))
	case "age": // age FILE 2h
		d, err := time.ParseDuration(a[1])
		if err != nil {
			return err
		}
		return os.Chtimes(p.path(a[0]), time.Now().Add(-d), time.Now().Add(-d))
	case "open": // open FILE: keep it open for writing
		f, err := os.OpenFile(p.path(a[0]), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		p.open[a[0]] = f
		return err
	case "put": // put FILE LINE...: write through the open descriptor, wherever the file is now
		_, err := p.open[a[0]].WriteString(strings.Join(words(a[1:]), "\n") + "\n")
		return err
	case "close":
		return p.open[a[0]].Close()
	case "hold", "release": // hold TARGET: its sinks take nothing
		p.w.mu.Lock()
		p.w.held[a[0]] = cmd == "hold"
		p.w.mu.Unlock()
		if cmd == "release" && p.tl != nil {
			p.tl.Wake(a[0])
		}
		return nil
	case "acks": // acks on|off: settle what is handed over at once, or with settle
		p.w.acks = a[0] == "on"
		return nil
	case "remote": // remote nfs: everything is on such a file system
		p.remote = a[0]
		return nil
	case "stale": // stale: open files cannot be read any more
		for _, f := range p.tl.files {
			p.tl.closeFile(f)
		}
		return nil
	case "needs-handles": // the rest is played only where files can be opened by their handles
		return p.needsHandles()
	case "forget": // forget: as "shipper offsets forget" does with everything
		p.w.ledger.epochs = map[StreamID]*Epoch{}
		return nil
	case "spoolfile": // spoolfile NAME: an empty file in the spool
		return os.WriteFile(filepath.Join(p.state, "spool", a[0]), nil, 0o600)
	case "settle":
		p.w.settleAll()
		return nil
	case "advance": // advance 31s: the clock of waits
		d, err := time.ParseDuration(a[0])
		p.clock = p.clock.Add(d)
		return err
	case "look": // discovery looks at everything, nothing is read
		p.step(stepAll | stepTick)
		return p.missedAmid()
	case "overflow": // the kernel dropped notifications
		p.tl.events.lost()
		p.tl.step(0)
		return p.pass(0)
	case "notify": // notify FILE...: only these are looked at
		for _, name := range a {
			p.tl.events.path(p.path(name))
		}
		return p.pass(0)
	case "pass": // look and read until nothing happens
		return p.pass(stepAll | stepTick)
	case "expect": // expect TARGET LINE...: what came since the last time, after a pass
		return p.expect(a[0], words(a[1:]))
	case "expect-fill": // expect-fill TARGET PREFIX FROM TO LINE...
		return p.expect(a[0], append(numbered(a[1], number(a[2]), number(a[3])), words(a[4:])...))
	case "expect-paths": // expect-paths TARGET FILE...: the labels of the lines that came, in order, each once in a row
		return p.paths(a[0], a[1:])
	case "expect-lost": // expect-lost BYTES: in all
		if got := int(p.w.ledger.total); got != number(a[0]) {
			return fmt.Errorf("lost %d bytes", got)
		}
		return nil
	case "expect-state": // expect-state STATE...: of the streams, oldest first
		return p.states(a)
	case "expect-epochs": // expect-epochs N: so many are remembered
		if got := len(p.w.ledger.epochs); got != number(a[0]) {
			return fmt.Errorf("%d epochs are remembered: %v", got, p.w.ledger.epochs)
		}
		return nil
	case "expect-open": // expect-open N: descriptors
		if got := p.tl.Stats().Open; got != number(a[0]) {
			return fmt.Errorf("%d files are open", got)
		}
		return nil
	case "expect-spool": // expect-spool FILE...: what is in it
		return p.expectFiles(filepath.Join(p.state, "spool"), a)
	case "expect-kept": // expect-kept NAME...: descriptors in the store
		if got := p.store.names(); strings.Join(got, " ") != strings.Join(a, " ") {
			return fmt.Errorf("the store holds %q", got)
		}
		return nil
	case "expect-pinned": // expect-pinned yes|no
		if got := p.tl.Stats().Pinned > 0; got != (a[0] == "yes") {
			return fmt.Errorf("pinned: %v", got)
		}
		return nil
	}
	return fmt.Errorf("no such command")
}

func (p *play) input(a []string) error {
	cfg := Default()
	var doc strings.Builder
	for _, kv := range a[2:] {
		k, v, _ := strings.Cut(kv, "=")
		if k == "paths" || k == "exclude" {
			var list []string
			for _, g := range strings.Split(v, "|") {
				if !strings.HasPrefix(g, "**") {
					g = p.path(g)
				}
				list = append(list, strconv.Quote(g))
			}
			v = "[" + strings.Join(list, ",") + "]"
		} else if v != "true" {
			v = strconv.Quote(v)
		}
		fmt.Fprintf(&doc, "%s = %s\n", k, v)
	}
	if _, err := toml.Decode(doc.String(), &cfg); err != nil {
		return err
	}
	p.inputs = append(p.inputs, Input{Name: a[0], Config: cfg, Targets: strings.Split(a[1], ",")})
	return nil
}

func (p *play) start() error {
	o := p.opts
	o.Inputs, o.Positions, o.NewSink = p.inputs, p.w.ledger, p.w.newSink
	if o.MaxSpool > 0 {
		o.Spool, o.Ignore = filepath.Join(p.state, "spool"), []string{p.state}
	}
	if p.store != nil {
		o.Keeper, o.Kept = p.store, p.store.give(p.t)
	}
	o.Log = slog.New(slog.NewTextHandler(p.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	tl, err := New(o)
	if err != nil {
		return err
	}
	if !p.real {
		tl.now = func() time.Time { return p.clock }
	} else {
		p.listen(tl)
	}
	if p.remote != "" {
		tl.remote = func(string) (string, bool) { return p.remote, true }
	}
	if p.sweeps {
		tl.coarse = grain()
	}
	if _, err := tl.prepare(false); err != nil {
		return err
	}
	if p.closes {
		tl.opts.MaxOpenFiles, tl.mostOpen = 0, 0
	}
	p.tl, p.amid.ended = tl, false
	return p.pass(stepAll)
}

// pass takes steps and turns until there is nothing to do.
func (p *play) pass(what int) error {
	for i := range 50 {
		p.step(what)
		turns := 0
		for s, woken := p.tl.ring.try(); s != nil; s, woken = p.tl.ring.try() {
			p.tl.turnOf(s, woken)
			if turns++; turns > 100000 {
				return fmt.Errorf("readers are never done")
			}
		}
		what &^= stepAll
		if turns == 0 && i > 0 && len(p.tl.ring.inbox) == 0 {
			break
		}
	}
	return errors.Join(p.missedAmid(), p.w.balance(p.tl))
}
