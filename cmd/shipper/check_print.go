package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"shipper/pkg/config"
	"shipper/pkg/daemon/check"
)

// Columns of the output of check.
const (
	checkName   = 2  // where the name of a step begins
	checkStatus = 18 // where its status begins
	checkText   = 24 // where everything else begins
	checkWidth  = 100
)

// checkPrinter writes steps for people, as they come.
type checkPrinter struct {
	w       io.Writer
	paint   bool
	width   int
	quiet   bool // troubles only
	several bool // say which target

	buf    bytes.Buffer
	target string
	last   string   // name of the step before
	cells  []string // steps that were not run; they share lines
	err    error
}

// checkPrinter makes a printer for a walk with these options, and tells the walk where its steps and its log go.
func (g *global) checkPrinter(cfg *config.Config, o *check.Options) *checkPrinter {
	p := &checkPrinter{w: g.stdout, paint: g.colored(g.stdout), width: widthOf(g.stdout), quiet: g.quiet, several: len(cfg.Targets) > 1 && len(o.Targets) != 1}
	if !g.json {
		o.Each = p.step
	}
	if g.verbose {
		o.Log = g.logger(cfg.Log)
	}
	return p
}

// widthOf is the width to write for: that of the terminal, within reason.
func widthOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return max(60, min(n, 120))
		}
	}
	return checkWidth
}

// Colours of a terminal.
const (
	colourReset  = "\x1b[0m"
	colourRed    = "\x1b[1;31m"
	colourGreen  = "\x1b[32m"
	colourYellow = "\x1b[33m"
	colourDim    = "\x1b[2m"
	colourBold   = "\x1b[1m"
)

func (p *checkPrinter) colour(c, s string) string {
	if !p.paint {
		return s
	}
	return c + s + colourReset
}

// title is a step's name for people.
func title(name string) string {
	switch name {
	case check.StepAssume:
		return "assume role"
	case check.StepSession:
		return "session policy"
	case check.StepWrite:
		return "write"
	case check.StepReadBack:
		return "read-back"
	}
	return name
}

func (p *checkPrinter) step(s check.Step) {
	if p.quiet && s.Status != check.Fail && s.Status != check.Warn {
		return
	}
	if s.Target != p.target {
		p.flush()
		if p.target = s.Target; p.several && s.Target != "" {
			fmt.Fprintf(&p.buf, "\n  %s\n", p.colour(colourBold, "target "+s.Target))
		}
		p.last = ""
	}
	switch {
	case s.Status == check.NotReached:
		p.cells = append(p.cells, title(s.Name)+"  -  "+cmp.Or(s.Detail, "not reached"))
	case s.Name == check.StepReadBack && s.Status == check.Skipped && len(p.cells) > 0:
		p.cells = append(p.cells, title(s.Name)+"  off")
	default:
		p.flush()
		p.row(s)
	}
	p.send()
}

// flush writes the steps that were not run, several in a line.
func (p *checkPrinter) flush() {
	line := ""
	for _, c := range p.cells {
		if line != "" && utf8.RuneCountInString(line)+6+utf8.RuneCountInString(c) > p.width-checkName {
			fmt.Fprintf(&p.buf, "  %s\n", p.colour(colourDim, line))
			line = ""
		}
		if line != "" {
			line += "      "
		}
		line += c
	}
	if line != "" {
		fmt.Fprintf(&p.buf, "  %s\n", p.colour(colourDim, line))
	}
	if len(p.cells) > 0 {
		p.cells, p.last = nil, ""
	}
}

func (p *checkPrinter) row(s check.Step) {
	name := title(s.Name)
	if s.Name == p.last && s.Status == check.OK {
		name = ""
	}
	p.last = s.Name
	word, tint := statusWord(s.Status)
	head := fmt.Sprintf("%*s%-*s%s%s", checkName, "", checkStatus-checkName, name, p.colour(tint, word), strings.Repeat(" ", checkText-checkStatus-len(word)))
	p.buf.WriteString(head)
	lines := wrap(s.Detail, p.width-checkText-p.codeRoom(s))
	if len(lines) == 0 {
		lines = []string{""}
	}
	p.buf.WriteString(lines[0])
	if s.Code != "" {
		gap := max(2, p.width-checkText-utf8.RuneCountInString(lines[0])-len(s.Code))
		p.buf.WriteString(strings.Repeat(" ", gap) + p.colour(tint, s.Code))
	}
	p.buf.WriteByte('\n')
	for _, l := range lines[1:] {
		p.text(l)
	}
	for _, l := range wrap(s.Cause, p.width-checkText) {
		p.text(p.colour(colourBold, l))
	}
	p.fixes(s)
}

