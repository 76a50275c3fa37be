package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const rich = `schema = 1

[agent]
name = "$${literal}"
max_memory = "64MiB"

[credentials.host]
source = "static"
access_key_id = { file = "/etc/id" }
access_key_secret = { env = "SECRET" }

[target.central]
project  = "sec-logs"
logstore = "web"
region   = "cn-hangzhou"
role_arn = "acs:ram::1111111111111111:role/shipper-writer"
tags = { env = "prod", "a b" = "c\"d" }
batch.max_logs = 100

[input.nginx]
paths = ["/var/log/nginx/*.log", "/var/log/${SITE}/\u00e9.log"]
exclude = ["**/*.gz"]
[input.nginx.multiline]
start = '^\d{4}-'
[[input.nginx.step]]
parse = { as = "regex", pattern = '(?P<a>\d+)' }
[[input.nginx.step]]
redact = { regex = '\d', replace = "$1${1}" }
`

func printed(t *testing.T, c *Config, o PrintOptions) string {
	t.Helper()
	var b strings.Builder
	if err := c.Print(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrintRoundTrip(t *testing.T) {
	for _, o := range []PrintOptions{{}, {NoOrigin: true}, {NoDefaults: true}, {NoOrigin: true, NoDefaults: true}} {
		c, err := load(t, rich, map[string]string{"SITE": "a#b", "SHIPPER_LOG_LEVEL": "warn"}, "input.nginx.poll=3s")
		if err != nil {
			t.Fatal(err)
		}
		text := printed(t, c, o)
		again, err := load(t, text, nil)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		if d := cmp.Diff(printed(t, c, PrintOptions{NoOrigin: true}), printed(t, again, PrintOptions{NoOrigin: true})); d != "" {
			t.Errorf("%+v: read again it differs:\n%s", o, d)
		}
		if c.Hash() != again.Hash() || len(Diff(c, again)) > 0 {
			t.Errorf("%+v: %v", o, Diff(c, again))
		}
	}
}

func TestPrintOrigins(t *testing.T) {
	c := mustLoad(t, rich, map[string]string{"SITE": "x", "SHIPPER_LOG_LEVEL": "warn"}, "input.nginx.poll=3s")
	text := printed(t, c, PrintOptions{})
	for _, want := range []string{
		"max_memory = \"64MiB\"            # " + c.Files[0].Path + ":5\n",
		"level = \"warn\"   # env SHIPPER_LOG_LEVEL\n",
		"format = \"auto\"  # default\n",
		"max_bytes = \"1MiB\"  # default\n",
		"start = '^\\d{4}-'     # ",
		"access_key_secret = { env = \"SECRET\" }  # " + c.Files[0].Path + ":10\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	c := mustLoad(t, minimal+"[credentials.host]\nsource = \"static\"\naccess_key_id = \"LTAIxxxxxxxxxxxx\"\naccess_key_secret = \"${S}\"\n", map[string]string{"S": "hunter2"})
	text := printed(t, c, PrintOptions{})
	if strings.Contains(text, "hunter2") || strings.Contains(text, "LTAIx") || !strings.Contains(text, `access_key_secret = "***"`) {
		t.Error(text)
	}
	other := mustLoad(t, minimal+"[credentials.host]\nsource = \"static\"\naccess_key_id = \"LTAIxxxxxxxxxxxx\"\naccess_key_secret = \"${S}\"\n", map[string]string{"S": "hunter3"})
	if c.Hash() == other.Hash() {
		t.Error("another secret has the same hash")
	}
	changes := Diff(c, other)
	if len(changes) != 1 || changes[0].String() != "~ credentials.host (access_key_secret *** → ***)" {
		t.Error(changes)
	}
}

// A credentials URI and the arguments of a command are no secrets by their type, and hold one often enough.
func TestPrintHidesWhatMayBeSecret(t *testing.T) {
	with := func(word string) *Config {
		return mustLoad(t, minimal+"[credentials.host]\nsource = \"process\"\nuri = \"http://user:"+word+"@127.0.0.1:8080/"+word+"?t="+word+
			"\"\ncommand = [\"/usr/bin/vault\", \"--token="+word+"\"]\n", nil)
	}
	c, other := with("hunter2"), with("hunter3")
	text := printed(t, c, PrintOptions{})
	for _, want := range []string{`uri = "http://127.0.0.1:8080/***"`, `command = ["/usr/bin/vault", "***"]`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	changes := Diff(c, other)
	if len(changes) != 2 || c.Hash() == other.Hash() {
		t.Error(changes)
	}
	for _, change := range changes {
		text += change.String()
	}
	for _, line := range []string{"uri = \"hunter2\"", "command = [\"\", \"hunter2\"]", "uri = 1 # hunter2", "uri = \"http://hunter2"} {
		_, err := load(t, minimal+"[credentials.host]\nsource = \"uri\"\n"+line+"\n", nil)
		if err == nil {
			t.Fatal(line)
		}
		text += err.Error()
	}
	if strings.Contains(text, "hunter") {
		t.Error(text)
	}
}

func TestDiff(t *testing.T) {
	old := mustLoad(t, minimal, nil)
	now := mustLoad(t, strings.Replace(minimal, "\"web\"", "\"web\"\nbatch.max_delay = \"2s\"", 1)+
		"tags = { app = \"x\" }\n[input.app]\npaths = \"/srv/app.log\"\n[log]\nlevel = \"debug\"\n", nil)
	var got []string
	for _, c := range Diff(old, now) {
		got = append(got, c.String())
	}
	want := []string{
		"+ input.app",
		"~ input.nginx (tags {} → { app = \"x\" })",
		"~ log (level info → debug)",
		"~ target.central (batch.max_delay 1s → 2s)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if back := Diff(now, old); back[0].String() != "- input.app" {
		t.Error(back)
	}
	if same := Diff(old, mustLoad(t, "# moved\n\n"+minimal, nil)); len(same) > 0 {
		t.Error(same)
	}
}
