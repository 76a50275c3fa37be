package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/admin"
	"shipper/pkg/process"
)

// tapOptions is what the flags of tap say.
type tapOptions struct {
	want  admin.TapRequest
	count int
	limit time.Duration
}

func newTap(g *global) *cobra.Command {
	var o tapOptions
	cmd := &cobra.Command{
		Use:   "tap",
		Short: "Watch logs go by, as the running daemon sends them",
		Long: `Watch logs go by, as the running daemon puts them into batches: after the format, multiline and steps. It shows a
sample of at most --rate logs a second; what is not shown is sent all the same. Nothing is kept, and the daemon does
no work for it while nobody watches.

Beside dlq show this is the only place where shipper shows what lines hold, so it is served on the unix socket alone:
to root, the daemon's user and the daemon's group. --inspect also shows what each step made of a log, logs that a step
drops, and so what a redact step takes away.

It ends with INT (Ctrl-C), after --count logs, or after --for. Exit codes: 0; 69 no daemon answers.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.want.Rate < 1 || o.want.Rate > admin.MaxTapRate {
				return failf(exitUsage, "--rate %d: write a number from 1 to %d", o.want.Rate, admin.MaxTapRate)
			}
			if o.count < 0 || o.limit < 0 {
				return failf(exitUsage, "--count and --for cannot be negative")
			}
			cfg, broken := g.asking()
			for _, n := range []struct {
				flag, name string
				known      bool
			}{
				{"--input", o.want.Input, cfg.Inputs[o.want.Input].Paths != nil}, {"--target", o.want.Target, cfg.Targets[o.want.Target].Project != ""},
			} {
				if n.name != "" && !n.known && broken == nil {
					return failf(exitUsage, "%s %q: the configuration has none of that name", n.flag, n.name)
				}
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			if o.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, o.limit)
				defer cancel()
			}
			err := overSockets(cfg.SocketPaths(os.Getenv), func(socket string) error { return g.tap(ctx, socket, o) })
			if ctx.Err() != nil {
				return nil // asked to end before anything came
			}
			return g.asked(err, broken)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.want.Inspect, "inspect", false, "show what each step did, and the logs that are dropped")
	f.StringVar(&o.want.Input, "input", "", "only logs of the input with this `name`")
	f.StringVar(&o.want.Target, "target", "", "only logs for the target with this `name`")
	f.StringVar(&o.want.File, "file", "", "only logs of files whose path holds this `text`")
	f.IntVar(&o.want.Rate, "rate", admin.DefaultTapRate, "show at most so many logs a second")
	f.IntVarP(&o.count, "count", "n", 0, "end after so many logs")
	f.DurationVar(&o.limit, "for", 0, "end after this time")
	return cmd
}

// tap shows what comes from one socket until ctx ends. Its error is a *failure once the daemon has answered.
func (g *global) tap(ctx context.Context, socket string, o tapOptions) error {
	q := url.Values{
		"input": {o.want.Input}, "target": {o.want.Target}, "file": {o.want.File},
		"rate": {strconv.Itoa(o.want.Rate)}, "inspect": {strconv.FormatBool(o.want.Inspect)},
	}
	transport := over("unix", socket)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shipper/tap?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		if resp.StatusCode == http.StatusNotFound {
			said = []byte("it is of a version without tap; restart it: systemctl restart shipper")
		}
		return failf(exitUnavailable, "the daemon at %s answers %s: %s", socket, resp.Status, visible(strings.TrimSpace(string(said))))
	}
	v := &tapView{g: g, o: o, color: g.colored(g.stdout), quietSince: time.Now()}
	defer v.end()
	lines := json.NewDecoder(bufio.NewReaderSize(resp.Body, 64<<10))
	for {
		var e admin.TapEvent
		if err := lines.Decode(&e); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return failf(exitUnavailable, "the daemon has gone: it was stopped, or restarted")
		}
		more, err := v.take(&e)
		if err != nil {
			return fail(exitIO, err)
		}
		if !more {
			return nil
		}
	}
}

// tapView prints events.
type tapView struct {
	g     *global
	o     tapOptions
	color bool

	counts     admin.TapCounts
	shown      int
	quietSince time.Time // when the last log came; zero once it was said that none comes
}

// quietNote is after how long it is said that no log goes by.
const quietNote = 5 * time.Second

// take prints an event and reports whether more are wanted.
func (v *tapView) take(e *admin.TapEvent) (bool, error) {
	if c := e.Counts; c != nil {
		v.counts = *c
		if !v.quietSince.IsZero() && time.Since(v.quietSince) > quietNote && !v.g.quiet {
			fmt.Fprintf(v.g.stderr, "shipper: no log has gone by for %s; shipper status tells what holds the files (Ctrl-C ends)\n", quietNote)
			v.quietSince = time.Time{}
		}
	}
	if e.Log == nil {
		return true, nil
	}
	v.quietSince = time.Now()
	v.shown++
	var err error
	if v.g.json {
		err = json.NewEncoder(v.g.stdout).Encode(e.Log)
	} else {
		_, err = io.WriteString(v.g.stdout, v.text(e.Log))
	}
	return v.o.count == 0 || v.shown < v.o.count, err
}

// end tells how much of what went by was shown.
func (v *tapView) end() {
	if rest := v.counts.Seen - v.counts.Shown; rest > 0 && !v.g.quiet {
		fmt.Fprintf(v.g.stderr, "shipper: %s shown, about %d more went by (--rate %d)\n", count(v.shown, "log"), rest, v.o.want.Rate)
	}
}

// text is a log for people: a line, or with --inspect a paragraph.
func (v *tapView) text(l *admin.TapLog) string {
	var b strings.Builder
	paint := func(colour, s string) string {
		if v.color {
			return colour + s + colourReset
		}
		return s
	}
	head := fmt.Sprintf("%s %s → %s %s", l.Time.Local().Format("15:04:05.000"), l.Input, l.Target, visible(l.Path))
	b.WriteString(paint(colourDim, head))
	if v.o.want.Inspect {
		b.WriteByte('\n')
		t := process.Trace{Dropped: l.Dropped, Time: l.Time.Local()}
		for _, st := range l.Stages {
			t.Stages = append(t.Stages, process.Stage{Name: st.Name, Note: st.Note, Fields: keyValues(st.Fields)})
		}
		printTrace(&b, "  ", &t)
		return b.String()
	}
	for _, f := range l.Fields {
		b.WriteString(" " + paint(colourGreen, visible(f.Key)) + "=" + quoteIfNeeded(f.Value))
		if f.Cut > 0 {
			fmt.Fprintf(&b, "...(%d bytes more)", f.Cut)
		}
	}
	b.WriteByte('\n')
	return b.String()
}

func keyValues(fields []admin.TapField) (out []process.KeyValue) {
	for _, f := range fields {
		kv := process.KeyValue{Key: f.Key, Value: f.Value}
		if f.Cut > 0 {
			kv.Value += fmt.Sprintf("...(%d bytes more)", f.Cut)
		}
		out = append(out, kv)
	}
	return out
}

// quoteIfNeeded leaves a plain word as it is; all else is quoted, so that nothing writes on the terminal.
func quoteIfNeeded(s string) string {
	if s == "" || strings.ContainsAny(s, " =\"\\") || visible(s) != s {
		return strconv.Quote(s)
	}
	return s
}
