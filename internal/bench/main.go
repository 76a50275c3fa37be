package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	only    string
	size    int
	rounds  int
	seconds int
	files   int
	shipper string
	dir     string
	against string
	svg     string
}

// bench is one run of the harness.
type bench struct {
	options
	oneCore bool              // the programs of throughput may use the first core alone; the sink has all
	bin     map[string]string // program -> path
	out     io.Writer
}

// section is one part of what is measured.
type section struct {
	name string
	run  func(*bench, context.Context) error
}

// sections in the order in which they run.
var sections = []section{
	{"binary", (*bench).binary},
	{"nginx", func(b *bench, ctx context.Context) error { return b.throughput(ctx, "nginx", 1) }},
	{"json", func(b *bench, ctx context.Context) error { return b.throughput(ctx, "json", 1) }},
	{"wide", func(b *bench, ctx context.Context) error { return b.throughput(ctx, "wide", 1) }},
	{"files", func(b *bench, ctx context.Context) error { return b.throughput(ctx, "nginx", 100) }},
	{"core", (*bench).core},
	{"emulator", (*bench).emulator},
	{"start", (*bench).start},
	{"latency", (*bench).latency},
	{"slow", (*bench).slow},
	{"idle", (*bench).idle},
	{"link", (*bench).link},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		if err := bare(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "bare pipeline:", err)
			os.Exit(1)
		}
		return
	}
	var names []string
	for _, s := range sections {
		names = append(names, s.name)
	}
	var o options
	flag.StringVar(&o.only, "only", "", "sections to run, of "+strings.Join(names, ","))
	flag.IntVar(&o.size, "size", 500, "MB (10^6) of a corpus")
	flag.IntVar(&o.rounds, "rounds", 3, "runs of each program; the median counts")
	flag.IntVar(&o.seconds, "seconds", 20, "length of what is measured over time")
	flag.IntVar(&o.files, "files", 10_000, "number of slow and of idle files")
	flag.StringVar(&o.shipper, "shipper", "", "the binary to measure instead of one that is built from here")
	flag.StringVar(&o.against, "against", "shipper v4,exactly once,bare,sdk", "programs that shipper is compared with")
	flag.StringVar(&o.svg, "flame", "", "measure nothing; draw a flame graph of the nginx corpus to this file")
	flag.StringVar(&o.dir, "dir", "", "where corpora and state go; the default is removed at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.svg != "" {
		o.only = "flame"
		sections = append(sections, section{"flame", (*bench).flame})
	}
	if err := o.check(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// check refuses what would measure nothing.
func (o options) check() error {
	if min(o.size, o.rounds, o.seconds, o.files) < 1 {
		return errors.New("-size, -rounds, -seconds and -files are at least 1")
	}
	for name := range strings.SplitSeq(o.only, ",") {
		if name != "" && !slices.ContainsFunc(sections, func(s section) bool { return s.name == name }) {
			return fmt.Errorf("-only: there is no section %q", name)
		}
	}
	for name := range strings.SplitSeq(o.against, ",") {
		if name != "" && !slices.Contains(programs, name) {
			return fmt.Errorf("-against: there is no program %q", name)
		}
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "shipper-bench")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	b := &bench{options: o, bin: map[string]string{}, out: os.Stdout}
	if err := b.build(ctx); err != nil {
		return err
	}
	fmt.Fprintln(b.out, machine())
	want := strings.Split(o.only, ",")
	for _, s := range sections {
		if o.only != "" && !slices.Contains(want, s.name) {
			continue
		}
		began := time.Now()
		fmt.Fprintf(b.out, "\n%s\n", s.name)
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s took %v\n", s.name, time.Since(began).Round(time.Second))
	}
	return nil
}

// build makes the programs that are compared. Paths are those of the repository, where this is started.
func (b *bench) build(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.bin["bare"] = self
	for name, pkg := range map[string]string{"shipper": "./cmd/shipper", "sdk": "./internal/bench/testdata/sdkloop"} {
		if name == "shipper" && b.shipper != "" {
			b.bin[name] = b.shipper
			continue
		}
		b.bin[name] = filepath.Join(b.dir, name)
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.bin[name], pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

func (b *bench) binary(context.Context) error {
	st, err := os.Stat(b.bin["shipper"])
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "  shipper %.2f MB (%.2f MiB)\n", float64(st.Size())/1e6, float64(st.Size())/(1<<20))
	return nil
}
