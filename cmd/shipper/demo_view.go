package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"shipper/pkg/emulator"
)

// demoScene is what there is to see at one moment.
type demoScene struct {
	at                 time.Duration
	written, delivered int
	rotations          int
	tokens             int64
}

// demoView prints the demo: on a terminal one line that moves under lines that stay, elsewhere plain lines.
type demoView struct {
	w      io.Writer
	moving bool
	color  bool

	mu    sync.Mutex // guards what follows
	live  bool       // a moving line stands at the cursor
	last  time.Duration
	start time.Time
}

func newDemoView(g *global) *demoView {
	return &demoView{w: g.stdout, moving: isTerminal(g.stdout), color: g.colored(g.stdout), start: time.Now()}
}

// say prints a line that stays.
func (v *demoView) say(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wipe()
	fmt.Fprintf(v.w, "%s %s\n", v.paint("1", fmt.Sprintf("%5.1fs", time.Since(v.start).Seconds())), fmt.Sprintf(format, args...))
}

func (v *demoView) wipe() {
	if v.live {
		fmt.Fprint(v.w, "\r\x1b[K")
		v.live = false
	}
}

func (v *demoView) paint(code, s string) string {
	if !v.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// progress shows how far it is; where nothing can move, every third second.
func (v *demoView) progress(s demoScene) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.moving && s.at-v.last < 3*time.Second {
		return
	}
	v.last = s.at
	v.wipe()
	line := fmt.Sprintf("%5.1fs written %5d  delivered %5d  behind %5d  rotations %d  tokens %2d",
		s.at.Seconds(), s.written, s.delivered, max(0, s.written-s.delivered), s.rotations, s.tokens)
	if !v.moving {
		fmt.Fprintln(v.w, line)
		return
	}
	fmt.Fprint(v.w, v.paint("36", line))
	v.live = true
}

func (v *demoView) intro(addr, config string) {
	fmt.Fprintf(v.w, `%s

  account B %s                      account A %s
 ┌────────────────────────┐  1 AssumeRole       ┌─────────────────────────┐
 │ app.log ──► shipper    ├────────────────────►│ role shipper-writer     │
 │                        │  2 a token for %-5s│                         │
 │ user shipper, its key  │◄────────────────────┤                         │
 │                        │  3 PostLogStoreLogs │                         │
 │                        ├────────────────────►│ Logstore %-15s│
 └────────────────────────┘                     └─────────────────────────┘

 trust   A  Allow sts:AssumeRole       to  %s
 role    A  Allow log:PostLogStoreLogs on  acs:log:*:%s:project/%s/logstore/%s
 caller  B  Allow sts:AssumeRole       on  acs:ram:*:%s:role/shipper-writer

 Log Service, STS and RAM: http://%s (emulated: real signatures, real policies)
 configuration: %s

`, v.paint("1", "Two accounts, one write permission, no key of the other account."),
		emulator.SenderUID, emulator.OwnerUID, demoTokenLife, emulator.DefaultProject+"/"+emulator.DefaultLogstore,
		emulator.SenderUser, emulator.OwnerUID, emulator.DefaultProject, emulator.DefaultLogstore, emulator.OwnerUID, addr, config)
}
