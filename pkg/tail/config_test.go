package tail

import (
	"slices"
	"testing"

	"shipper/internal/invalid"
)

func TestConfigValidate(t *testing.T) {
	good := Default()
	good.Paths = []string{"/var/log/**/*.log"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, with := range map[string]func(*Config){
		"paths":         func(c *Config) { c.Paths = nil },
		"exclude":       func(c *Config) { c.Exclude = []string{"[a"} },
		"start_at":      func(c *Config) { c.StartAt = "middle" },
		"poll":          func(c *Config) { c.Poll = 0 },
		"max_line":      func(c *Config) { c.MaxLine = 1 },
		"long_line":     func(c *Config) { c.LongLine = "drop" },
		"encoding":      func(c *Config) { c.Encoding = "klingon" },
		"ignore_older":  func(c *Config) { c.IgnoreOlder = -1 },
		"flush_partial": func(c *Config) { c.FlushPartial = -1 },
	} {
		c := good
		with(&c)
		list := invalid.List(c.Validate())
		if len(list) != 1 || list[0].Key != key {
			t.Errorf("%s: %v", key, list)
		}
	}
}

func TestPatterns(t *testing.T) {
	g, err := newGlob([]string{"/var/log/{a,b/c}/**/*.{log,txt}", "/srv/*/x.log"}, []string{"**/old/**", "*.tmp.log"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{
		"/var/log/a/x.log": true, "/var/log/a/b/c/x.txt": true, "/var/log/b/c/x.log": true, "/var/log/b/x.log": false,
		"/var/log/a/old/x.log": false, "/var/log/a/x.tmp.log": false, "/srv/q/x.log": true, "/srv/q/r/x.log": false,
	} {
		if got := g.matches(path); got != want {
			t.Errorf("matches %s: %v", path, got)
		}
	}
	for dir, want := range map[string]bool{
		"/var/log": false, "/var/log/a": true, "/var/log/a/x/y": true, "/var/log/b": false, "/var/log/b/c": true,
		"/var/log/a/old": false, "/var/log/a/old/x": false, "/srv": true, "/srv/q": true, "/srv/q/r": false, "/": false,
	} {
		if got := g.descends(dir); got != want {
			t.Errorf("descends %s: %v", dir, got)
		}
	}
	if got := expand("/a/{b,c/{d,e}}/f"); !slices.Equal(got, []string{"/a/b/f", "/a/c/{d,e}/f"}) {
		t.Errorf("expanded to %q", got)
	}
}

func TestRotatedName(t *testing.T) {
	for _, tt := range []struct {
		base, name string
		want       bool
	}{
		{"app.log", "app.log", false}, {"app.log", "app.log.1", true}, {"app.log", "app.log.2.gz", true},
		{"app.log", "app.log-20260101", true}, {"app.log", "app.log~", true}, {"app.log", "app-20260101.log", true},
		{"app.log", "app-20260101.log.zst", true}, {"app.log", "app-error.log", false}, {"app.log", "apple.log", false},
		{"app.log", "app.1.log", true}, {"app.log.1", "app.log.2", true}, {"app.log.1", "app.log.2.gz", true},
		{"0.log", "0.log.20260101-000000", true}, {"0.log", "1.log", false}, {"app", "app.1", true}, {"app", "apps", false},
		{"app-20260101.log", "app-20260101.log.1", true}, {"1", "2", false}, {"app.log", "app.log.bak", true},
	} {
		if got := rotatedName(tt.base, tt.name); got != tt.want {
			t.Errorf("%s -> %s: %v", tt.base, tt.name, got)
		}
	}
}
