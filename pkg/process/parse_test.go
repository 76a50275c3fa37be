package process

import (
	"fmt"
	"strings"
	"testing"
)

// apply runs one line through a program of the given steps and returns the log as text, or "dropped", and the notes of the steps.
func apply(t testing.TB, line string, steps ...Step) (log, notes string) {
	t.Helper()
	tr := mustNew(t, Config{Steps: steps}).Inspect([]byte(line), noon)
	var n, f []string
	for _, st := range tr.Stages {
		if st.Note != "" {
			n = append(n, st.Note)
		}
	}
	for _, kv := range tr.Stages[len(tr.Stages)-1].Fields {
		f = append(f, kv.Key+"="+kv.Value)
	}
	log = strings.Join(f, "|")
	if tr.Dropped {
		log = "dropped"
	}
	if !tr.Time.Equal(noon) {
		log = tr.Time.UTC().Format("2006-01-02T15:04:05.999999999Z07:00") + " " + log
	}
	return log, strings.Join(n, ", ")
}

func parser(p Parse) Step { return Step{Parse: &p} }

// Many programs write a key twice: what must not leave the host is in neither.
func TestTwiceTheSameField(t *testing.T) {
	json := parser(Parse{As: AsJSON})
	const line = `{"password":"a1","n":"x","password":"a2"}`
	for _, tt := range []struct {
		step Step
		want string
	}{
		{Step{Redact: &Redact{Key: "password", Regex: `\w+`}}, "password=***|n=x|password=***"},
		{Step{Remove: []string{"password"}}, "n=x"},
		{Step{DropIf: &Match{Key: "password", Regex: "2"}}, "dropped"},
		{Step{KeepIf: &Match{Key: "password", Regex: "3"}}, "dropped"},
		{Step{KeepIf: &Match{Key: "password", Regex: "2"}}, "password=a1|n=x|password=a2"},
		{Step{Add: map[string]string{"password": "no"}}, "password=no|n=x"},
		{Step{Rename: map[string]string{"n": "password"}}, "password=x"},
	} {
		if got, notes := apply(t, line, json, tt.step); got != tt.want || notes != "" {
			t.Errorf("%+v: %s (%s), want %s", tt.step, got, notes, tt.want)
		}
	}
}

func TestParsers(t *testing.T) {
	csv := Parse{As: AsDelimiter, Quote: `"`, Fields: []string{"a", "", "c"}}
	for _, tt := range []struct{ step, line, want, note string }{
		{"regex", "warn: it is late", "level=warn|msg=it is late", ""},
		{"regex", "late", "content=late", "the pattern does not match"},
		{"json", ` {"level":"x","content":"\ud83d\ude00","n":{"a":[1,{ }]},"a\"b":-1e3} `, `level=x|content=😀|n={"a":[1,{}]}|a"b=-1e3`, ""},
		{"json", `"x"`, `content="x"`, "JSON, but not an object"},
		{"json", `{"a":1} x`, `content={"a":1} x`, "not JSON"},
		{"json", "{}", "content={}", "no field in it"},
		{"keep", `{"a":1}`, `content={"a":1}|p.a=1`, ""},
		{"logfmt", `ts=1 msg="a \"b\"\n\t\u00e9\\" flag empty= q="" x==y`, "ts=1|msg=a \"b\"\n\té\\|flag=|empty=|q=|x==y", ""},
		{"logfmt", "no pairs", "content=no pairs", "no key=value in it"},
		{"logfmt", `a="b`, `content=a="b`, "a quote in the wrong place or without its end"},
		{"logfmt", `a"b=c`, `content=a"b=c`, "a quote in the wrong place or without its end"},
		{"logfmt", `=c`, `content==c`, "a value without a key"},
		{"csv", `1,2,3`, "a=1|c=3", ""},
		{"csv", `"a,""b""",2,"x ""y"""`, `a=a,"b"|c=x "y"`, ""},
		{"csv", `1,2,3,4`, "a=1|c=3,4", ""},
		{"csv", `,,`, "a=|c=", ""},
		{"csv", `1,2`, "content=1,2", "fewer columns than fields"},
		{"csv", `"1"x,2,3`, `content="1"x,2,3`, "a quote that does not end where a column does"},
		{"csv", `1,2,"3",4`, `a=1|c="3",4`, ""},
		{"nginx", `10.0.0.1 - - [01/May/2024:12:00:00 +0800] "GET /a b HTTP/1.1" 200 5 "-" "curl \x22"`,
			`remote_addr=10.0.0.1|remote_user=-|time_local=01/May/2024:12:00:00 +0800|request=GET /a b HTTP/1.1|status=200|body_bytes_sent=5|http_referer=-|http_user_agent=curl \x22`, ""},
		{"nginx", "else", "content=else", "the line is not in this log_format"},
		{"own", "<a> $ b|c", "x=a|y=b|c", ""},
	} {
		step := map[string]Parse{
			"regex":  {As: AsRegex, Pattern: `^(?P<level>\w+): (?<msg>.*?)(?P<none>x)?$`},
			"json":   {As: AsJSON},
			"keep":   {As: AsJSON, Keep: true, Prefix: "p."},
			"logfmt": {As: AsLogfmt},
			"csv":    csv,
			"nginx":  {As: AsNginx},
			"own":    {As: AsNginx, Pattern: "<$x> $ ${y}"},
		}[tt.step]
		if got, note := apply(t, tt.line, parser(step)); got != tt.want || note != tt.note {
			t.Errorf("%s %q:\n got %q (%s)\nwant %q (%s)", tt.step, tt.line, got, note, tt.want, tt.note)
		}
	}
}

