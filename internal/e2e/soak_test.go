package e2e

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// TestSoak is a host at work in bad weather: files for two targets, the second with exactly_once, are written in pieces and rotated while
// the service and STS fail in every way that the emulator knows, the configuration changes, and the process is killed. In the end every
// line is there, none twice of those that are sent exactly once, and the process has not grown. SHIPPER_SOAK is for how long, SHIPPER_SOAK_SEED which
// weather. An hour takes a gigabyte of memory, as the emulator keeps every line.
func TestSoak(t *testing.T) {
	t.Parallel()
	length := durationFromEnv(t, "SHIPPER_SOAK", 15*time.Second)
	seed := fromEnv(t, "SHIPPER_SOAK_SEED", 1)
	s := newSoak(t, uint64(seed), max(time.Second, min(20*time.Second, length/12)))
	s.d = s.h.start(t, "run")
	began := time.Now()
	next, beats := began, 0
	for time.Since(began) < length {
		if !time.Now().Before(next) {
			beats++
			s.live(beats)
			next = next.Add(s.beat)
		}
		for range 3 {
			s.logs[s.dice.IntN(len(s.logs))].write(t, s)
		}
		time.Sleep(5 * time.Millisecond) // the pace of the load
	}
	for _, l := range s.logs {
		l.end(t)
	}
	s.c.Faults().Clear()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline) && !s.delivered(); {
		time.Sleep(100 * time.Millisecond)
	}
	s.measure()
	if code := s.d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.judge()
}

// soak is the host and its weather. A beat is the time from one trouble to the next.
type soak struct {
	t       *testing.T
	c       *cloud
	h       *host
	d       *daemon
	dice    *rand.Rand
	beat    time.Duration
	logs    []*soakLog
	written [2]int // lines for each target
	kills   int
}

const soakFiles = 8 // for each target

func newSoak(t *testing.T, seed uint64, beat time.Duration) *soak {
	c := newCloud(t, emulator.Options{Seed: seed, TokenLife: max(10*time.Second, 3*beat), Log: slog.New(slog.DiscardHandler)})
	c.addSecond(t)
	s := &soak{t: t, c: c, dice: rand.New(rand.NewPCG(seed, 1)), beat: beat}
	s.h = newHost(t, c, "0/*.log", "target = \"central\"\n"+c.second()+"exactly_once = true\nbatch.max_delay = \"100ms\"\n[input.other]\npaths = [\"OTHER\"]\ntarget = \"second\"\n")
	b, err := os.ReadFile(s.h.config)
	must(t, err)
	s.h.write(t, "shipper.toml", strings.Replace(string(b), "OTHER", s.h.path("1/*.log"), 1))
	for i := range 2 * soakFiles {
		l := &soakLog{target: i % 2, path: s.h.path(fmt.Sprintf("%d/%d.log", i%2, i))}
		must(t, os.MkdirAll(filepath.Dir(l.path), 0o700))
		s.logs = append(s.logs, l)
	}
	return s
}

// live is what happens at a beat besides the load.
func (s *soak) live(beat int) {
	for _, l := range s.logs {
		if s.dice.IntN(3) == 0 {
			l.rotate(s.t)
		}
	}
	s.trouble()
	if beat%4 == 0 {
		b, err := os.ReadFile(s.h.config)
		must(s.t, err)
		old, now := "max_delay = \"100ms\"", "max_delay = \"200ms\""
		if !strings.Contains(string(b), old) {
			old, now = now, old
		}
		s.h.write(s.t, "shipper.toml", strings.Replace(string(b), old, now, 1)) // the daemon notices, sooner or later
	}
	if beat%6 == 0 {
		s.d.kill(s.t)
		s.kills++
		s.d = s.h.start(s.t, "run")
	} else if beat%3 == 0 {
		s.measure()
	}
}

// trouble is one that is over before the next. The service's memory of numbers is let alone: without it exactly_once promises nothing.
func (s *soak) trouble() {
	list := []emulator.Fault{
		{Op: emulator.OpPost, Kind: emulator.ServerError, Probability: 0.3},
		{Op: emulator.OpPost, Kind: emulator.ServerBusy, Probability: 0.5},
		{Op: emulator.OpPost, Kind: emulator.BadGatewayHTML, Probability: 0.5},
		{Op: emulator.OpPost, Kind: emulator.CutBefore, Probability: 0.3},
		{Op: emulator.OpPost, Kind: emulator.CutAfter, Probability: 0.3},
		{Op: emulator.OpPost, Kind: emulator.NoRequestID, Probability: 0.5},
		{Op: emulator.OpPost, Kind: emulator.NoAnswer, Probability: 0.05},
		{Op: emulator.OpPost, Kind: emulator.Slow, Delay: s.beat / 10},
		{Op: emulator.OpPost, Kind: emulator.ThrottleProject, Probability: 0.7},
		{Op: emulator.OpPost, Kind: emulator.ThrottleShard, Probability: 0.4},
		{Op: emulator.OpPost, Kind: emulator.ClockSkew},
		{Op: emulator.OpPost, Kind: emulator.ExpiredToken, Count: 3},
		{Op: emulator.OpPost, Kind: emulator.InvalidToken, Count: 3},
		{Op: emulator.OpPost, Kind: emulator.SignatureMismatch, Count: 2},
		{Op: emulator.OpPost, Kind: emulator.Revoke},
		{Op: emulator.OpSTS, Kind: emulator.STSThrottle},
		{Op: emulator.OpSTS, Kind: emulator.STSDown},
	}
	f := list[s.dice.IntN(len(list))]
	f.For = s.beat / 2
	must(s.t, s.c.Faults().Inject(f))
}

