package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOverlap(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"/var/log/a.log", "/var/log/a.log", true},
		{"/var/log/a.log", "/var/log/b.log", false},
		{"/var/log/*.log", "/var/log/a.log", true},
		{"/var/log/*.log", "/var/log/x/a.log", false},
		{"/var/log/**/*.log", "/var/log/a.log", true},
		{"/var/log/**/*.log", "/var/log/x/y/a.log", true},
		{"/var/log/**/x.log", "/var/log/ax.log", false},
		{"/var/log/**", "/var/log/x/y", true},
		{"/var/log/a*", "/var/log/*b", true},
		{"/var/log/a*", "/var/log/b*", false},
		{"/var/log/{a,b}.log", "/var/log/b.log", true},
		{"/var/log/{a,b}.log", "/var/log/c.log", false},
		{"/{a,{b,c}}/x", "/c/?", true},
		{"/var/log/[ab].log", "/var/log/?.log", true},
		{"/var/log/\\*.log", "/var/log/*.log", true},
		{"/var/log/é*", "/var/log/é.log", true},
		{"/var/log/{a", "/x", false},
		{"", "", true},
		{strings.Repeat("{a,b}", 40), strings.Repeat("{a,b}", 40), true},
		{strings.Repeat("*a", 200), strings.Repeat("*b", 200), false},
	} {
		if got := overlap(tc.a, tc.b); got != tc.want || overlap(tc.b, tc.a) != got {
			t.Errorf("%.40s and %.40s: %v", tc.a, tc.b, got)
		}
	}
}

// What apart rules out is what the long way finds, too.
func TestApart(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", "a", "b", "*", "**/", "?", "[ab]", "{a,b}", `\a`, `\*`, "]", "}", ","})
	rapid.Check(t, func(t *rapid.T) {
		pattern := func(name string) string { return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, name), "") }
		a, b := pattern("a"), pattern("b")
		if !apart(a, b) {
			return
		}
		for _, x := range alternatives(a) {
			for _, y := range alternatives(b) {
				if meet(tokens(x), tokens(y)) {
					t.Fatalf("%q and %q are apart, and yet %q and %q meet", a, b, x, y)
				}
			}
		}
	})
}

func TestNear(t *testing.T) {
	keys := []string{"start_at", "max_line", "poll", "target", "tags", "batch"}
	for word, want := range map[string]string{
		"start_att": "start_at", "statr_at": "start_at", "StartAt": "start_at", "start-at": "start_at", "maxline": "max_line",
		"pol": "poll", "tag": "tags", "bacth": "batch", "x": "", "frobnicate": "", "": "", strings.Repeat("a", 1<<16): "",
	} {
		if got := near(word, keys); got != want {
			t.Errorf("%.20s: %q, want %q", word, got, want)
		}
	}
}

func TestRegionsAreNear(t *testing.T) {
	for word, want := range map[string]string{"cn-hangzou": "cn-hangzhou", "cn_shanghai": "cn-shanghai", "eu-centrl-1": "eu-central-1", "cn-beiijng": "cn-beijing"} {
		if got := near(word, Regions()); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
}
