package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shipper/internal/stdlog"
	"shipper/pkg/emulator"
)

func newEmulator(g *global) *cobra.Command {
	var listen, world string
	var tokenLife time.Duration
	var discard, show, secure bool
	cmd := &cobra.Command{
		Use:   "emulator",
		Short: "Log Service, STS and RAM on this machine, for trying and testing",
		Long: `Log Service, STS and RAM on one loopback port: signatures are really verified, tokens really expire, policies are
really evaluated, and a denial says why. The official SDKs work against it unmodified.

Without --world there are two accounts: 1111111111111111 owns project sec-logs with Logstore web and a role
shipper-writer; 2222222222222222 has a user who may assume it. --print-world shows them with their (made-up) keys.

Control, from this machine only: GET /_emulator/stats, GET /_emulator/logs, POST /_emulator/faults and more.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if tokenLife < 0 {
				return failf(exitUsage, "--token-life %v: a token cannot end before it begins", tokenLife)
			}
			w := emulator.DefaultWorld()
			if world != "" {
				var err error
				if w, err = readWorld(world); err != nil {
					return fail(exitConfig, err)
				}
			}
			if show {
				return printJSON(g.stdout, w)
			}
			log := slog.New(stdlog.New(g.stderr, stdlog.Text, slog.LevelInfo, g.colored(g.stderr)))
			em, err := emulator.New(emulator.Options{World: w, Log: log, TokenLife: tokenLife, Discard: discard})
			if err != nil {
				return fail(exitConfig, err)
			}
			l, err := new(net.ListenConfig).Listen(cmd.Context(), "tcp", listen)
			if errors.Is(err, syscall.EADDRINUSE) {
				return failf(exitIO, "--listen %s: the port is in use; choose another (port 0 takes a free one)", listen)
			}
			if err != nil {
				return fail(exitIO, fmt.Errorf("--listen: %w", err))
			}
			scheme := "http"
			if secure {
				scheme, l = "https", tls.NewListener(l, em.TLSConfig())
			}
			fmt.Fprintf(g.stdout, "Log Service, STS and RAM on %s://%s\n", scheme, l.Addr())
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			if err := em.Run(ctx, l); err != nil {
				return fail(exitIO, err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", "127.0.0.1:9621", "loopback `host:port`; port 0 takes a free one")
	f.StringVar(&world, "world", "", "JSON `file` with accounts, users, roles, projects; see --print-world")
	f.DurationVar(&tokenLife, "token-life", 0, "let every token live this long instead of what was asked for")
	f.BoolVar(&discard, "discard", false, "count what arrives and store nothing")
	f.BoolVar(&secure, "tls", false, "serve https for every host name; the authority's certificate is at /_emulator/ca")
	f.BoolVar(&show, "print-world", false, "print the world as JSON and exit")
	return cmd
}

func readWorld(path string) (emulator.World, error) {
	f, err := os.Open(path)
	if err != nil {
		return emulator.World{}, fmt.Errorf("--world: %w", err)
	}
	defer f.Close()
	w, err := emulator.ReadWorld(f)
	if err != nil {
		return w, fmt.Errorf("--world %s: %w; --print-world writes one to begin with", path, err)
	}
	return w, nil
}
