package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"shipper/pkg/config"
)

func newTop(g *global) *cobra.Command {
	var once bool
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch targets and files of the running daemon",
		Long: `Watch targets and files of the running daemon: how fast they go, how far they are behind, what holds them.

LOGS/s and SENT/s are what the service accepted, averaged over a few seconds, and READ/s what was read; BEHIND is what the
service does not have yet, and LAG how long the oldest of that has waited; PENDING was read and is on its way; FLYING is
requests on their way, and how many may be at once; TOKEN is how long the token lives.

The arrow keys move through the files, q ends. With --once, one table is printed, and where standard output is no
terminal one after the other. Exit codes: 0; 69 no daemon answers.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if g.json {
				return failf(exitUsage, "top is for people; shipper status --json has the figures")
			}
			if every < minTop {
				return failf(exitUsage, "--interval %s is too short: at least %s", every, minTop)
			}
			cfg, broken := g.asking()
			if broken != nil { // say it before the screen is taken
				_, err := askDaemon(cmd.Context(), cfg)
				if err = g.asked(err, broken); err != nil {
					return err
				}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			t := &top{g: g, cfg: cfg, every: every, view: topView{color: g.colored(g.stdout)}}
			screen, onScreen := g.stdout.(*os.File)
			if once || !onScreen || !isTerminal(g.stdout) || !term.IsTerminal(int(os.Stdin.Fd())) {
				return t.print(ctx, once)
			}
			return t.live(ctx, screen)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "print one table and end")
	cmd.Flags().DurationVar(&every, "interval", time.Second, "how often to look")
	return cmd
}

// minTop is the shortest time between looks: each asks the daemon about every file.
const minTop = 100 * time.Millisecond

// top looks at a daemon again and again.
type top struct {
	g     *global
	cfg   *config.Config
	every time.Duration
	view  topView
}

// look asks the daemon. The first time that it does not answer is an error of the command; later it may be a restart.
func (t *top) look(ctx context.Context) error {
	s, err := askDaemon(ctx, t.cfg)
	if ctx.Err() != nil {
		return nil
	}
	if t.view.err = err; err != nil {
		if len(t.view.looks) == 0 {
			return err
		}
		return nil
	}
	t.view.add(time.Now(), s)
	return nil
}

// print writes tables below one another: one, or until ctx ends.
func (t *top) print(ctx context.Context, once bool) error {
	if err := t.look(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := t.look(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		width := 0
		if isTerminal(t.g.stdout) {
			width = widthOf(t.g.stdout)
		}
		text := strings.Join(t.view.lines(width, 0), "\n") + "\n"
		if !once {
			text += "\n"
		}
		if _, err := fmt.Fprint(t.g.stdout, text); err != nil {
			return fail(exitIO, err)
		}
		if once {
			return t.gone()
		}
	}
}

// gone is the exit code of a look that failed.
func (t *top) gone() error {
	if t.view.err != nil {
		return exit(exitUnavailable)
	}
	return nil
}

// What a terminal is told: a screen of its own, no cursor, no line breaks that were not asked for; and back.
const (
	screenOn  = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	screenOff = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// live shows a table that renews itself, until q.
func (t *top) live(ctx context.Context, screen *os.File) error {
	if err := t.look(ctx); err != nil {
		return err
	}
	in := int(os.Stdin.Fd())
	was, err := term.MakeRaw(in)
	if err != nil {
		return fail(exitIO, fmt.Errorf("the terminal: %w", err))
	}
	fmt.Fprint(screen, screenOn)
	defer func() {
		fmt.Fprint(screen, screenOff)
		_ = term.Restore(in, was)
	}()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	keys := make(chan key)
	go readKeys(os.Stdin, keys) // ends with the process
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		if err := t.draw(screen); err != nil {
			return fail(exitIO, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-resized:
		case k, ok := <-keys:
			if !ok || k == keyQuit {
				return nil
			}
			t.move(k, screen)
		case <-tick.C:
			if err := t.look(ctx); err != nil {
				return err
			}
		}
	}
}

func (t *top) draw(screen *os.File) error {
	width, height := size(screen)
	lines := t.view.lines(width, height)
	var b strings.Builder
	b.WriteString("\x1b[H")
	for i, l := range lines[:min(len(lines), height)] {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("\x1b[K" + l) // behind a line that fills the screen's width it would take the last letter
	}
	b.WriteString("\x1b[J")
	_, err := screen.WriteString(b.String())
	return err
}

// size is that of the terminal, or the customary one where it does not tell.
func size(screen *os.File) (width, height int) {
	if w, h, err := term.GetSize(int(screen.Fd())); err == nil && w > 0 && h > 0 {
		return w, h
	}
	return 80, 24
}

func (t *top) move(k key, screen *os.File) {
	_, height := size(screen)
	switch k {
	case keyUp:
		t.view.from--
	case keyDown:
		t.view.from++
	case keyPageUp:
		t.view.from -= height / 2
	case keyPageDown:
		t.view.from += height / 2
	case keyHome:
		t.view.from = 0
	}
	t.view.from = max(0, t.view.from)
}

// key is what somebody pressed.
type key int

// The keys that mean something.
const (
	keyNone key = iota
	keyQuit
	keyUp
	keyDown
	keyPageUp
	keyPageDown
	keyHome
)

// readKeys turns what a terminal in raw mode sends into keys. It closes keys when there is no more.
func readKeys(in *os.File, keys chan<- key) {
	defer close(keys)
	buf := make([]byte, 64)
	for {
		n, err := in.Read(buf)
		if err != nil || n == 0 {
			return
		}
		for rest := string(buf[:n]); rest != ""; {
			var k key
			if k, rest = nextKey(rest); k != keyNone {
				keys <- k
			}
		}
	}
}

// escapes are the keys that a terminal sends as sequences.
var escapes = map[string]key{
	"\x1b[A": keyUp, "\x1b[B": keyDown, "\x1bOA": keyUp, "\x1bOB": keyDown, "\x1b[5~": keyPageUp, "\x1b[6~": keyPageDown, "\x1b[H": keyHome,
}

// nextKey takes one key off what was read.
func nextKey(s string) (key, string) {
	if s[0] == 0x1b {
		n := sequence(s)
		return escapes[s[:n]], s[n:]
	}
	switch s[0] {
	case 'q', 'Q', 3, 4: // Ctrl-C and Ctrl-D: raw mode makes them keys
		return keyQuit, s[1:]
	case 'k':
		return keyUp, s[1:]
	case 'j':
		return keyDown, s[1:]
	case 'g':
		return keyHome, s[1:]
	case ' ':
		return keyPageDown, s[1:]
	}
	return keyNone, s[1:]
}

// sequence is the length of the escape sequence (ECMA-48) that s begins with.
func sequence(s string) int {
	switch {
	case len(s) > 2 && s[1] == 'O':
		return 3
	case len(s) < 2 || s[1] != '[':
		return 1
	}
	for i := 2; i < len(s); i++ {
		if s[i] >= 0x40 && s[i] <= 0x7e {
			return i + 1
		}
	}
	return len(s)
}
