package main

import (
	"strings"
	"testing"
	"time"
)

func TestLineEnds(t *testing.T) {
	wide := strings.Repeat("x", 3*lineWindow)
	for _, tc := range []struct {
		name, content, newline string
		off, before, after     int64
	}{
		{"beginning", "ab\ncd\n", "\n", 0, 0, 0},
		{"boundary", "ab\ncd\n", "\n", 3, 3, 3},
		{"inside", "ab\ncd\n", "\n", 4, 3, 6},
		{"on the line end", "ab\ncd\n", "\n", 2, 0, 3},
		{"end", "ab\ncd\n", "\n", 6, 6, 6},
		{"unterminated", "ab\ncd", "\n", 5, 3, -1},
		{"empty", "", "\n", 0, 0, 0},
		{"utf-16le", "a\x00\n\x00b\x00\n\x00", "\n\x00", 5, 4, 8},
		{"utf-16be", "\x00a\x00\n\x0a\x00\x00\n", "\x00\n", 4, 4, 4},
		{"half a unit is no line end", "\x00a\x0a\x00\x00\n", "\x00\n", 4, 0, 6},
		{"nothing near", wide, "\n", lineWindow + 1, -1, -1},
	} {
		before, after, err := lineEnds(strings.NewReader(tc.content), int64(len(tc.content)), tc.off, []byte(tc.newline))
		if err != nil || before != tc.before || after != tc.after {
			t.Errorf("%s: %d and %d (%v), want %d and %d", tc.name, before, after, err, tc.before, tc.after)
		}
	}
}

func TestParseAge(t *testing.T) {
	for s, want := range map[string]time.Duration{"": 0, "7d": 7 * 24 * time.Hour, "36h": 36 * time.Hour, "0.5d": 12 * time.Hour} {
		if got, err := parseAge(s); err != nil || got != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"d", "7", "-1d", "0h", "soon", "1e99d", "NaNd"} {
		if got, err := parseAge(s); err == nil {
			t.Errorf("%q was taken for %v", s, got)
		}
	}
}
