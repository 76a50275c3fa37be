package tail

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLives plays random scripts in which a log is written, rotated in every way, compressed and deleted while the tailer looks,
// reads, stops, is killed and starts again. What stands on the disk when everything has come to rest was handed over; what
// came twice was not settled when it was killed. SHIPPER_LIVES=10000 plays so many. A failure prints a script for testdata.
func TestLives(t *testing.T) {
	set := map[string]string{"rapid.checks": "100", "rapid.nofailfile": "true"}
	if n := os.Getenv("SHIPPER_LIVES"); n != "" {
		set["rapid.checks"] = n
	} else if flag.Lookup("rapid.seed").Value.String() == "0" {
		set["rapid.seed"] = "20261122" // the same ones each time; others are looked for at night
	}
	for name, value := range set {
		old := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		defer flag.Set(name, old)
	}
	rapid.Check(t, func(rt *rapid.T) {
		l := newLives(t, rt)
		defer l.p.end()
		l.live()
		if len(l.wrong) > 0 {
			rt.Fatalf("%s\n%s", strings.Join(l.wrong, "\n"), strings.Join(l.script, "\n"))
		}
	})
}

// came is a line that a target got.
type came struct{ target, text string }

// lives is a script in the making, with what is known of every file and line.
type lives struct {
	rt     *rapid.T
	p      *play
	script []string
	wrong  []string
	files  map[string][]string // lines by name
	opened string              // the name of what the application holds open
	next   int
	to     []string     // targets
	got    map[came]int // how often a line came
	may    map[came]int // how often more than once it may come
	loose  []came       // since positions were settled
	runs   bool
	blank  bool // nothing was remembered at the last end, so that nothing is known of what came since
	held   bool
	copy   string    // a copy that is being made
	amid   *[]string // what is to happen in the middle of the next pass; nil: everything happens at once
}

func newLives(t *testing.T, rt *rapid.T) *lives {
	p := &play{t: t, w: newWorld(t), dir: t.TempDir(), state: t.TempDir(), open: map[string]*os.File{}}
	l := &lives{rt: rt, p: p, files: map[string][]string{}, got: map[came]int{}, may: map[came]int{}, to: []string{"a"}}
	pattern := "app.log"
	if rapid.Bool().Draw(rt, "all") {
		pattern = "app.log*"
	}
	l.do("clock real")
	if rapid.Bool().Draw(rt, "sweeps") {
		l.do("sweeps")
	}
	if rapid.IntRange(0, 3).Draw(rt, "two") == 0 {
		l.to = []string{"a", "b"}
	}
	l.do("input web " + strings.Join(l.to, ",") + " paths=" + pattern)
	if rapid.Bool().Draw(rt, "spool") {
		l.do("option max_spool 1000000")
	}
	if rapid.IntRange(0, 3).Draw(rt, "few") == 0 {
		l.do("option max_open_files 0")
	}
	return l
}

// live makes time short and settling explicit.
func (p *play) live() {
	p.real, p.w.acks = true, false
	p.opts.FinalWait, p.opts.Sweep = time.Millisecond, time.Millisecond
}

// do plays one line of the script.
func (l *lives) do(line string) {
	if len(l.wrong) > 0 {
		return
	}
	if l.amid != nil {
		*l.amid = append(*l.amid, line)
		return
	}
	l.script = append(l.script, line)
	f := strings.Fields(line)
	if err := l.p.do(f[0], f[1:]); err != nil {
		l.wrong = append(l.wrong, line+": "+err.Error())
	}
	for _, target := range l.to {
		for _, got := range l.p.w.take(target) {
			c := came{target, got.text}
			l.got[c]++
			l.loose = append(l.loose, c)
			if l.got[c] > 1+l.may[c] {
				l.wrong = append(l.wrong, fmt.Sprintf("%s: %.20s came again to %s, by stream %d", line, got.text, target, got.stream))
			}
		}
	}
}

// steps are the kinds of what may happen, each as often as it shall come.
var steps = strings.Fields(`write write write write rotate rotate rename copytruncate copytruncate copygap copygap slowcopy endcopy
	truncate delete drop gzip gzip look look pass pass pass settle hold release stop start kill wait open close
	amid amid amid amid crash`)

// stepsAmid are those of them that may happen while the tailer is at work, and what else goes on then.
var stepsAmid = strings.Fields("write write rotate rotate rename copytruncate copytruncate truncate delete drop gzip turn turn look open close")

func (l *lives) live() {
	l.create()
	l.step("start") // what was rotated before shipper came first is none of its business
	for _, step := range rapid.SliceOfN(rapid.SampledFrom(steps), 1, 30).Draw(l.rt, "steps") {
		if l.step(step); l.blank {
			return
		}
	}
	l.step("endcopy")
	l.step("close")
	l.step("start")
	l.step("release")
	for range 6 {
		l.do("pass")
		l.do("settle")
		l.step("wait")
	}
	l.do("pass")
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		for _, text := range l.files[name] {
			for _, target := range l.to {
				if l.got[came{target, text}] == 0 {
					l.wrong = append(l.wrong, fmt.Sprintf("%.20s in %s is missing in %s", text, name, target))
				}
			}
		}
	}
}

const log = "app.log"

