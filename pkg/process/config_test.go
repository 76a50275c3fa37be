package process

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"shipper/internal/invalid"
)

const everything = `
format = "cri"
[multiline]
start = '^\d{4}-'
continue = '^\s'
timeout = "3s"
max_lines = 100
max_bytes = "64KiB"
[[step]]
parse = { as = "nginx" }
[[step]]
[step.parse]
as = "delimiter"
key = "rest"
separator = "\t"
quote = '"'
fields = ["a", "", "b"]
keep = true
prefix = "x_"
[[step]]
time = { key = "time_local", layout = "%d/%b/%Y:%H:%M:%S %z", zone = "Asia/Shanghai" }
[[step]]
drop_if = { key = "level", regex = '^debug$' }
[[step]]
keep_if = { regex = '.' }
[[step]]
redact = { regex = '\d{16}', replace = "****" }
[[step]]
add = { env = "prod", team = "web" }
[[step]]
rename = { old = "new" }
[[step]]
remove = ["a", "b"]
`

func decode(t *testing.T, text string) Config {
	t.Helper()
	c := Default()
	m, err := toml.Decode(text, &c)
	if err != nil {
		t.Fatal(err)
	}
	if u := m.Undecoded(); len(u) > 0 {
		t.Errorf("unknown keys %v", u)
	}
	return c
}

func TestEveryKey(t *testing.T) {
	p := mustNew(t, decode(t, everything))
	if len(p.actions) != 9 || p.limit != 64<<10 || p.timeout.String() != "3s" || p.multi.maxLines != 100 {
		t.Errorf("%d steps, limit %d, timeout %v, lines %d", len(p.actions), p.limit, p.timeout, p.multi.maxLines)
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct{ text, key, want string }{
		{`format = "xml"`, "format", `"xml" is not a format (one of plain`},
		{`multiline = {}`, "multiline.start", "is missing"},
		{`multiline = { start = "a", end = "b" }`, "multiline.end", "cannot stand beside start"},
		{`multiline = { continue = "a", end = "b" }`, "multiline.continue", "cannot stand beside end"},
		{`multiline = { start = "(" }`, "multiline.start", "missing closing ): `(`"},
		{`multiline = { start = "a", timeout = "-1s" }`, "multiline.timeout", "negative"},
		{`multiline = { start = "a", max_lines = -1 }`, "multiline.max_lines", "negative"},
		{`multiline = { start = "a", max_bytes = "9MiB" }`, "multiline.max_bytes", "at most 8MiB"},
		{"step = [{}]", "step.0", "says nothing to do (one of parse"},
		{`step = [{ remove = ["a"] }, { remove = ["a"], add = { a = "b" } }]`, "step.1.remove", "cannot stand beside add"},
		{`step = [{ parse = {} }]`, "step.0.parse.as", "is missing"},
		{`step = [{ parse = { as = "xml", quote = "x" } }]`, "step.0.parse.as", `"xml" is not a parser`},
		{`step = [{ parse = { as = "json", pattern = "x" } }]`, "step.0.parse.pattern", `means nothing to a "json" parser`},
		{`step = [{ parse = { as = "regex" } }]`, "step.0.parse.pattern", "is missing"},
		{`step = [{ parse = { as = "regex", pattern = "(a)" } }]`, "step.0.parse.pattern", "no named group"},
		{`step = [{ parse = { as = "delimiter" } }]`, "step.0.parse.fields", "is missing"},
		{`step = [{ parse = { as = "delimiter", fields = ["a"], quote = "," } }]`, "step.0.parse.quote", "one ASCII character"},
		{`step = [{ parse = { as = "delimiter", fields = ["a"], quote = "ab", separator = "b" } }]`, "step.0.parse.quote", "one ASCII character"},
		{`step = [{ parse = { as = "nginx", pattern = "$a$b" } }]`, "step.0.parse.pattern", "nothing between $a and"},
		{`step = [{ parse = { as = "nginx", pattern = "a" } }]`, "step.0.parse.pattern", "has no $variable"},
		{`step = [{ time = { layout = "unix" } }]`, "step.0.time.key", "is missing"},
		{`step = [{ time = { key = "t" } }]`, "step.0.time.layout", "is missing"},
		{`step = [{ time = { key = "t", layout = "YYYY-MM-DD" } }]`, "step.0.time.layout", "has no date"},
		{`step = [{ time = { key = "t", layout = "15:04:05" } }]`, "step.0.time.layout", "has no date"},
		{`step = [{ time = { key = "t", layout = "%Y-%m-%d %Q" } }]`, "step.0.time.layout", "%Q"},
		{`step = [{ time = { key = "t", layout = "unix", zone = "Mars" } }]`, "step.0.time.zone", `"Mars" is not a time zone`},
		{`step = [{ drop_if = { regex = "" } }]`, "step.0.drop_if.regex", "is missing"},
		{`step = [{ keep_if = { regex = "^(?!debug)" } }]`, "step.0.keep_if.regex", "a negative lookahead (?!...), which Go's"},
		{`step = [{ redact = { regex = "x*" } }]`, "step.0.redact.regex", "matches nothing"},
		{`step = [{ add = {} }]`, "step.0.add", "names no field"},
		{`step = [{ add = { "" = "x" } }]`, "step.0.add", "needs a name"},
		{`step = [{ rename = { a = "c", b = "c" } }]`, "step.0.rename.b", "same name as a"},
		{`step = [{ remove = [] }]`, "step.0.remove", "names no field"},
	} {
		errs := invalid.List(decode(t, tt.text).Validate())
		if len(errs) != 1 {
			t.Errorf("%s: %d errors: %v", tt.text, len(errs), errs)
		}
		if len(errs) == 0 || errs[0].Key != tt.key || !strings.Contains(errs[0].Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s: ...%s...", tt.text, errs, tt.key, tt.want)
		}
		if _, err := New(decode(t, tt.text)); err == nil {
			t.Errorf("%s: New took it", tt.text)
		}
	}
}

func TestForeignRegex(t *testing.T) {
	for pattern, want := range map[string]string{
		`a(?=b)`: "lookahead", `(?<=a)b`: "lookbehind", `(?<!a)b`: "negative lookbehind", `(?>a)`: "atomic group",
		`(a)\1`: `back-reference \1`, `a++`: "possessive repetition ++", `[a-z]*+`: "possessive repetition *+", `\Kx`: `\K`,
		`(?P<q>a)(?P=q)`: "back-reference (?P=", `\Z`: `\Z`, `\h`: `\h`, `(?#x)(`: "comment", `[^]\](?=](?!a)`: "negative lookahead",
	} {
		_, err := compile("regex", pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want ...%s...", pattern, err, want)
		}
	}
	for _, pattern := range []string{`\(?=`, `[(?=]`, `a\++`, `\\1`, `(?i)x`, `(?P<a>x)(?<b>y)`, `[]x]`} {
		if _, err := compile("regex", pattern); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}
