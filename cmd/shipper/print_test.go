package main

import (
	"strings"
	"testing"

	"shipper/pkg/daemon/check"
	"shipper/pkg/ram"
)

func TestNothingReachesTheTerminalRaw(t *testing.T) {
	for in, want := range map[string]string{
		"/var/log/a b.log":         "/var/log/a b.log",
		"/var/log/日志.log":          "/var/log/日志.log",
		"a\x1b[31m\nready\xff.log": `a\x1b[31m\nready\xff.log`,
		`quo"te`:                   `quo"te`,
	} {
		if got := visible(in); got != want {
			t.Errorf("%q is shown as %s, want %s", in, got, want)
		}
	}
}

// A hostile policy document does not act on the terminal, and the columns keep apart.
func TestLintShowsHostileDocuments(t *testing.T) {
	var out strings.Builder
	g := &global{stdout: &out}
	doc := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:\u001b[2J","Resource":"\u001b[2J"}]}`
	if err := g.printLint("p.json", ram.Lint([]byte(doc), ram.Plan{}), check.Set{}); err != nil || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%v, printed %q", err, out.String())
	}
	out.Reset()
	if err := g.printLint("p.json", ram.Lint([]byte(strings.Repeat(" ", 150)+"{"), ram.Plan{}), check.Set{}); err != nil || !strings.Contains(out.String(), "line 1:152 SHP-A201  the document ends") {
		t.Errorf("%v, printed %s", err, out.String())
	}
}

// A fix that is pasted is one line; nothing of a file's name acts on the terminal.
func TestCheckShowsHostileNames(t *testing.T) {
	var out strings.Builder
	p := &checkPrinter{w: &out, width: checkWidth}
	p.row(check.Step{Name: check.StepFiles, Status: check.Fail, Detail: "/var/log/a\x1b[2J.log: permission denied", Whose: check.Host,
		Fix: []string{"chgrp adm '/var/log/" + strings.Repeat("long ", 30) + "\x1b[2J.log' && chmod 640 'x'", "install the drop-in, or see docs/hosts.md"}})
	p.send()
	text := out.String()
	if strings.Contains(text, "\x1b") || !strings.Contains(text, `/var/log/a\x1b[2J.log: permission`) {
		t.Errorf("printed %q", text)
	}
	if !strings.Contains(text, strings.Repeat("long ", 30)) {
		t.Errorf("the command is broken up:\n%s", text)
	}
}
