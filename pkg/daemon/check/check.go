package check

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"shipper/pkg/config"
	"shipper/pkg/producer"
)

// Options say what to check.
type Options struct {
	Targets []string // names; none = all. Inputs that go to none of them are left out
	NoWrite bool     // write no line
	// ReadBack is how long the written line is waited for where verify is set; 0 = a minute
	ReadBack time.Duration
	Each     func(Step)   // is given every step as soon as it is known; may be nil
	Log      *slog.Logger // of the parts that are tried; nil = silent
}

func (o Options) readBackTime() time.Duration { return cmp.Or(o.ReadBack, readBackTime) }

// Verify walks the way of a line that is written and read back, for the targets that are set up for it, and nothing of this host.
func Verify(ctx context.Context, cfg *config.Config, o Options) Report {
	c := newChecker(cfg, o)
	c.names = slices.DeleteFunc(c.names, func(name string) bool { return cfg.Targets[name].Verify == "" })
	if len(c.names) > 0 {
		c.cloud(ctx)
	}
	c.report.OK = c.report.Count(Fail) == 0 && ctx.Err() == nil
	return c.report
}

// Run walks the chain for a configuration that was loaded. It ends early only when ctx does; what was not walked then is missing
// from the report, which is not OK.
func Run(ctx context.Context, cfg *config.Config, o Options) Report {
	c := newChecker(cfg, o)
	c.step(StepConfig, "", c.configuration)
	c.files(ctx)
	c.step(StepRotation, "", c.rotation)
	c.step(StepState, "", c.state)
	c.step(StepLimits, "", c.limits)
	c.cloud(ctx)
	c.report.OK = c.report.Count(Fail) == 0 && ctx.Err() == nil
	return c.report
}

// BadConfig is the report about a configuration that cannot be loaded.
func BadConfig(bad config.Errors) Report {
	s := Step{Name: StepConfig, Fix: []string{}}
	t := trouble{detail: fmt.Sprintf("%s in the configuration", count(len(bad), "error")), whose: Configuration}
	for i, p := range bad {
		where := p.File
		if p.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
		}
		if i == 0 {
			t.code, t.cause = p.Code, where+": "+p.Message
		}
		t.fix = append(t.fix, strings.TrimSuffix(where+": "+p.Message+" ("+p.Hint+")", " ()"))
	}
	s.fail(t)
	return Report{Schema: Schema, Steps: []Step{s}}
}

// checker is one walk.
type checker struct {
	cfg    *config.Config
	opt    Options
	log    *slog.Logger
	http   *http.Client
	etc    string // where logrotate's files are: "/etc"
	proc   string // where the kernel tells its limits: "/proc/sys"
	names  []string
	report Report

	matched     map[string][]string // files by input
	directories int                 // that would be watched
}

func newChecker(cfg *config.Config, o Options) *checker {
	c := &checker{cfg: cfg, opt: o, log: o.Log, etc: "/etc", proc: "/proc/sys", matched: map[string][]string{},
		http: &http.Client{Transport: producer.NewTransport(1)}, report: Report{Schema: Schema}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Targets)) {
		if len(o.Targets) == 0 || slices.Contains(o.Targets, name) {
			c.names = append(c.names, name)
		}
	}
	return c
}

// step runs one link and records it.
func (c *checker) step(name, target string, do func(*Step)) Step {
	s := Step{Name: name, Target: target, Status: OK, Fix: []string{}}
	begin := time.Now()
	do(&s)
	s.TookMS = time.Since(begin).Milliseconds()
	c.report.Steps = append(c.report.Steps, s)
	if c.opt.Each != nil {
		c.opt.Each(s)
	}
	return s
}

// configuration has been loaded; what is left are its warnings.
func (c *checker) configuration(s *Step) {
	where := "no file"
	if n := len(c.cfg.Files); n > 0 {
		where = c.cfg.Files[0].Path
		if n > 1 {
			where += " + " + count(n-1, "file")
		}
	}
	s.ok(fmt.Sprintf("%s, %s, %s", where, count(len(c.cfg.Targets), "target"), count(len(c.cfg.Inputs), "input")))
	if len(c.cfg.Warnings) == 0 {
		return
	}
	t := trouble{code: c.cfg.Warnings[0].Code, whose: Configuration, detail: s.Detail}
	for _, w := range c.cfg.Warnings {
		where := w.File
		if w.Line > 0 {
			where = fmt.Sprintf("%s:%d", w.File, w.Line)
		}
		t.detail += "\n" + where + ": " + w.Message
		if w.Code != t.code {
			t.detail += " (" + w.Code + ")"
		}
		if w.Hint != "" && !slices.Contains(t.fix, w.Hint) {
			t.fix = append(t.fix, w.Hint)
		}
	}
	s.warn(t)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
