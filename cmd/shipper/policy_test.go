package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipper/pkg/emulator"
	"shipper/pkg/ram"
)

// documentSet is what policy all prints.
type documentSet struct {
	Trust, Role, Caller, Session *ram.Policy
}

func policyAll(t *testing.T, h *checkHost) documentSet {
	t.Helper()
	code, out, bad := h.shipper("policy", "all", "--ask")
	var docs documentSet
	if err := json.Unmarshal([]byte(out), &docs); code != exitOK || err != nil {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, bad)
	}
	return docs
}

// bareWorld has users, keys, projects and no document at all.
func bareWorld(w *emulator.World) {
	sender(w).Policies = nil
	w.Accounts[0].Roles = nil
}

// paste puts the documents where the administrators would.
func (d documentSet) paste(t *testing.T, h *checkHost) {
	t.Helper()
	doc := func(p *ram.Policy) []emulator.Document {
		if p == nil || len(p.Statement) == 0 {
			return nil
		}
		return []emulator.Document{emulator.Document(p.Compact())}
	}
	trust := trusting("acs:ram::"+third+":root", "") // a role always has one
	if t := doc(d.Trust); t != nil {
		trust = t[0]
	}
	if err := h.cloud.PutRole(ownerA, emulator.Role{Name: "shipper-writer", Trust: trust, Policies: doc(d.Role)}); err != nil {
		t.Fatal(err)
	}
	if err := h.cloud.SetUserPolicies(emulator.SenderUser, doc(d.Caller)...); err != nil {
		t.Fatal(err)
	}
}

// without drops one statement.
func without(p *ram.Policy, i int) *ram.Policy {
	return &ram.Policy{Statement: append(append([]ram.Statement{}, p.Statement[:i]...), p.Statement[i+1:]...)}
}

// What policy all prints is enough to ship, and every statement of it is needed.
func TestPolicySuffices(t *testing.T) {
	h := newCheckHost(t, bareWorld)
	docs := policyAll(t, h)
	docs.paste(t, h)
	if code, out, bad := h.shipper("run", "--once"); code != exitOK {
		t.Fatalf("run --once: exit %d\n%s%s", code, out, bad)
	}
	lines := 0
	for _, g := range h.cloud.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore) {
		lines += len(g.Logs)
	}
	if lines != 1 {
		t.Errorf("%d lines arrived", lines)
	}
	for name, pick := range map[string]func(*documentSet) **ram.Policy{
		"trust":  func(d *documentSet) **ram.Policy { return &d.Trust },
		"role":   func(d *documentSet) **ram.Policy { return &d.Role },
		"caller": func(d *documentSet) **ram.Policy { return &d.Caller },
	} {
		whole := *pick(&docs)
		for i := range whole.Statement {
			less := docs
			*pick(&less) = without(whole, i)
			h := newCheckHost(t, bareWorld)
			less.paste(t, h)
			if code, out, bad := h.shipper("run", "--once"); code != exitDenied {
				t.Errorf("without statement %d of %s: exit %d\n%s%s", i+1, name, code, out, bad)
			}
		}
	}
}

