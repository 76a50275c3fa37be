package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"shipper/pkg/checkpoint"
	"shipper/pkg/config"
	"shipper/pkg/tail"
)

func newOffsetsSet(g *global) *cobra.Command {
	var pick selection
	var force bool
	cmd := &cobra.Command{
		Use:   "set --path FILE [--input NAME] [--target NAME] OFFSET|beginning|end",
		Short: "Move the position in one file (daemon stopped)",
		Long: `Move the position in one file. The daemon must be stopped.

OFFSET is in bytes, within the file and at the beginning of a line; --force takes any. Backwards sends lines again; what was
counted stays counted. Forwards leaves lines out: their bytes count as skipped.
"end" is behind the last whole line that is there now.`,
		Args: oneArg("an offset in bytes, or beginning, or end"),
		RunE: func(_ *cobra.Command, args []string) error {
			return g.onPicked(pick, func(cfg *config.Config, store *checkpoint.Store) error {
				return g.moveOffset(cfg, store, pick, args[0], force)
			})
		},
	}
	pick.flags(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "take an offset outside of the file or inside of a line")
	return cmd
}

func (g *global) moveOffset(cfg *config.Config, store *checkpoint.Store, pick selection, where string, force bool) error {
	e, err := pick.one(store.Epochs())
	if err != nil {
		return err
	}
	off, err := resolveOffset(e, newlineOf(cfg.Inputs[e.Route.Input].Encoding), where, force)
	if err != nil {
		return err
	}
	if err := store.SetOffset(e.ID, off); err != nil {
		return fail(exitUsage, err)
	}
	after := lineOf(store.Stream(e.ID).Epoch())
	if g.json {
		return printJSON(g.stdout, map[string]any{"schema": 1, "from": e.Offset, "to": off, "stream": after})
	}
	switch {
	case off < e.Offset:
		_, err = fmt.Fprintf(g.stdout, "%s: position moved back from %d to %d; %d bytes will be sent again to %s\n", e.Path, e.Offset, off, e.Offset-off, e.Route.Target)
	default:
		_, err = fmt.Fprintf(g.stdout, "%s: position moved from %d to %d; %d bytes count as skipped for %s\n", e.Path, e.Offset, off, after.Skipped-e.Counts.Skipped, e.Route.Target)
	}
	return err
}

// resolveOffset turns what was asked for into a position in the epoch's file.
func resolveOffset(e tail.Epoch, newline []byte, where string, force bool) (int64, error) {
	if where == "beginning" {
		return 0, nil
	}
	var off int64
	if where != "end" {
		n, err := strconv.ParseInt(where, 10, 64)
		if err != nil || n < 0 {
			return 0, failf(exitUsage, "%q is no offset: bytes from the beginning of the file, or beginning, or end", where)
		}
		off = n
		if force {
			return off, nil
		}
	}
	path, size, err := locate(e)
	if err != nil {
		return 0, failf(exitIO, "%s: the file cannot be looked at, so the offset cannot be checked (beginning, or --force with a number, need no file): %w", e.Path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fail(exitIO, err)
	}
	defer f.Close()
	if packed(f) {
		return 0, failf(exitUsage, "%s is compressed, and offsets count what is in it: only beginning, or --force with a number", path)
	}
	if where == "end" {
		before, _, err := lineEnds(f, size, size, newline)
		switch {
		case err != nil:
			return 0, fail(exitIO, err)
		case before < 0:
			return 0, failf(exitUsage, "%s: its last %d bytes hold no line end; give a number with --force", path, lineWindow)
		}
		return before, nil
	}
	if off > size {
		return 0, failf(exitUsage, "offset %d is beyond the end of %s, which is %d bytes long (--force takes it)", off, path, size)
	}
	before, after, err := lineEnds(f, size, off, newline)
	switch {
	case err != nil:
		return 0, fail(exitIO, err)
	case before == off:
		return off, nil
	}
	return 0, failf(exitUsage, "offset %d is inside of a line of %s; lines begin %s (--force takes it)", off, path, boundaries(before, after))
}

func boundaries(before, after int64) string {
	switch {
	case before >= 0 && after >= 0:
		return fmt.Sprintf("at %d and at %d", before, after)
	case before >= 0:
		return fmt.Sprintf("at %d before it, and none after it", before)
	case after >= 0:
		return fmt.Sprintf("at %d after it", after)
	}
	return fmt.Sprintf("nowhere within %d bytes", lineWindow)
}

// packed reports whether a file is compressed, by its first bytes (gzip, compress, bzip2, zstd, xz, lz4, zip). A name may say so
// of a file that is not, and the other way round.
func packed(f io.ReaderAt) bool {
	var b [4]byte
	n, _ := f.ReadAt(b[:], 0)
	return slices.ContainsFunc([]string{"\x1f\x8b", "\x1f\x9d", "BZh", "\x28\xb5\x2f\xfd", "\xfd7zX", "\x04\x22\x4d\x18", "PK\x03\x04"},
		func(magic string) bool { return strings.HasPrefix(string(b[:n]), magic) })
}

// onPicked opens the state directory, which no daemon may have in use, for something that is done to one stream.
func (g *global) onPicked(pick selection, do func(*config.Config, *checkpoint.Store) error) error {
	if pick.path == "" && pick.stream == 0 {
		return failf(exitUsage, "which file? --path FILE, or --stream NUMBER from shipper offsets list")
	}
	cfg, err := g.loadConfig()
	if err != nil {
		return err
	}
	store, err := g.openState(cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(cfg, store), g.closeState(cfg, store))
}

func newOffsetsForget(g *global) *cobra.Command {
	var pick selection
	cmd := &cobra.Command{
		Use:   "forget --path FILE [--input NAME] [--target NAME]",
		Short: "Forget one stream (daemon stopped): its file is a new one then",
		Long: `Forget one stream. The daemon must be stopped. A file that the input's paths match is taken for a new one at the next start,
and start_at decides where it begins; one that was rotated away is not read any more.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return g.onPicked(pick, func(_ *config.Config, store *checkpoint.Store) error { return g.forgetStream(store, pick) })
		},
	}
	pick.flags(cmd)
	return cmd
}

func (g *global) forgetStream(store *checkpoint.Store, pick selection) error {
	e, err := pick.one(store.Epochs())
	if err != nil {
		return err
	}
	line := lineOf(e)
	store.Forget(e.ID)
	if g.json {
		return printJSON(g.stdout, map[string]any{"schema": 1, "forgotten": line})
	}
	_, err = fmt.Fprintf(g.stdout, "%s: stream %d forgotten (input %s, target %s, was at %d)\n", e.Path, e.ID, e.Route.Input, e.Route.Target, e.Offset)
	return err
}
