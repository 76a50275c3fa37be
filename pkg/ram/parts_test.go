package ram

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// crowded are plans whose Logstores one document cannot hold.
func crowded() map[string]Plan {
	write, verify, groups := plan(), plan(), plan()
	write.Targets = crowd(150)
	verify.Targets, verify.Verify = crowd(100), true
	groups.Targets = crowd(60)
	for i := range groups.Targets {
		if i%2 == 0 {
			groups.Targets[i].ConsumerGroup = fmt.Sprintf("verify-%d", i%4)
		}
	}
	return map[string]Plan{"write": write, "verify": verify, "groups": groups}
}

// Many Logstores need several documents. Together they allow what is needed and nothing else; none of them, and no statement of
// one, can be left out.
func TestRoleParts(t *testing.T) {
	for name, p := range crowded() {
		if err := p.Validate(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		parts := p.RoleParts()
		if len(parts) < 2 {
			t.Fatalf("%s: %d parts", name, len(parts))
		}
		seen := map[string]bool{}
		for _, part := range parts {
			if part.Size() > MaxPolicy || seen[part.Name] || !only(part.Name, letters+digits+"-") {
				t.Errorf("%s: %s has %d characters", name, part.Name, part.Size())
			}
			seen[part.Name] = true
		}
		for _, r := range p.Needs() {
			if !Decide(r, nil, parts...).Allowed {
				t.Errorf("%s: %v is needed", name, r)
			}
		}
		whole := p.Role()
		for _, r := range wider(p) {
			if got, want := Decide(r, nil, parts...).Allowed, Decide(r, nil, whole).Allowed; got != want {
				t.Errorf("%s: %s on %s: allowed %v, want %v", name, r.Action, r.Resource, got, want)
			}
		}
		for i, part := range parts {
			for k := range part.Statement {
				less := slices.Clone(parts)
				less[i] = &Policy{Statement: slices.Delete(slices.Clone(part.Statement), k, k+1)}
				if !slices.ContainsFunc(p.Needs(), func(r Request) bool { return !Decide(r, nil, less...).Allowed }) {
					t.Errorf("%s: statement %d of %s is superfluous", name, k+1, part.Name)
				}
			}
		}
	}
	few := plan()
	if parts := few.RoleParts(); len(parts) != 1 || string(parts[0].JSON()) != string(few.Role().JSON()) || parts[0].Name != "shipper-writer-permissions" {
		t.Errorf("%v", parts)
	}
}

// wider is every action on Logstores of the plan, those at the seams of the parts among them, and on one beside each.
func wider(p Plan) (out []Request) {
	some := slices.DeleteFunc(unique(p.Targets), func(l Logstore) bool { return len(l.Project)%2+int(l.Project[len(l.Project)-1])%5 != 0 })
	for _, part := range p.RoleParts() {
		for _, l := range p.Targets {
			if strings.HasSuffix(part.Statement[0].Resource[0], l.Project+"/logstore/"+l.Logstore) {
				some = append(some, l)
			}
		}
	}
	for _, a := range table {
		for _, l := range some {
			for _, name := range []string{l.Logstore, l.Logstore + "2"} {
				for _, group := range []string{"verify-0", "verify-2", "other"} {
					list, _ := Resources(a.Name, Vars{"cn-hangzhou", accountA, l.Project, name, "c", "m", group})
					for _, r := range list {
						out = append(out, Request{Action: a.Name, Resource: r})
					}
				}
			}
		}
	}
	return out
}

// Every format holds every part whole, under its own name.
func TestPartsInEveryFormat(t *testing.T) {
	for name, p := range crowded() {
		parts := p.RoleParts()
		var want []string
		for _, part := range parts {
			want = append(want, string(part.Compact()))
		}
		for _, f := range Formats() {
			text, err := p.Render(f)
			if err != nil {
				t.Fatal(name, f, err)
			}
			if got := roleDocuments(t, f, text); !slices.Equal(got, want) {
				t.Errorf("%s as %s: %d documents, want %d", name, f, len(got), len(want))
			}
			for _, part := range parts {
				if f != JSONFormat && !strings.Contains(text, part.Name) {
					t.Errorf("%s as %s: no policy %s", name, f, part.Name)
				}
			}
		}
		var list []json.RawMessage
		if text, err := p.Render(JSONFormat, RoleDocument); err != nil || json.Unmarshal([]byte(text), &list) != nil || len(list) != len(parts) {
			t.Errorf("%s: %v %d", name, err, len(list))
		}
	}
}

// roleDocuments takes the documents that allow actions of Log Service out of a text.
func roleDocuments(t *testing.T, f Format, text string) (out []string) {
	t.Helper()
	keep := func(doc string) {
		if p := mustParse(t, doc); strings.HasPrefix(p.Statement[0].Action[0], "log:") {
			out = append(out, string(p.Compact()))
		}
	}
	switch f {
	case JSONFormat:
		var all struct{ Role []json.RawMessage }
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatal(err)
		}
		for _, doc := range all.Role {
			keep(string(doc))
		}
	case AliyunFormat:
		for _, line := range strings.Split(text, "\n") {
			if doc, ok := strings.CutPrefix(strings.TrimSpace(line), "--PolicyDocument '"); ok {
				keep(strings.TrimSuffix(doc, "'"))
			}
		}
	case TerraformFormat:
		for _, piece := range strings.Split(text, "<<-EOT\n")[1:] {
			doc, _, _ := strings.Cut(piece, "\n  EOT\n")
			keep(doc)
		}
	case MarkdownFormat:
		text, _, _ = strings.Cut(text, "## For information")
		for _, piece := range strings.Split(text, "```json\n")[1:] {
			doc, _, _ := strings.Cut(piece, "```")
			keep(doc)
		}
	}
	return out
}

func TestPartsAreCreatedGrantedAndUndone(t *testing.T) {
	p := plan()
	p.Targets = crowd(90)
	for _, f := range []Format{MarkdownFormat, AliyunFormat} {
		got, err := p.Render(f, RoleDocument)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"shipper-writer-permissions", "shipper-writer-permissions-2"} {
			if strings.Count(got, want) < 3 {
				t.Errorf("%s: %s is not created, granted and taken back:\n%s", f, want, got)
			}
		}
	}
}

// The parts of a role, in an array, are linted together: nothing is missing and nothing is too much; a line is one of the whole text.
func TestLintParts(t *testing.T) {
	for name, p := range crowded() {
		text := p.JSON(RoleDocument)
		r := Lint([]byte(text), p)
		if !r.Allows || r.Errors() > 0 || len(r.Extra) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		var list []json.RawMessage
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		if r := Lint(list[0], p); r.Allows {
			t.Errorf("%s: the first part alone is enough", name)
		}
		broken := strings.Replace(text, `"log:PostLogStoreLogs"`, `"log:*"`, 2)
		seen := map[int]bool{}
		for _, f := range Lint([]byte(broken), p).Findings {
			if f.Line > 0 && strings.Contains(strings.Split(broken, "\n")[f.Line-1], "{") {
				seen[f.Line] = true
			}
		}
		if len(seen) < 2 {
			t.Errorf("%s: lines %v", name, seen)
		}
	}
	for _, bad := range []string{"[]", "[", "[{]", "[1]", "[{}]", `[{"Version":"1","Statement":[]}] x`, "[" + strings.Repeat("[", 10000), "[{}" + strings.Repeat(" ", MaxList)} {
		if list, err := ParseList([]byte(bad)); err == nil {
			t.Errorf("%.20s: %v", bad, list)
		}
	}
}
