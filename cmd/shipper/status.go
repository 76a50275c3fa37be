package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"shipper/pkg/admin"
	"shipper/pkg/config"
)

func newStatus(g *global) *cobra.Command {
	var ready bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "One look at the running daemon",
		Long: `One look at the running daemon, through its unix socket or its admin port.

With --ready it only tells whether lines can be delivered: exit code 0 or 1. Add --quiet in a probe.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := g.askStatus(cmd.Context())
			if err != nil {
				return err
			}
			return g.printStatus(status, ready)
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "exit 0 if lines can be delivered, 1 if not")
	return cmd
}

func (g *global) printStatus(s *admin.Status, onlyReady bool) error {
	switch {
	case g.quiet:
	case g.json:
		if err := printJSON(g.stdout, s); err != nil {
			return err
		}
	default:
		var b bytes.Buffer
		printReady(&b, s)
		if !onlyReady {
			printTargets(&b, s)
			printFiles(&b, s)
		}
		if _, err := b.WriteTo(g.stdout); err != nil {
			return err
		}
	}
	if onlyReady && !s.Ready {
		return exit(exitProblem)
	}
	return nil
}

func printReady(w io.Writer, s *admin.Status) {
	word := "ready"
	if !s.Ready {
		word = "NOT READY"
	}
	fmt.Fprintf(w, "shipper %s, %s, up %s, memory %s of %s\n", s.Version, word,
		time.Since(s.Started).Round(time.Second), humanBytes(s.Memory.Used), humanBytes(s.Memory.Limit))
	for _, r := range s.Reasons {
		fmt.Fprintf(w, "  ! %s\n", visible(r))
	}
}

func printTargets(w io.Writer, s *admin.Status) {
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TARGET\tLOGSTORE\tACKED\tLAST ACK\tIN FLIGHT\tTOKEN")
	for _, t := range s.Targets {
		fmt.Fprintf(tw, "%s\t%s/%s\t%d logs, %s\t%s\t%d/%d\t%s\n", t.Name, t.Project, t.Logstore, t.AckedLogs,
			humanBytes(t.AckedBytes), ago(t.LastAckAt), t.InFlight, t.InFlightLimit, tokenLife(t))
	}
	tw.Flush()
	for _, t := range s.Targets {
		if t.LastError != nil && !t.Up {
			fmt.Fprintf(w, "  ! %s: %s\n", t.Name, visible(lastAnswer(t.LastError)))
		}
	}
}

// lastAnswer is the newest answer that was no success: verdict, the service's code and words, and what shipper explain takes.
func lastAnswer(e *admin.LastError) string {
	text := fmt.Sprintf("%s %s: %s", e.Verdict, e.Code, e.Message)
	if e.ID != "" { // an older daemon does not say it
		text += " [" + e.ID + "]"
	}
	return text
}

func printFiles(w io.Writer, s *admin.Status) {
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "INPUT\tFILE\tSTATE\tREAD\tACKED\tPENDING\tDEAD\tLOST\tSKIPPED\tBEHIND")
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", in.Name, visible(f.Path), f.State,
				f.Read, f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped, humanBytes(f.LagBytes))
		}
		if len(in.Files) == 0 {
			fmt.Fprintf(tw, "%s\t(no file matches)\t\t\t\t\t\t\t\t\n", in.Name)
		}
	}
	tw.Flush()
}

func tokenLife(t admin.TargetStatus) string {
	if t.TokenExpiresAt == nil {
		return "-"
	}
	left := time.Until(*t.TokenExpiresAt).Round(time.Second)
	if left <= 0 {
		return "expired"
	}
	return left.String() + " left"
}

func ago(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return time.Since(*at).Round(time.Second).String() + " ago"
}

// askStatus asks the daemon of the configuration.
func (g *global) askStatus(ctx context.Context) (*admin.Status, error) {
	cfg, broken := g.asking()
	status, err := askDaemon(ctx, cfg)
	return status, g.asked(err, broken)
}

// askDaemon tries the sockets first: they need no port, and their file mode says who may ask.
func askDaemon(ctx context.Context, cfg *config.Config) (*admin.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var reasons []error
	for _, socket := range cfg.SocketPaths(os.Getenv) {
		status, err := getStatus(ctx, "unix", socket)
		if err == nil {
			return status, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			reasons = append(reasons, withoutURL(err))
		}
	}
	if cfg.Admin.Listen != "" {
		status, err := getStatus(ctx, "tcp", cfg.Admin.Listen)
		if err == nil {
			return status, nil
		}
		reasons = append(reasons, withoutURL(err))
	}
	if len(reasons) == 0 {
		return nil, failf(exitUnavailable, "no daemon answers: no control socket at %s, and admin.listen is off (is it running? systemctl status shipper)",
			strings.Join(cfg.SocketPaths(os.Getenv), " or "))
	}
	return nil, failf(exitUnavailable, "no daemon answers: %w (is it running? systemctl status shipper)", inOneLine(reasons))
}

func getStatus(ctx context.Context, network, addr string) (*admin.Status, error) {
	transport := over(network, addr)
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shipper/status", nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", addr, err)
	}
	var s admin.Status
	if err := json.Unmarshal(body, &s); err != nil || s.Schema == 0 {
		return nil, fmt.Errorf("%s answers, but is no shipper", addr)
	}
	return &s, nil
}