func TestEdits(t *testing.T) {
	re := func(s string) *Match { return &Match{Regex: s} }
	empty := ""
	kv := parser(Parse{As: AsLogfmt})
	for _, tt := range []struct {
		line  string
		steps []Step
		want  string
	}{
		{"debug x", []Step{{DropIf: re("^debug")}}, "dropped"},
		{"info x", []Step{{DropIf: re("^debug")}}, "content=info x"},
		{"info x", []Step{{DropIf: &Match{Key: "level", Regex: "."}}}, "content=info x"},
		{"info x", []Step{{KeepIf: &Match{Key: "level", Regex: "."}}}, "dropped"},
		{"info x", []Step{{KeepIf: re("x$")}}, "content=info x"},
		{"card 1234567890123456, 1111222233334444", []Step{{Redact: &Redact{Regex: `\b\d{12}(\d{4})\b`, Replace: new("****$1")}}}, "content=card ****3456, ****4444"},
		{"a=secret b=secret", []Step{kv, {Redact: &Redact{Key: "b", Regex: "secret"}}}, "a=secret|b=***"},
		{"a=secret b=secret", []Step{kv, {Redact: &Redact{Regex: "secret", Replace: &empty}}}, "a=|b="},
		{"a=1 b=2", []Step{kv, {Rename: map[string]string{"a": "b", "b": "a"}}}, "b=1|a=2"},
		{"a=1 b=2", []Step{kv, {Rename: map[string]string{"a": "b"}}}, "b=1"},
		{"a=1 b=2", []Step{kv, {Rename: map[string]string{"c": "b"}}}, "a=1|b=2"},
		{"a=1 b=2", []Step{kv, {Add: map[string]string{"z": "9", "b": "3"}}}, "a=1|b=3|z=9"},
		{"a=1 b=2 c=3", []Step{kv, {Remove: []string{"c", "a", "x"}}}, "b=2"},
		{"a=1", []Step{kv, {Remove: []string{"a"}}}, "dropped"},
		{"a=1 content=2", []Step{kv, {Parse: &Parse{As: AsLogfmt, Key: "nothing"}}}, "a=1|content=2"},
	} {
		if got, _ := apply(t, tt.line, tt.steps...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestTooManyFields(t *testing.T) {
	var b strings.Builder
	for i := range maxFields + 1 {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	many := "{" + b.String()[1:] + "}"
	if got, note := apply(t, many, parser(Parse{As: AsJSON})); got != "content="+many || note != tooMany {
		t.Errorf("note %q", note)
	}
	if got, note := apply(t, strings.Repeat("a=1 ", maxFields+1), parser(Parse{As: AsLogfmt})); !strings.HasPrefix(got, "content=") || note != tooMany {
		t.Errorf("note %q", note)
	}
	if got, note := apply(t, strings.Repeat("[", 10000), parser(Parse{As: AsJSON})); !strings.HasPrefix(got, "content=") || note != "not JSON" {
		t.Errorf("note %q", note)
	}
}

func TestStats(t *testing.T) {
	prog := mustNew(t, Config{Format: JSON, Multiline: &Multiline{Start: `^[{x]`}, Steps: []Step{
		{DropIf: &Match{Key: "level", Regex: "debug"}},
		{Parse: &Parse{As: AsLogfmt, Key: "msg"}},
		{Redact: &Redact{Regex: "secret"}},
	}})
	play(t, prog, plainLines(`{"level":"debug",`, `"msg":"x"}`, `{"level":"info","msg":"a=secret"}`, `{"level":"info","msg":"x"}`, `x`))
	st := prog.Stats()
	want := Stats{Unframed: 1, Joined: 1, Dropped: 1, Redacted: 1, Steps: []StepStats{
		{Name: "drop_if", Missing: 1, Dropped: 1}, {Name: "parse logfmt", Failed: 1, Missing: 1}, {Name: "redact"},
	}}
	if got := fmt.Sprintf("%+v", st); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %s\nwant %+v", got, want)
	}
}

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		c    Config
		want bool
	}{
		{Config{}, true}, {Default(), true}, {Config{Format: CRI}, false}, {Config{Multiline: &Multiline{End: "x"}}, false},
		{Config{Steps: []Step{{Remove: []string{"a"}}}}, false},
	} {
		if got := mustNew(t, tt.c).Plain(); got != tt.want {
			t.Errorf("%+v: Plain is %v", tt.c, got)
		}
	}
}
