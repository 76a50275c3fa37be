package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/admin"
)

func newReload(g *global) *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the running daemon read its configuration again",
		Long: `Make the running daemon read its configuration again, wait until it is in use, and print what changed.

Targets and inputs that did not change are not touched, positions always carry over, and a configuration with
an error in it changes nothing. Exit codes: 0 applied, or nothing had changed; 78 errors, nothing was changed;
69 no daemon answers, or not within --wait.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			return g.reload(ctx, wait)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 20*time.Second, "how long to wait for the answer")
	return cmd
}

// reload asks the daemon, which says itself what is wrong with the files.
func (g *global) reload(ctx context.Context, wait time.Duration) error {
	cfg, broken := g.asking()
	result, err := askReload(ctx, cfg.SocketPaths(os.Getenv))
	switch {
	case err == nil:
		return g.printReload(result)
	case ctx.Err() != nil:
		return failf(exitUnavailable, "no answer within %s; the reload may still be under way (see shipper status)", wait)
	}
	return g.asked(err, broken)
}

// askReload tries the sockets in turn.
func askReload(ctx context.Context, sockets []string) (result *admin.ReloadResult, err error) {
	err = overSockets(sockets, func(socket string) error {
		result, err = postReload(ctx, socket)
		return err
	})
	return result, err
}

func postReload(ctx context.Context, socket string) (*admin.ReloadResult, error) {
	transport := over("unix", socket)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://shipper/reload", nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var r admin.ReloadResult
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil || r.Hash == "" {
		return nil, fmt.Errorf("%s answers %s, but is no shipper that can reload", socket, resp.Status)
	}
	return &r, nil
}

func (g *global) printReload(r *admin.ReloadResult) error {
	switch {
	case g.json:
		if err := printJSON(g.stdout, r); err != nil {
			return err
		}
	case !r.OK:
		fmt.Fprint(g.stderr, r.Error)
	case g.quiet:
	case len(r.Changes) == 0:
		fmt.Fprintln(g.stdout, "nothing changed")
	default:
		for _, c := range r.Changes {
			fmt.Fprintln(g.stdout, c)
		}
	}
	if !r.OK {
		return exit(exitConfig)
	}
	return nil
}

// onHangup calls reload for each HUP, until stop. What comes of it is in the log.
func onHangup(ctx context.Context, reload func(context.Context) admin.ReloadResult) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-ch:
				reload(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { signal.Stop(ch); cancel() }
}