// actions are those that the linter knows, by what it says of a document that allows everything.
func actions(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, g := range ram.Lint([]byte(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*","Resource":"*"}]}`), ram.Plan{}).Extra {
		if a, ok := ram.Lookup(g.Action); ok && !slices.Contains(out, a.Name) {
			out = append(out, a.Name)
		}
	}
	if len(out) < 30 {
		t.Fatalf("%d actions: %s", len(out), out)
	}
	return out
}

// Of all actions of Log Service the documents allow the write on the one Logstore, and nothing else.
func TestPolicyAllowsNothingMore(t *testing.T) {
	h := newCheckHost(t, nil)
	docs := policyAll(t, h)
	allowed := 0
	for _, a := range actions(t) {
		for _, v := range []ram.Vars{
			{Project: emulator.DefaultProject, Logstore: emulator.DefaultLogstore},
			{Project: emulator.DefaultProject, Logstore: "other"},
			{Project: emulator.DefaultProject, Logstore: emulator.DefaultLogstore + "-2"},
			{Project: "other", Logstore: emulator.DefaultLogstore},
		} {
			v.Region, v.UID, v.Config, v.MachineGroup, v.ConsumerGroup = emulator.DefaultRegion, ownerA, "any", "any", "any"
			resources, err := ram.Resources(a, v)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range resources {
				ours := a == ram.WriteAction && v.Project == emulator.DefaultProject && v.Logstore == emulator.DefaultLogstore
				q := ram.Request{Action: a, Resource: r}
				if got := ram.Decide(q, docs.Session, docs.Role).Allowed; got != ours {
					t.Errorf("%s on %s with the session policy: %v", a, r, got)
				}
				if got := ram.Decide(q, nil, docs.Role).Allowed; got != ours {
					t.Errorf("%s on %s: %v", a, r, got)
				} else if got {
					allowed++
				}
				if ram.Decide(q, nil, docs.Caller).Allowed {
					t.Errorf("the caller's policy allows %s on %s", a, r)
				}
			}
		}
	}
	if allowed != 1 {
		t.Errorf("%d questions are answered with yes", allowed)
	}
	for _, other := range []string{"acs:ram::" + ownerA + ":role/other", "acs:ram::" + third + ":role/shipper-writer"} {
		role, err := ram.ParseRole(other)
		if err != nil {
			t.Fatal(err)
		}
		if docs.Caller.Evaluate(ram.AssumeRequest(role, nil)) == ram.Allow {
			t.Errorf("the caller may assume %s", other)
		}
	}
	for _, p := range []ram.Principal{{Account: hostsB, Kind: ram.User, Name: "other"}, {Account: hostsB, Kind: ram.Role, Name: "shipper"},
		{Account: third, Kind: ram.User, Name: "shipper"}, {Account: hostsB, Kind: ram.Root}} {
		if ram.TrustDecide(docs.Trust, p, nil).Allowed {
			t.Errorf("%+v is trusted", p)
		}
	}
}

// Who the hosts are has to be said, where it matters.
func TestPolicyCaller(t *testing.T) {
	h := newCheckHost(t, nil)
	for _, tt := range []struct {
		args string
		code int
		says string // in stdout if the code is 0, else in stderr
	}{
		{"trust", exitUsage, "--caller-account"},
		{"all", exitUsage, "--ask"},
		{"role --format markdown", exitUsage, "--caller"},
		{"role", exitOK, "log:PostLogStoreLogs"},
		{"caller", exitOK, emulator.WriterRole},
		{"session", exitOK, "logstore/web"},
		{"trust --caller acs:ram::" + hostsB + ":role/web-host", exitOK, ":role/web-host"},
		{"trust --caller-account " + hostsB, exitOK, ":root"},
		{"trust --ask", exitOK, emulator.SenderUser},
		{"trust --caller nonsense", exitUsage, "--caller"},
		{"trust --caller-account abc", exitUsage, "digits"},
		{"trust --ask --caller-account " + hostsB, exitUsage, "ask"},
		{"trust --ask --format yaml", exitUsage, "terraform"},
		{"all --ask --format aliyun", exitOK, "aliyun ram CreateRole"},
		{"all --ask --format terraform", exitOK, "alicloud_ram_role"},
		{"all --ask --format markdown", exitOK, "# Logs from account " + hostsB},
		{"trust --ask --target nobody", exitUsage, "central"},
		{"role --verify --consumer-group check", exitOK, "log:ConsumerGroupHeartBeat"},
	} {
		code, out, bad := h.shipper(append([]string{"policy"}, strings.Fields(tt.args)...)...)
		text := out
		if tt.code != exitOK {
			if text = bad; out != "" {
				t.Errorf("policy %s fails and prints %s", tt.args, out)
			}
		}
		if code != tt.code || !strings.Contains(text, tt.says) {
			t.Errorf("policy %s: exit %d\n%s%s", tt.args, code, out, bad)
		}
	}
	h.keyID, h.secret = emulator.RootKeyID, emulator.RootKeySecret
	if code, _, bad := h.shipper("policy", "trust", "--ask"); code != exitProblem || !strings.Contains(bad, "itself") {
		t.Errorf("--ask with the root key: %d %s", code, bad)
	}
	h.secret = "wrong"
	if code, _, _ := h.shipper("policy", "trust", "--ask"); code != exitDenied {
		t.Errorf("--ask with a wrong secret: %d", code)
	}
	h.assume["sts_endpoint"] = nobody(t)
	if code, _, _ := h.shipper("policy", "trust", "--ask"); code != exitUnavailable {
		t.Errorf("--ask without STS: %d", code)
	}
	delete(h.target, "role_arn")
	if code, _, bad := h.shipper("policy", "role"); code != exitUsage || !strings.Contains(bad, "role_arn") {
		t.Errorf("without a role: %d %s", code, bad)
	}
}

// Several roles give a set each; two targets of one role share one; sessions are for one target.
func TestPolicySets(t *testing.T) {
	h := newCheckHost(t, nil)
	h.extra = `
[target.second]
project = "sec-logs"
logstore = "audit"
region = "cn-hangzhou"
role_arn = "` + emulator.WriterRole + `"
[input.second]
paths = ["/nowhere/*.2"]
target = "second"
`
	var one documentSet
	if _, out, bad := h.shipper("policy", "all", "--ask"); json.Unmarshal([]byte(out), &one) != nil || len(one.Role.Statement[0].Resource) != 2 {
		t.Errorf("two targets of one role:\n%s%s", out, bad)
	}
	var list []struct {
		Role      string `json:"role_arn"`
		Targets   []string
		Documents json.RawMessage
	}
	if _, out, bad := h.shipper("policy", "session"); json.Unmarshal([]byte(out), &list) != nil || len(list) != 2 {
		t.Errorf("sessions of two targets:\n%s%s", out, bad)
	}
	h.extra = strings.Replace(h.extra, emulator.WriterRole, "acs:ram::"+third+":role/audit", 1)
	list = nil
	if _, out, bad := h.shipper("policy", "all", "--ask"); json.Unmarshal([]byte(out), &list) != nil || len(list) != 2 || list[1].Role != "acs:ram::"+third+":role/audit" {
		t.Errorf("two roles:\n%s%s", out, bad)
	}
	if code, out, _ := h.shipper("policy", "trust", "--caller", emulator.SenderUser, "--target", "second"); code != exitOK || !json.Valid([]byte(out)) || strings.HasPrefix(out, "[") {
		t.Errorf("--target: %d %s", code, out)
	}
	if code, _, bad := h.shipper("policy", "all", "--ask", "--format", "terraform"); code != exitUsage || !strings.Contains(bad, "--target") {
		t.Errorf("terraform of two roles: %d %s", code, bad)
	}
	for _, format := range []string{"aliyun", "markdown"} {
		if code, out, _ := h.shipper("policy", "all", "--ask", "--format", format); code != exitOK || !strings.Contains(out, third) || !strings.Contains(out, ownerA) {
			t.Errorf("%s of two roles: %d", format, code)
		}
	}
}

// The traps of the guides are found, with the line and a document that is right passes.
func TestPolicyLint(t *testing.T) {
	h := newCheckHost(t, nil)
	for _, tt := range []struct {
		name, text, says string
		code             int
	}{
		{"star form", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:` + ownerA + `:project/sec-logs/logstore/web/*"}]}`, "SHP-A202", exitProblem},
		{"comma", "{\"Version\":\"1\",\n\"Statement\":[{\"Effect\":\"Allow\" \"Action\":\"*\"}]}", "line 2", exitProblem},
		{"wide", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"*"}]}`, "SHP-A206", exitOK},
		{"guide", `{"Version":"1","Statement":[{"Effect":"Allow","Action":"iot:QueryProduct","Resource":"Role Arn"}]}`, "SHP-A204", exitProblem},
	} {
		path := h.file("doc.json", tt.text)
		code, out, bad := h.shipper("policy", "lint", path)
		if code != tt.code || !strings.Contains(out, tt.says) {
			t.Errorf("%s: exit %d\n%s%s", tt.name, code, out, bad)
		}
	}
	for _, doc := range []string{"trust", "role", "caller"} {
		_, out, _ := h.shipper("policy", doc, "--ask")
		path := h.file("doc.json", out)
		if code, out, bad := h.shipper("policy", "lint", path, "--ask"); code != exitOK || !strings.Contains(out, "no errors, no warnings") {
			t.Errorf("our own %s: exit %d\n%s%s", doc, code, out, bad)
		}
		var r ram.Report
		if code, out, bad := h.shipper("policy", "lint", "--json", path); code != exitOK || json.Unmarshal([]byte(out), &r) != nil || !r.Allows {
			t.Errorf("our own %s as JSON: exit %d\n%s%s", doc, code, out, bad)
		}
	}
	if code, _, _ := h.shipper("policy", "lint", filepath.Join(h.dir, "missing")); code != exitUsage {
		t.Errorf("missing file: exit %d", code)
	}

	// Without a configuration the document alone is looked at; from standard input, too.
	t.Setenv("SHIPPER_CONFIG", filepath.Join(h.dir, "none.toml"))
	var out, bad bytes.Buffer
	root := newRoot(&global{stdout: &out, stderr: &bad})
	root.SetIn(strings.NewReader(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:*","Resource":"*"}]}`))
	root.SetArgs([]string{"policy", "lint", "-"})
	if err := root.Execute(); err != nil || !strings.Contains(out.String(), "standard input: a permission policy") {
		t.Errorf("%v\n%s%s", err, out.String(), bad.String())
	}
	if _, err := os.Stat(filepath.Join(h.dir, "none.toml")); err == nil {
		t.Error("a configuration appeared")
	}
}

// The documents in docs/accounts.md are the ones that policy prints.
func TestAccountsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	h := newCheckHost(t, nil)
	print := func(args ...string) string {
		_, out, bad := h.shipper(append([]string{"policy"}, args...)...)
		if bad != "" {
			t.Fatal(bad)
		}
		return out
	}
	want := []string{print("trust", "--ask"), "", print("caller"), print("role"), print("role", "--verify"), print("session")}
	h.assume["external_id"] = "agreed-between-us"
	want[1] = print("trust", "--ask")
	var got []string
	for _, part := range strings.Split(string(page), "```json")[1:] {
		_, text, _ := strings.Cut(part, "\n")
		text, _, _ = strings.Cut(text, "```")
		got = append(got, text)
	}
	if len(got) != len(want) {
		t.Fatalf("%d documents, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("document %d is\n%s\nwant\n%s", i+1, got[i], want[i])
		}
	}
}

// One role that two identities assume needs one trust policy with both, which no document alone is.
func TestPolicyRivals(t *testing.T) {
	h := newCheckHost(t, nil)
	h.target["credentials"] = "host"
	h.extra = `
[credentials.other]
source = "static"
access_key_id = "` + emulator.ReaderKeyID + `"
access_key_secret = { file = "` + h.file("other", emulator.ReaderKeySecret) + `" }
[target.second]
project = "sec-logs"
logstore = "audit"
region = "cn-hangzhou"
credentials = "other"
role_arn = "` + emulator.WriterRole + `"
assume_role.sts_endpoint = "` + h.url + `"
[input.second]
paths = ["/nowhere/*.2"]
target = "second"
`
	code, out, bad := h.shipper("policy", "trust", "--ask")
	if code != exitOK || !json.Valid([]byte(out)) || !strings.Contains(bad, "both statements into one trust policy") {
		t.Errorf("exit %d\n%s%s", code, out, bad)
	}
}