func (l *lives) step(step string) {
	switch step {
	case "write":
		l.write()
	case "rotate":
		if l.shift() {
			l.rename(log, log+".1")
			l.step("close")
			l.create()
		}
	case "rename":
		if l.shift() {
			l.rename(log, log+".1")
		}
	case "copytruncate":
		if l.shift() {
			l.do("copytruncate app.log app.log.1")
			l.files[log+".1"], l.files[log] = l.files[log], nil
		}
	case "copygap":
		if l.shift() {
			l.do("copy app.log app.log.1")
			l.files[log+".1"] = slices.Clone(l.files[log])
			l.write()
			if l.runs && rapid.Bool().Draw(l.rt, "read") {
				l.do("pass")
			}
			l.do("truncate app.log")
			l.files[log] = nil
		}
	case "slowcopy":
		if l.copy == "" && l.shift() {
			l.do("copy-begin app.log app.log.1")
			l.copy = log + ".1"
			l.files[l.copy] = slices.Clone(l.files[log])
			if l.runs {
				l.do("pass")
			}
		}
	case "endcopy":
		if l.copy != "" {
			l.do("copy-end")
			if _, ok := l.files[log]; ok {
				l.do("truncate app.log")
				l.files[log] = nil
			}
			l.copy = ""
		}
	case "truncate":
		if l.has(log) && l.copy == "" {
			l.do("truncate app.log")
			l.files[log] = nil
		}
	case "delete":
		if l.has(log) && l.copy == "" {
			l.do("remove app.log")
			delete(l.files, log)
			if l.opened == log {
				l.opened = "?"
			}
		}
	case "drop":
		if name := l.oldest(); name != "" && name != l.copy {
			l.do("remove " + name)
			delete(l.files, name)
			if l.opened == name {
				l.opened = "?"
			}
		}
	case "gzip":
		name := log + ".1"
		if l.has(name) && name != l.copy && name != l.opened {
			l.do("gzip " + name)
			l.files[name+".gz"] = l.files[name]
			delete(l.files, name)
		}
	case "amid":
		l.interrupted()
	case "turn":
		l.do("turn")
	case "crash":
		l.do(fmt.Sprintf("amid %d crash", rapid.IntRange(1, mostAmid).Draw(l.rt, "when")))
		l.run()
		l.end("kill")
	case "look", "pass":
		if l.runs {
			l.do(step)
		}
	case "settle":
		l.do("settle")
		l.loose = nil
	case "hold", "release":
		if l.held != (step == "hold") {
			l.held = step == "hold"
			l.do(step + " a")
		}
	case "start":
		if !l.runs {
			l.do("start")
			l.runs = true
		}
	case "stop", "kill":
		l.end(step)
	case "wait":
		l.do("sleep 3ms")
	case "open":
		if l.opened == "" && l.has(log) {
			l.do("open app.log")
			l.opened = log
		}
	case "close":
		if l.opened != "" {
			l.do("close app.log")
			l.opened = ""
		}
	}
}

// mostAmid is how often a pass asks for the time or records something until nothing is expected to change any more.
const mostAmid = 150

// interrupted plays a start, a pass or a stop in whose middle something happens.
func (l *lives) interrupted() {
	var cmds []string
	l.amid = &cmds
	for _, step := range rapid.SliceOfN(rapid.SampledFrom(stepsAmid), 1, 4).Draw(l.rt, "amid") {
		l.step(step)
	}
	l.amid = nil
	if len(cmds) > 0 {
		l.do(fmt.Sprintf("amid %d %s", rapid.IntRange(1, mostAmid).Draw(l.rt, "when"), strings.Join(cmds, " ; ")))
	}
	if l.runs && rapid.IntRange(0, 5).Draw(l.rt, "stop") == 0 {
		l.end("stop")
		return
	}
	l.run()
}

// run starts the tailer, or lets it work.
func (l *lives) run() {
	if l.runs {
		l.do("pass")
	} else {
		l.step("start")
	}
}

func (l *lives) end(how string) {
	if !l.runs {
		return
	}
	if how == "kill" {
		for _, text := range l.loose {
			l.may[text]++
		}
	}
	l.do(how)
	l.runs, l.loose = false, nil
	for _, target := range l.to {
		l.blank = l.blank || len(l.p.w.ledger.Known(Route{"web", target})) == 0
	}
}

func (l *lives) write() {
	to := log
	if l.opened != "" {
		to = l.opened
	}
	var text []string
	for range rapid.IntRange(1, 4).Draw(l.rt, "lines") {
		l.next++
		text = append(text, fmt.Sprintf("line_%04d_of_the_log*%d", l.next, rapid.SampledFrom([]int{0, 0, 10, 50, 300, 3000}).Draw(l.rt, "more")))
	}
	if l.opened != "" {
		l.do("put app.log " + strings.Join(text, " "))
	} else {
		l.do("append app.log " + strings.Join(text, " "))
	}
	if to != "?" { // into a deleted file: nothing that can be asked for
		l.files[to] = append(slices.Clip(l.files[to]), words(text)...)
	}
}

func (l *lives) create() {
	if !l.has(log) {
		l.do("create app.log")
		l.files[log] = nil
	}
}

func (l *lives) has(name string) bool {
	_, ok := l.files[name]
	return ok
}

// shift moves the generations up by one as logrotate does, and tells whether there is something to rotate.
func (l *lives) shift() bool {
	if !l.has(log) || l.copy != "" {
		return false
	}
	for i := 9; i > 0; i-- {
		for _, ext := range []string{"", ".gz"} {
			if from := fmt.Sprint(log, ".", i, ext); l.has(from) {
				l.rename(from, fmt.Sprint(log, ".", i+1, ext))
			}
		}
	}
	return true
}

func (l *lives) rename(from, to string) {
	l.do("rename " + from + " " + to)
	l.files[to] = l.files[from]
	delete(l.files, from)
	if l.opened == from {
		l.opened = to
	}
}

func (l *lives) oldest() string {
	for i := 10; i > 0; i-- {
		for _, ext := range []string{".gz", ""} {
			if name := fmt.Sprint(log, ".", i, ext); l.has(name) {
				return name
			}
		}
	}
	return ""
}
