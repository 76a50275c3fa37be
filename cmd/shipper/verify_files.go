package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"shipper/pkg/checkpoint"
	"shipper/pkg/config"
	"shipper/pkg/tail"
)

// Verdicts of the audit.
const (
	auditOK      = "ok"
	auditLook    = "look"  // nothing is wrong with what shipper did, and somebody should know
	auditProblem = "wrong" // bytes are lost, or the books are not right
)

// auditedFile is one stream with what the audit thinks of it.
type auditedFile struct {
	streamLine
	Unread  int64    `json:"unread"` // bytes behind what was read; -1: not known
	Verdict string   `json:"verdict"`
	Codes   []string `json:"codes"`
	Remarks []string `json:"remarks"`
}

// worst raises the verdict and says why.
func (f *auditedFile) worst(verdict, code, remark string) {
	if verdict == auditProblem || f.Verdict == auditOK {
		f.Verdict = verdict
	}
	f.Codes = append(f.Codes, code)
	f.Remarks = append(f.Remarks, remark)
}

// audit reads every file again and compares it with its record.
func (g *global) audit(ctx context.Context, cfg *config.Config, targets []string) (*verifyReport, error) {
	list, err := g.streams(ctx, cfg)
	if err != nil {
		return nil, err
	}
	// The records that the content is compared with: offset and marker of one moment belong together.
	epochs, _, err := checkpoint.Look(cfg.Agent.StateDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, fail(exitState, err)
	}
	byID := map[uint64]tail.Epoch{}
	for _, e := range epochs {
		byID[uint64(e.ID)] = e
	}
	r := &verifyReport{Schema: 1, StateDir: list.StateDir, Damage: list.Damage, Files: []auditedFile{}, Off: []string{},
		Totals: map[string]int{auditOK: 0, auditLook: 0, auditProblem: 0}}
	names := targetNames(cfg, targets)
	for _, s := range list.Streams {
		if len(targets) > 0 && !slices.Contains(names, s.Target) {
			continue
		}
		f := auditedFile{streamLine: s, Unread: -1, Verdict: auditOK, Codes: []string{}, Remarks: []string{}}
		f.books()
		if e, known := byID[s.Stream]; known {
			f.content(e)
		}
		r.Files = append(r.Files, f)
		r.Totals[f.Verdict]++
	}
	return r, nil
}

// targetNames are the chosen targets, sorted; none chosen = all.
func targetNames(cfg *config.Config, only []string) []string {
	if len(only) > 0 {
		return slices.Sorted(slices.Values(only))
	}
	return slices.Sorted(maps.Keys(cfg.Targets))
}

// books checks the sum, and tells what did not arrive.
func (f *auditedFile) books() {
	if sum := f.Acked + f.Pending + f.Dead + f.Lost + f.Skipped; f.Read != sum || min(f.Read, f.Acked, f.Pending, f.Dead, f.Lost, f.Skipped) < 0 {
		f.worst(auditProblem, "SHP-K201", fmt.Sprintf("the books do not balance: read %d, accounted for %d", f.Read, sum))
	}
	if f.Lost > 0 {
		f.worst(auditProblem, "SHP-K004", fmt.Sprintf("%d bytes were gone before they could be read", f.Lost))
	}
	if f.Dead > 0 {
		f.worst(auditLook, "SHP-K203", fmt.Sprintf("%d bytes were refused by the service for ever: shipper dlq list", f.Dead))
	}
}

// content reads what stands before the committed offset, and how much stands behind it.
func (f *auditedFile) content(e tail.Epoch) {
	path, size, err := locate(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Rotated files end like this every day. Whether bytes were behind the offset nobody can tell any more.
		f.Remarks = append(f.Remarks, fmt.Sprintf("the file is gone; it was settled up to byte %d", e.Offset))
		return
	case err != nil:
		f.worst(auditLook, "SHP-T005", "the file cannot be read now: "+err.Error())
		return
	}
	if compressed(path) { // its offsets count what it unfolds to
		return
	}
	if size < e.Offset {
		f.worst(auditLook, "SHP-K202", fmt.Sprintf("the file has %d bytes, and %d were settled: it was truncated, and is read from its beginning as soon as shipper sees it", size, e.Offset))
		return
	}
	if f.Unread = size - f.Read; f.Unread < 0 { // read from elsewhere: a copy, an earlier start
		f.Unread = max(0, size-f.Offset)
	}
	same, err := unchanged(path, e)
	switch {
	case err != nil:
		f.worst(auditLook, "SHP-T005", "the file cannot be read now: "+err.Error())
	case !same:
		f.worst(auditLook, "SHP-K202", fmt.Sprintf("the content before offset %d is not what was read: the file was rewritten in place, and is read from its beginning as soon as shipper sees it", e.Offset))
	}
}

func compressed(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // said by whoever reads it
	}
	defer f.Close()
	return packed(f)
}

// unchanged compares the bytes before the committed offset with the marker in the record.
func unchanged(path string, e tail.Epoch) (bool, error) {
	n := int64(e.Marker.Len)
	if n == 0 || n > e.Offset {
		return true, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	window := make([]byte, n)
	if _, err := f.ReadAt(window, e.Offset-n); err != nil {
		return false, err
	}
	return tail.MarkerOf(window) == e.Marker, nil
}
