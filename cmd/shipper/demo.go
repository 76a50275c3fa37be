package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/emulator"
)

// The demo's plot: when what happens, counted from its start.
const (
	demoTokenLife = 4 * time.Second
	demoRevoke    = 8 * time.Second
	demoGrant     = 13 * time.Second
	demoKill      = 17 * time.Second
	demoLast      = 24 * time.Second // the writer stops
	demoPatience  = 30 * time.Second // for what is still on its way then
	demoRate      = 400              // lines a second
	demoRotate    = 3 * time.Second
)

func newDemo(g *global) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The two-account story on this machine, no cloud, half a minute",
		Long: `Two accounts, their RAM documents, a Logstore, a log writer that rotates its file, and shipper between them with
tokens that live four seconds. On the way the permission is revoked and granted again, and shipper is killed with
SIGKILL. At the end everything is read back and counted.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			dir, err := os.MkdirTemp("", "shipper-demo-")
			if err != nil {
				return fail(exitIO, err)
			}
			if keep {
				defer fmt.Fprintf(g.stdout, "\nkept: %s\n", dir)
			} else {
				defer os.RemoveAll(dir)
			}
			return (&demo{dir: dir, view: newDemoView(g)}).run(ctx)
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "keep the directory with logs, configuration and state")
	return cmd
}

// demo is one performance.
type demo struct {
	dir    string
	view   *demoView
	cloud  *emulator.Emulator
	addr   string
	writer *demoWriter
	ship   *demoShipper
}

func (d *demo) run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	em, err := emulator.New(emulator.Options{World: emulator.DefaultWorld(), Log: slog.New(slog.DiscardHandler), TokenLife: demoTokenLife})
	if err != nil {
		return fail(exitIO, err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fail(exitIO, err)
	}
	d.cloud, d.addr = em, l.Addr().String()
	all.Go(func() {
		if err := em.Run(ctx, l); err != nil {
			d.view.say("emulator: %v", err)
		}
	})
	config, err := d.prepare()
	if err != nil {
		return fail(exitIO, err)
	}
	d.view.intro(d.addr, config)

	d.writer = &demoWriter{path: filepath.Join(d.dir, "app.log")}
	d.ship = &demoShipper{config: config, log: filepath.Join(d.dir, "shipper.log")}
	defer d.ship.kill()
	if err := d.ship.start(ctx); err != nil {
		return fail(exitIO, err)
	}
	all.Go(func() { d.writer.run(ctx, demoLast) })
	if err := d.play(ctx); err != nil {
		return err
	}
	return d.verdict(ctx)
}

// play follows the plot and keeps the view up to date.
func (d *demo) play(ctx context.Context) error {
	start := time.Now()
	plot := []struct {
		at   time.Duration
		does func() error
	}{
		{demoRevoke, func() error {
			d.view.say("account A revokes the write permission: the lines wait in the file")
			return d.cloud.SetRolePolicy(emulator.WriterRole, demoNothing)
		}},
		{demoGrant, func() error {
			d.view.say("account A grants it again: shipper finds out by itself")
			return d.cloud.SetRolePolicy(emulator.WriterRole, demoWrite)
		}},
		{demoKill, func() error {
			d.view.say("kill -9 shipper, and start it again: it goes on at the first line without an acknowledgement")
			d.ship.kill()
			return d.ship.start(ctx)
		}},
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fail(exitIO, fmt.Errorf("demo: stopped: %w", context.Cause(ctx)))
		case <-tick.C:
		}
		now := time.Since(start)
		for len(plot) > 0 && now >= plot[0].at {
			if err := plot[0].does(); err != nil {
				return fail(exitIO, fmt.Errorf("demo: %w", err))
			}
			plot = plot[1:]
		}
		d.view.progress(d.scene(now))
		delivered := d.distinct()
		if now >= demoLast && d.writer.done() && delivered >= d.writer.written() {
			return nil
		}
		if now >= demoLast+demoPatience {
			return nil // the verdict counts what is missing
		}
	}
}
