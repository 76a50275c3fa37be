package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"shipper/pkg/admin"
	"shipper/pkg/checkpoint"
	"shipper/pkg/config"
	"shipper/pkg/tail"
)

func newOffsets(g *global) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "offsets",
		Short: "Look at the positions in the files, and move them",
		Long: `Look at the positions in the files, and move them by hand.

list works at any time and disturbs nobody. set and forget want the daemon stopped: while it holds the state directory they
refuse with exit code 73 and name its process.`,
		Args: noArgs,
		RunE: help,
	}
	cmd.AddCommand(newOffsetsList(g), newOffsetsSet(g), newOffsetsForget(g))
	return cmd
}

// streamLine is one stream as offsets list shows it. Bytes are of the file; read = acked + pending + dead + lost + skipped.
type streamLine struct {
	Stream  uint64 `json:"stream"`
	Input   string `json:"input"`
	Target  string `json:"target"`
	Path    string `json:"path"`
	Dev     uint64 `json:"dev"`
	Ino     uint64 `json:"ino"`
	Offset  int64  `json:"offset"` // everything before it is settled
	Size    int64  `json:"size"`   // -1: the file is not there
	Read    int64  `json:"read"`
	Acked   int64  `json:"acked"`
	Pending int64  `json:"pending"`
	Dead    int64  `json:"dead"`
	Lost    int64  `json:"lost"`
	Skipped int64  `json:"skipped"`
	State   string `json:"state"`
	Found   string `json:"found_at,omitempty"` // where the file is now, when that is not path
}

// streamList is what offsets list prints as JSON.
type streamList struct {
	Schema   int          `json:"schema"`
	Source   string       `json:"source"` // daemon, or state_dir when none answers
	StateDir string       `json:"state_dir"`
	Damage   []string     `json:"damage"` // what cannot be read of the state directory
	Streams  []streamLine `json:"streams"`
}

