package ram

import (
	"regexp"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "a:b/c", true},
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "A", false},
		{"a*", "a", true},
		{"*a", "ba", true},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"?", "", false},
		{"?", "é", true},
		{"??", "é", false},
		{"*?", "", false},
		{"*?", "xyz", true},
		{"*?b", "ab", true},
		{"a?c*e?g", "abcdefg", true},
		{"a?c*e?g", "abceg", false},
		{"*b?d*", "abxbcd", true},
		{"acs:log:*:1:project/p/logstore/l/*", "acs:log:cn:1:project/p/logstore/l", false},
		{"acs:log:*:1:project/p/logstore/l", "acs:log:cn:1:project/p/logstore/l", true},
		{"acs:log:*:1:project/*", "acs:log:cn:1:project/p/logstore/l", true},
	} {
		if got := Match(c.pattern, c.s); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
	if !MatchFold("LOG:post*", "log:PostLogStoreLogs") {
		t.Error("actions are compared without regard to case")
	}
}

// A pattern full of stars must not make the matcher go back and forth: that would outlast the test.
func TestMatchHostile(t *testing.T) {
	pattern, s := strings.Repeat("a*", 8000)+"b", strings.Repeat("a", 1<<16)
	for range 20 {
		if Match(pattern, s) {
			t.Fatal("no b in the text")
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b?c", "axxbyc")
	f.Add("*?*", "é")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		got := Match(pattern, s)
		if len(pattern) > 50 || len(s) > 200 || strings.ToValidUTF8(pattern, "") != pattern || strings.ToValidUTF8(s, "") != s {
			return
		}
		want := strings.NewReplacer(`\*`, `(?s:.*)`, `\?`, `(?s:.)`).Replace(regexp.QuoteMeta(pattern))
		if re := regexp.MustCompile(`^` + want + `$`); re.MatchString(s) != got && !strings.HasSuffix(s, "\n") {
			t.Fatalf("Match(%q, %q) = %v, the regular expression says otherwise", pattern, s, got)
		}
	})
}
