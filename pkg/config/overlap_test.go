package config

import (
	"fmt"
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
		{strings.Repeat("*a", 2000) + "/*", strings.Repeat("*b", 2000) + "//*", true}, // nobody looks so far
		{"/srv/**/a/*.log", "/srv/**/b/*.log", false},
		{"/srv/**/a/*.log", "/srv/a/**/*.log", true},
		{"/srv/**/**/a", "/srv/a", true},
		{"/srv/x**/a", "/srv/xa", true}, // the matcher says no
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
		for _, x := range shapeOf(a) {
			for _, y := range shapeOf(b) {
				if x.apart(&y) && meet(x.tokens, y.tokens) {
					t.Fatalf("%q and %q are apart, and yet they meet", a, b)
				}
			}
		}
	})
}

// BenchmarkOverlaps is what a configuration of 500 inputs with ** in the middle costs: each pair is walked.
func BenchmarkOverlaps(b *testing.B) {
	var shapes []shape
	for i := range 500 {
		shapes = append(shapes, shapeOf(fmt.Sprintf("/srv/**/log%d/*.log", i)))
	}
	for b.Loop() {
		for i := range shapes {
			for k := range i {
				if shapes[i].overlaps(shapes[k]) {
					b.Fatal(i, k)
				}
			}
		}
	}
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
