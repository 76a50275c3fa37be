package main

import "testing"

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
