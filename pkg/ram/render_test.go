package ram

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRenderGolden(t *testing.T) {
	p := plan()
	p.Verify, p.ConsumerGroup, p.Duration = true, "shipper-verify", 2*time.Hour
	for _, f := range Formats() {
		got, err := p.Render(f)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join("testdata", "all."+string(f)+".golden")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from %s:\n%s", f, name, got)
		}
	}
}

func TestRenderEveryDocument(t *testing.T) {
	callers := []Principal{plan().Caller, {Account: accountB, Kind: User, Name: "ship.user"}, {Account: accountB, Kind: Root}}
	for _, caller := range callers {
		p := plan()
		p.Caller, p.ExternalID = caller, ""
		for _, f := range Formats() {
			for _, d := range Documents() {
				got, err := p.Render(f, d)
				if err != nil || !strings.HasSuffix(got, "\n") || strings.Contains(got, "%!") {
					t.Errorf("%s %s: %v\n%s", f, d, err, got)
				}
			}
		}
	}
	p := plan()
	if _, err := p.Render("yaml"); err == nil {
		t.Error("there is no such format")
	}
	if _, err := p.Render(JSONFormat, "will"); err == nil {
		t.Error("there is no such document")
	}
	if _, err := (Plan{}).Render(JSONFormat); err == nil {
		t.Error("an empty plan has no documents")
	}
	got, err := p.Render(JSONFormat, RoleDocument)
	if err != nil || got != string(p.Role().JSON()) {
		t.Error(got, err)
	}
	all := map[Document]*Policy{}
	if got, err = p.Render(JSONFormat); err != nil || json.Unmarshal([]byte(got), &all) != nil || len(all) != 4 {
		t.Error(got, err)
	}
}

// The script is run against a stand-in for aliyun that records its arguments: what arrives must be the documents.
func TestAliyunScriptRuns(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	run := func(p Plan, env ...string) (string, error) {
		dir := t.TempDir()
		stub := "#!/bin/sh\n" +
			"case \"$1 $2\" in 'sts GetCallerIdentity')\n" +
			" case \"$4\" in owner) id=" + accountA + ";; shipper) id=" + accountB + ";; *) id=3;; esac\n" +
			" printf '{\\n  \"AccountId\": \"%s\"\\n}\\n' \"$id\"; exit;; esac\n" +
			"{ printf '%s\\0' \"$@\"; printf '\\n'; } >> " + dir + "/calls\n"
		if err := os.WriteFile(filepath.Join(dir, "aliyun"), []byte(stub), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), sh, "-s")
		cmd.Env = append([]string{"PATH=" + dir + ":" + os.Getenv("PATH")}, env...)
		cmd.Stdin = strings.NewReader(p.Aliyun())
		out, err := cmd.CombinedOutput()
		calls, _ := os.ReadFile(filepath.Join(dir, "calls"))
		return string(calls) + string(out), err
	}
	p := plan()
	p.Caller = Principal{Account: accountB, Kind: User, Name: "o'brien"}
	got, err := run(p)
	if err != nil {
		t.Fatal(err, got)
	}
	for _, want := range []string{
		"ram\x00CreateRole\x00--profile\x00owner\x00--RoleName\x00shipper-writer\x00",
		"\x00--AssumeRolePolicyDocument\x00" + string(p.Trust().Compact()) + "\x00",
		"\x00--PolicyName\x00shipper-writer-permissions\x00",
		"\x00--PolicyDocument\x00" + string(p.Role().Compact()) + "\x00",
		"ram\x00AttachPolicyToRole\x00--profile\x00owner\x00--PolicyType\x00Custom\x00--PolicyName\x00shipper-writer-permissions\x00--RoleName\x00shipper-writer\x00",
		"\x00--PolicyDocument\x00" + string(p.CallerPolicy().Compact()) + "\x00",
		"ram\x00AttachPolicyToUser\x00--profile\x00shipper\x00--PolicyType\x00Custom\x00--PolicyName\x00assume-shipper-writer\x00--UserName\x00o'brien\x00",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%q", want, got)
		}
	}
	if got, err := run(p, "OWNER_PROFILE=shipper"); err == nil || !strings.Contains(got, "is not account "+accountA) || strings.Contains(got, "Create") {
		t.Errorf("a profile of the wrong account went through: %q %v", got, err)
	}
}

func TestTerraformHeredocs(t *testing.T) {
	text := plan().Terraform()
	parts := strings.Split(text, "<<-EOT\n")
	if len(parts) != 4 {
		t.Fatalf("%d documents", len(parts)-1)
	}
	for _, part := range parts[1:] {
		body, _, ok := strings.Cut(part, "\n  EOT\n")
		if !ok {
			t.Fatal("the heredoc is not closed")
		}
		mustParse(t, body)
	}
	if strings.Count(text, "{") != strings.Count(text, "}") {
		t.Error("braces do not match")
	}
	if got := hcl("a\"${x}%{y}"); got != `"a\"$${x}%%{y}"` {
		t.Error(got)
	}
}
