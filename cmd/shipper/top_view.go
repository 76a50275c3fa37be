package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"shipper/pkg/admin"
)

// topView is what top shows: the last look, and rates over the looks before it.
type topView struct {
	color bool
	looks []topLook // oldest first, at most topWindow
	err   error     // why the last try to look failed; nil when it did not
	from  int       // the file that stands first, when there are more than fit
}

// topLook is one answer of the daemon.
type topLook struct {
	at time.Time
	s  *admin.Status
}

// topWindow is over how many looks rates are averaged: requests come and go in steps.
const topWindow = 4

// add takes a look over. A daemon that was started again counts from zero.
func (v *topView) add(at time.Time, s *admin.Status) {
	if n := len(v.looks); n > 0 && !v.looks[n-1].s.Started.Equal(s.Started) {
		v.looks = nil
	}
	v.looks = append(v.looks, topLook{at, s})
	if len(v.looks) > topWindow {
		v.looks = slices.Delete(v.looks, 0, 1)
	}
}

// rate is how fast a figure has grown over the window, a second; -1 if that is not known yet.
func (v *topView) rate(figure func(*admin.Status) (int64, bool)) float64 {
	last := v.looks[len(v.looks)-1]
	now, ok := figure(last.s)
	if !ok {
		return -1
	}
	for _, l := range v.looks[:len(v.looks)-1] {
		if before, ok := figure(l.s); ok && now >= before {
			if d := last.at.Sub(l.at).Seconds(); d > 0 {
				return float64(now-before) / d
			}
		}
	}
	return -1
}

// lines is the screen: width columns and at most height lines; 0 is no limit.
func (v *topView) lines(width, height int) []string {
	room := cmp.Or(width, 1<<20)
	var out []string
	if v.err != nil {
		out = v.note(out, "", colourRed, strings.ReplaceAll(v.err.Error(), "\n", "; "), room)
	}
	if len(v.looks) == 0 {
		return out
	}
	look := v.looks[len(v.looks)-1]
	out = append(out, v.head(&look, room)...)
	out = append(out, "")
	out = append(out, v.targets(look.s, width)...)
	out = append(out, "")
	files := v.files(look.s, width)
	if height <= 0 {
		return append(out, files...)
	}
	return append(out, v.page(files, height-len(out))...)
}

// head says how the daemon is, and what is wrong with all of it.
func (v *topView) head(look *topLook, room int) []string {
	s := look.s
	word, colour := "ready", colourGreen
	if !s.Ready {
		word, colour = "NOT READY", colourRed
	}
	rest := fmt.Sprintf(", up %s, memory %s of %s", shortTime(look.at.Sub(s.Started)), humanBytes(s.Memory.Used), humanBytes(s.Memory.Limit))
	clock := look.at.Local().Format("15:04:05")
	name := "shipper " + visible(s.Version) + ", "
	line := name + v.paint(colour, word) + rest
	if pad := room - cells(name+word+rest) - len(clock); pad > 0 && room < 1<<20 {
		line += strings.Repeat(" ", pad) + clock
	}
	out := []string{line}
	for _, r := range s.Reasons {
		if _, of, ok := strings.Cut(r, "target "); ok && v.isTarget(s, of) {
			continue // it stands below its target
		}
		out = v.note(out, "", colourYellow, r, room)
	}
	return out
}

// noteLines is how many lines a trouble may take.
const noteLines = 6

// note appends a trouble, in lines of at most room columns.
func (v *topView) note(out []string, indent, colour, text string, room int) []string {
	mark := "! "
	for _, l := range wrapCells(visible(text), max(room-len(indent)-len(mark), 10), noteLines) {
		out = append(out, indent+v.paint(colour, mark+l))
		mark = "  "
	}
	return out
}

// isTarget reports whether a reason is the one of a target: "NAME: why".
func (v *topView) isTarget(s *admin.Status, reason string) bool {
	name, _, _ := strings.Cut(reason, ": ")
	return slices.ContainsFunc(s.Targets, func(t admin.TargetStatus) bool { return t.Name == name && t.Reason != "" })
}