// codeRoom is what the code at the end of the first line takes of the others, which are as wide.
func (p *checkPrinter) codeRoom(s check.Step) int {
	if s.Code == "" {
		return 0
	}
	return len(s.Code) + 2
}

func statusWord(s check.Status) (word, tint string) {
	switch s {
	case check.OK:
		return "ok", colourGreen
	case check.Warn:
		return "warn", colourYellow
	case check.Fail:
		return "FAIL", colourRed
	}
	return "-", colourDim
}

func (p *checkPrinter) text(line string) {
	fmt.Fprintf(&p.buf, "%*s%s\n", checkText, "", line)
}

// fixes says whose it is and what to do. Documents stand as they are pasted.
func (p *checkPrinter) fixes(s check.Step) {
	if s.Whose != "" && (len(s.Fix) > 0 || s.Status == check.Fail) {
		end := ":"
		if len(s.Fix) == 0 {
			end = ""
		}
		for i, l := range wrap(whoseWords(s)+end, p.width-checkText-2) {
			lead := "→ "
			if i > 0 {
				lead = "  "
			}
			p.text(lead + p.colour(colourBold, l))
		}
	}
	for _, f := range s.Fix {
		if strings.HasPrefix(f, "{") {
			for l := range strings.SplitSeq(f, "\n") {
				p.text("    " + l)
			}
			continue
		}
		if isCommand(f) {
			p.text("    " + visible(f)) // stays in one piece
			continue
		}
		for i, l := range wrap(f, p.width-checkText-4) {
			if i > 0 {
				l = "  " + l
			}
			p.text("  " + l)
		}
	}
}

// isCommand reports whether a line of a fix is there to be pasted into a shell.
func isCommand(fix string) bool {
	return slices.ContainsFunc([]string{"shipper policy ", "chgrp ", "chown ", "install -d "}, func(verb string) bool { return strings.HasPrefix(fix, verb) })
}

// whoseWords names the party with its account.
func whoseWords(s check.Step) string {
	account := func(what string) string {
		if s.Account == "" {
			return "the account that " + what + ", a RAM administrator"
		}
		return "account " + s.Account + " (" + what + "), a RAM administrator"
	}
	switch s.Whose {
	case check.Owner:
		return account("owns the Logstore")
	case check.Caller:
		return account("owns the hosts")
	case check.Either:
		return "one of the two accounts, RAM administrators"
	case check.Configuration:
		return "the configuration of this host"
	case check.Service:
		return "nobody: it passes by itself"
	}
	return "this host"
}

// end writes the sum.
func (p *checkPrinter) end(r check.Report, code int) error {
	p.flush()
	failed, warned := r.Count(check.Fail), r.Count(check.Warn)
	switch {
	case failed == 0 && warned == 0 && p.quiet:
	case failed == 0 && warned == 0 && !r.OK:
		fmt.Fprintf(&p.buf, "stopped before the end.\n")
	case failed == 0 && warned == 0:
		fmt.Fprintf(&p.buf, "%s\n", p.colour(colourGreen, "all ok."))
	case failed == 0:
		fmt.Fprintf(&p.buf, "%s.\n", count(warned, "warning"))
	default:
		sum := p.colour(colourRed, fmt.Sprintf("%d failed", failed))
		if warned > 0 {
			sum += ", " + count(warned, "warning")
		}
		fmt.Fprintf(&p.buf, "%s.  exit %d\n", sum, code)
	}
	p.send()
	return p.err
}

func (p *checkPrinter) send() {
	if p.err == nil {
		_, p.err = p.w.Write(p.buf.Bytes())
	}
	p.buf.Reset()
}

// wrap cuts text into lines of at most width characters, at blanks where there are any. Line ends stay.
func wrap(text string, width int) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		cur := ""
		for word := range strings.FieldsSeq(line) {
			word = visible(word)
			switch {
			case cur == "":
				cur = word
			case utf8.RuneCountInString(cur)+1+utf8.RuneCountInString(word) > width:
				out = append(out, cur)
				cur = word
			default:
				cur += " " + word
			}
		}
		if cur != "" {
			out = append(out, cur)
		}
	}
	return out
}