// measure looks at what would grow if something leaked.
func (s *soak) measure() {
	cpu, rss := s.d.usage(s.t)
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.d.cmd.Process.Pid))
	must(s.t, err)
	var state int64
	must(s.t, filepath.WalkDir(s.h.path("state"), func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // files come and go
		}
		if info, err := e.Info(); err == nil {
			state += info.Size()
		}
		return nil
	}))
	s.t.Logf("%d + %d lines written, %d kills; CPU %v, %.1f MB (most %.1f), %d descriptors, state %.1f MB",
		s.written[0], s.written[1], s.kills, cpu, float64(rss)/1e6, float64(s.d.peak(s.t))/1e6, len(fds), float64(state)/1e6)
	if peak := s.d.peak(s.t); peak > 62<<20 {
		s.t.Errorf("%d MiB of memory, max_memory is 32", peak>>20)
	}
	if most := 2*soakFiles*generations + 60; len(fds) > most {
		s.t.Errorf("%d descriptors", len(fds))
	}
	if state > 64<<20 {
		s.t.Errorf("%d bytes in the state directory", state)
	}
}

// delivered reports whether the daemon waits for nothing and every line is there.
func (s *soak) delivered() bool {
	if s.h.command(s.t, "status").code != 0 {
		return false // it starts, or is held
	}
	for _, in := range s.h.status(s.t).Inputs {
		for _, f := range in.Files {
			if f.LagBytes > 0 || f.Pending > 0 {
				return false
			}
		}
	}
	return len(s.stored(0)) >= s.written[0] && len(s.stored(1)) >= s.written[1]
}

func (s *soak) stored(target int) map[string]int {
	if target == 1 {
		return s.c.storedIn(secondProject, "audit")
	}
	return s.c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)
}

func (s *soak) judge() {
	plain, repeated := s.stored(0), 0
	for line, n := range plain {
		repeated += n - 1
		plain[line] = 1
	}
	onceEach(s.t, "central", plain, s.written[0])
	onceEach(s.t, "second, exactly once", s.stored(1), s.written[1])
	stats := s.c.Stats()
	s.t.Logf("%d kills, troubles %v: %d lines, %d of them repeated; %d lines exactly once, %d requests recognised as stored before",
		s.kills, stats.Faults, s.written[0], repeated, s.written[1], stats.Requests[emulator.OpPost]["InvalidSequenceId"])
}

// soakLog is a log file and those that it was rotated to.
type soakLog struct {
	target int
	path   string
	f      *os.File
	rest   string // of a line that was written in part
}

const (
	generations = 20
	packed      = 10 // the generation that is compressed, long after everything in it was sent
)

func (l *soakLog) write(t *testing.T, s *soak) {
	if l.f == nil {
		f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		must(t, err)
		l.f = f
	}
	text := l.rest
	for range 1 + s.dice.IntN(5) {
		text += numberedLine(s.written[l.target]) + "\n"
		s.written[l.target]++
	}
	l.rest = ""
	if s.dice.IntN(5) == 0 {
		cut := s.dice.IntN(len(text))
		text, l.rest = text[:cut], text[cut:]
	}
	_, err := l.f.WriteString(text)
	must(t, err)
}

// end writes what is left and closes the file.
func (l *soakLog) end(t *testing.T) {
	if l.f == nil {
		return
	}
	_, err := l.f.WriteString(l.rest)
	must(t, err)
	must(t, l.f.Close())
	l.f, l.rest = nil, ""
}

func (l *soakLog) rotate(t *testing.T) {
	if l.f == nil {
		return
	}
	l.end(t)
	name := func(n int) string {
		if n > packed {
			return fmt.Sprintf("%s.%d.gz", l.path, n)
		}
		return fmt.Sprintf("%s.%d", l.path, n)
	}
	for n := generations; n > 0; n-- {
		switch _, err := os.Stat(name(n)); {
		case err != nil:
		case n == generations:
			must(t, os.Remove(name(n)))
		case n == packed:
			compress(t, name(n), name(n+1))
		default:
			must(t, os.Rename(name(n), name(n+1)))
		}
	}
	must(t, os.Rename(l.path, name(1)))
}

func compress(t *testing.T, from, to string) {
	in, err := os.Open(from)
	must(t, err)
	defer in.Close()
	out, err := os.Create(to)
	must(t, err)
	defer out.Close()
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	must(t, err)
	must(t, z.Close())
	must(t, os.Remove(from))
}