// targets is the table of targets, with what holds one below it.
func (v *topView) targets(s *admin.Status, width int) []string {
	cols := []column{{title: "TARGET", flex: true}, {title: "LOGSTORE", spare: true}, {title: "LOGS/s", right: true, least: 6},
		{title: "SENT/s", right: true, least: 8}, {title: "BEHIND", right: true, least: 9}, {title: "LAG", right: true, least: 3},
		{title: "FLYING", right: true, spare: true}, {title: "LAST ACK", right: true, spare: true}, {title: "TOKEN", right: true}}
	var rows [][]cell
	now := v.looks[len(v.looks)-1].at
	for _, t := range s.Targets {
		lag, oldest := lagOf(s, t.Name)
		logs := v.rate(targetFigure(t.Name, func(t *admin.TargetStatus) int64 { return t.AckedLogs }))
		bytes := v.rate(targetFigure(t.Name, func(t *admin.TargetStatus) int64 { return t.AckedBytes }))
		name := cell{t.Name, colourGreen}
		if !t.Up || t.Reason != "" {
			name.colour = colourRed
		}
		rows = append(rows, []cell{
			name, {text: visible(t.Project + "/" + t.Logstore)}, {text: perSecond(logs)}, {text: byteRate(bytes)}, {text: humanBytes(lag)}, lagCell(oldest),
			{text: fmt.Sprintf("%d/%d", t.InFlight, t.InFlightLimit)}, {text: since(t.LastAckAt, now)}, tokenCell(t.TokenExpiresAt, now),
		})
	}
	lines := table(cols, rows, width, v.painter())
	out := lines[:1:1]
	for i, t := range s.Targets {
		out = append(out, lines[i+1])
		why := t.Reason
		if why == "" && !t.Up && t.LastError != nil {
			why = lastAnswer(t.LastError)
		}
		if why != "" {
			out = v.note(out, "  ", colourRed, why, cmp.Or(width, 1<<20))
		}
	}
	return out
}

// files is the table of files, the ones furthest behind first; its first line is the header.
func (v *topView) files(s *admin.Status, width int) []string {
	cols := []column{{title: "FILE", flex: true}, {title: "INPUT", spare: true}, {title: "TARGET", spare: true}, {title: "STATE"},
		{title: "READ/s", right: true, least: 8}, {title: "BEHIND", right: true, least: 9}, {title: "LAG", right: true, least: 3},
		{title: "PENDING", right: true, least: 9}}
	type entry struct {
		row  []cell
		lag  int64
		rate float64
		path string
	}
	var all []entry
	for _, in := range s.Inputs {
		for _, f := range in.Files {
			rate := v.rate(fileFigure(in.Name, in.Target, f.Epoch))
			state := cell{text: f.State}
			if f.Error != "" {
				state.colour = colourRed
			}
			all = append(all, entry{[]cell{
				{text: visible(f.Path)}, {text: in.Name}, {text: in.Target}, state, {text: byteRate(rate)},
				{text: humanBytes(f.LagBytes)}, lagCell(f.LagSeconds), {text: humanBytes(f.Pending)},
			}, f.LagBytes, rate, f.Path})
		}
	}
	if len(all) == 0 {
		return []string{"no file matches (shipper check tells why)"}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.lag, a.lag), cmp.Compare(b.rate, a.rate), cmp.Compare(a.path, b.path))
	})
	rows := make([][]cell, len(all))
	for i, e := range all {
		rows[i] = e.row
	}
	return table(cols, rows, width, v.painter())
}

// page is as much of the files as fits into height lines, with a line that says how much that is.
func (v *topView) page(files []string, height int) []string {
	n := len(files) - 1
	fit := max(height-2, 1) // header and last line
	v.from = min(v.from, max(0, n-fit))
	shown := min(n-v.from, fit)
	foot := "q quits"
	if n > shown {
		foot = fmt.Sprintf("q quits, arrows move: files %d to %d of %d, furthest behind first", v.from+1, v.from+shown, n)
	}
	out := append(files[:1:1], files[1+v.from:1+v.from+shown]...)
	for len(out) < height-1 {
		out = append(out, "")
	}
	return append(out, v.paint(colourDim, foot))
}

func (v *topView) paint(colour, s string) string {
	if !v.color {
		return s
	}
	return colour + s + colourReset
}

func (v *topView) painter() func(colour, text string) string {
	if !v.color {
		return nil
	}
	return v.paint
}