func newOffsetsList(g *global) *cobra.Command {
	var pick selection
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show every stream: file, offset, what became of its bytes",
		Long: `Show every stream: file, offset, what became of its bytes. The figures are those of the running daemon or, when none
answers, those of the state directory, which is read and never changed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := g.loadConfig()
			if err != nil {
				return err
			}
			list, err := g.streams(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			list.Streams = slices.DeleteFunc(list.Streams, func(s streamLine) bool { return !pick.takes(s) })
			return g.printStreams(list)
		},
	}
	pick.flags(cmd)
	return cmd
}

// streams reads the state directory and, where a daemon answers, lays what it says over that.
func (g *global) streams(ctx context.Context, cfg *config.Config) (*streamList, error) {
	dir := cfg.Agent.StateDir
	list := &streamList{Schema: 1, Source: "state_dir", StateDir: dir, Damage: []string{}, Streams: []streamLine{}}
	epochs, damage, err := checkpoint.Look(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fail(exitState, err)
	}
	status, serr := askDaemon(ctx, cfg)
	switch {
	case err == nil || serr == nil:
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintln(g.stderr, "shipper:", dir, "does not exist: no daemon has run with this configuration yet")
	default:
		return nil, fail(exitState, fmt.Errorf("%w; and %w", err, serr))
	}
	for _, e := range epochs {
		list.Streams = append(list.Streams, lineOf(e))
	}
	if serr == nil {
		list.Source = "daemon"
		list.Streams = overlay(list.Streams, status)
	} else {
		list.Damage = append(list.Damage, damage...)
	}
	slices.SortFunc(list.Streams, func(a, b streamLine) int {
		return cmp.Or(cmp.Compare(a.Input, b.Input), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Stream, b.Stream))
	})
	return list, nil
}

// lineOf looks for the file of an epoch to tell how long it is and what has become of it.
func lineOf(e tail.Epoch) streamLine {
	s := streamLine{
		Stream: uint64(e.ID), Input: e.Route.Input, Target: e.Route.Target, Path: e.Path, Dev: e.Identity.Dev, Ino: e.Identity.Ino,
		Offset: e.Offset, Size: -1, Read: e.Counts.Read, Acked: e.Counts.Acked, Pending: e.Counts.Pending(),
		Dead: e.Counts.Dead, Lost: e.Counts.Lost, Skipped: e.Counts.Skipped,
	}
	at, size, err := locate(e)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		s.State = "unreadable"
	case err != nil:
		s.State = "gone"
	default:
		s.Size, s.State = size, "active"
		if at != e.Path {
			s.Found, s.State = at, "detached"
		}
	}
	return s
}

// overlay replaces what the state directory said by what the daemon says, which is newer. Streams that only the state directory
// knows stay: the daemon follows no file for them.
func overlay(lines []streamLine, s *admin.Status) []streamLine {
	at := map[uint64]int{}
	for i, l := range lines {
		at[l.Stream] = i
	}
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			if f.Epoch == 0 {
				continue // a path that cannot be read
			}
			l := streamLine{
				Stream: f.Epoch, Input: in.Name, Target: in.Target, Path: f.Path, Dev: f.Dev, Ino: f.Ino, Offset: f.Offset, Size: f.Size,
				Read: f.Read, Acked: f.Acked, Pending: f.Pending, Dead: f.Dead, Lost: f.Lost, Skipped: f.Skipped, State: f.State,
			}
			if i, known := at[f.Epoch]; known {
				l.Found = lines[i].Found
				lines[i] = l
			} else {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

func (g *global) printStreams(list *streamList) error {
	if g.json {
		return printJSON(g.stdout, list)
	}
	for _, d := range list.Damage {
		fmt.Fprintln(g.stderr, "shipper: state directory:", d)
	}
	tw := tabwriter.NewWriter(g.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "STREAM\tINPUT\tTARGET\tFILE\tINODE\tOFFSET\tSIZE\tSTATE\tREAD\tACKED\tPENDING\tDEAD\tLOST\tSKIPPED")
	for _, s := range list.Streams {
		size, path := fmt.Sprint(s.Size), s.Path
		if s.Size < 0 {
			size = "-"
		}
		if s.Found != "" {
			path += " (now " + s.Found + ")"
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%d\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", s.Stream, s.Input, s.Target, visible(path), s.Ino,
			s.Offset, size, s.State, s.Read, s.Acked, s.Pending, s.Dead, s.Lost, s.Skipped)
	}
	return tw.Flush()
}

// locate finds the file of an epoch: at its path, or renamed in the same directory. An error wraps fs.ErrNotExist when it is in
// neither place.
func locate(e tail.Epoch) (path string, size int64, err error) {
	size, err = isFileOf(e, e.Path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return e.Path, size, err
	}
	for _, near := range neighbours(e) {
		if size, nerr := isFileOf(e, near); nerr == nil {
			return near, size, nil
		}
	}
	return "", 0, err
}

// openState opens the state directory for a change, which keeps every daemon out until it is given back.
func (g *global) openState(cfg *config.Config) (*checkpoint.Store, error) {
	dir := cfg.Agent.StateDir
	if _, err := os.Stat(dir); err != nil {
		return nil, fail(exitState, fmt.Errorf("state directory: %w", err))
	}
	store, err := checkpoint.Open(dir, checkpoint.Options{Log: g.logger(cfg.Log)})
	if err == nil {
		return store, nil
	}
	if pid := holder(err); pid != 0 {
		return nil, failf(exitState, "a daemon works in the state directory (process %d): stop it first (systemctl stop shipper): %w", pid, err)
	}
	return nil, fail(exitState, err)
}

// closeState writes what was changed. A root's files would keep the daemon's own user out at its next start.
func (g *global) closeState(cfg *config.Config, store *checkpoint.Store) error {
	err := store.Trouble()
	if cerr := store.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = giveToOwner(cfg.Agent.StateDir)
	}
	if err != nil {
		return fail(exitIO, fmt.Errorf("write state: %w", err))
	}
	return nil
}
