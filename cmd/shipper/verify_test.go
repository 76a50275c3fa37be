package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/pkg/creds"
	"shipper/pkg/daemon/check"
	"shipper/pkg/emulator"
	"shipper/pkg/producer"
	"shipper/pkg/producer/readback"
	"shipper/pkg/ram"
)

// verify returns the report and the exit code.
func (h *checkHost) verify(args ...string) (verifyReport, int) {
	h.t.Helper()
	code, out, bad := h.shipper(append([]string{"verify", "--json"}, args...)...)
	var r verifyReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		h.t.Fatalf("verify --json: %v\n%s%s", err, out, bad)
	}
	return r, code
}

// rolePolicy is what policy role prints.
func (h *checkHost) rolePolicy(args ...string) string {
	h.t.Helper()
	code, out, bad := h.shipper(append([]string{"policy", "role"}, args...)...)
	if code != exitOK {
		h.t.Fatalf("policy role: exit code %d\n%s", code, bad)
	}
	return out
}

// The seven read permissions are in the documents exactly when verify is configured, and with them, and not without them, a line
// is read back.
func TestVerifyReadsBack(t *testing.T) {
	h := newCheckHost(t, nil)
	plain := h.rolePolicy()
	if err := h.cloud.SetRolePolicy(emulator.WriterRole, emulator.Document(plain)); err != nil {
		t.Fatal(err)
	}
	r, code := h.verify()
	if code != exitOK || len(r.Steps) != 0 || !slices.Equal(r.Off, []string{"central"}) || !r.OK {
		t.Fatalf("without verify: exit code %d, %+v", code, r)
	}

	h.target["verify"] = "shipper-verify"
	wide := h.rolePolicy()
	for _, action := range ram.ReadActions() {
		if strings.Contains(plain, action) || !strings.Contains(wide, action) {
			t.Errorf("%s: without verify %v, with it %v", action, strings.Contains(plain, action), strings.Contains(wide, action))
		}
	}
	r, code = h.verify()
	var refused check.Step
	for _, s := range r.Steps {
		if s.Name == check.StepReadBack {
			refused = s
		}
	}
	if code != exitDenied || refused.Status != check.Fail || refused.Code != "SHP-A141" || refused.Whose != check.Owner || refused.Account != emulator.OwnerUID ||
		!strings.Contains(refused.Cause, "log:ListConsumerGroup") {
		t.Fatalf("exit code %d, %+v", code, refused)
	}
	doc := refused.Fix[slices.IndexFunc(refused.Fix, func(s string) bool { return strings.HasPrefix(s, "{") })]
	if strings.TrimSpace(wide) != doc {
		t.Errorf("check prints another document than policy role:\n%s\n%s", doc, wide)
	}
	if err := h.cloud.SetRolePolicy(emulator.WriterRole, emulator.Document(doc)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time the group is there
		if r, code = h.verify(); code != exitOK || !r.OK || r.Steps[len(r.Steps)-1].Status != check.OK {
			t.Fatalf("exit code %d, %+v", code, r.Steps)
		}
	}
	if s := h.cloud.Stats(); s.Requests[emulator.OpPull]["ok"] < 6 {
		t.Errorf("%v", s.Requests)
	}
	// check reads back too, and every single permission is needed.
	report, code := h.check()
	if s := stepOf(t, report, check.StepReadBack); code != exitOK || s.Status != check.OK {
		t.Errorf("check: exit code %d, %+v", code, s)
	}
	if s := stepOf(t, report, check.StepSession); s.Status != check.OK || !strings.Contains(s.Detail, "cannot read") {
		t.Errorf("the token that writes may read: %+v", s)
	}
	if report, _ = h.check("--no-write"); stepOf(t, report, check.StepReadBack).Status != check.Skipped {
		t.Errorf("%+v", stepOf(t, report, check.StepReadBack))
	}
}

// A role that lacks one of the permissions is told which. (UpdateConsumerGroup is used only if somebody has changed the group.)
func TestVerifyNeedsEachPermission(t *testing.T) {
	h := newCheckHost(t, nil)
	h.target["verify"] = "shipper-verify"
	whole := h.rolePolicy()
	if err := h.cloud.SetRolePolicy(emulator.WriterRole, emulator.Document(whole)); err != nil {
		t.Fatal(err)
	}
	for _, action := range ram.ReadActions() {
		h.cloud.DeleteLogstore(emulator.DefaultProject, emulator.DefaultLogstore) // and its groups
		if err := h.cloud.PutLogstore(emulator.DefaultProject, emulator.Logstore{Name: emulator.DefaultLogstore, Shards: 2}); err != nil {
			t.Fatal(err)
		}
		if action == "log:UpdateConsumerGroup" {
			const group = `{"consumerGroup":"shipper-verify","timeout":77,"order":true}`
			client, key := owner(t, h)
			a, err := client.Call(t.Context(), key, "POST", "/logstores/"+emulator.DefaultLogstore+"/consumergroups", []byte(group), false, time.Now())
			if err != nil || a.Reply.Status != 200 {
				t.Fatal(a.Reply, err)
			}
		}
		less := strings.Replace(whole, `"`+action+`"`, `"log:GetProject"`, 1)
		if err := h.cloud.SetRolePolicy(emulator.WriterRole, emulator.Document(less)); err != nil {
			t.Fatal(err)
		}
		r, code := h.verify()
		last := r.Steps[len(r.Steps)-1]
		if last.Code != "SHP-A141" || !strings.Contains(last.Cause, action) {
			t.Errorf("without %s: exit code %d, %+v", action, code, last)
		}
	}
}

// owner is a client with the key of account A's own reader.
func owner(t *testing.T, h *checkHost) (*producer.Client, *creds.Credentials) {
	t.Helper()
	cfg := producer.Default()
	cfg.Project, cfg.Logstore, cfg.Region, cfg.Endpoint = emulator.DefaultProject, emulator.DefaultLogstore, emulator.DefaultRegion, h.url
	client, err := producer.NewClient(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return client, &creds.Credentials{ID: emulator.ReaderKeyID, Secret: emulator.ReaderKeySecret}
}

// While another consumer of the group lives, its shards are not ours.
func TestVerifyBesideAnotherConsumer(t *testing.T) {
	h := newCheckHost(t, func(w *emulator.World) { w.Projects[0].Logstores[0].Shards = 1 })
	h.target["verify"] = "shipper-verify"
	if err := h.cloud.SetRolePolicy(emulator.WriterRole, emulator.Document(h.rolePolicy())); err != nil {
		t.Fatal(err)
	}
	client, key := owner(t, h)
	other, err := readback.Open(t.Context(), readback.Options{Client: client, Creds: key, Logstore: emulator.DefaultLogstore,
		Group: "shipper-verify", Consumer: "other"}, time.Now())
	if err != nil || other.Shards() != 1 {
		t.Fatal(other, err)
	}
	r, code := h.verify("--timeout", "1s")
	if last := r.Steps[len(r.Steps)-1]; code != exitProblem || last.Code != "SHP-A142" || r.OK {
		t.Errorf("exit code %d, %+v", code, last)
	}
}

// The audit reads the files again.
func TestVerifyFiles(t *testing.T) {
	h := newCheckHost(t, nil)
	path := filepath.Join(h.dir, "app.log")
	if code, _, bad := h.shipper("verify", "--files"); code != exitOK || !strings.Contains(bad, "does not exist") {
		t.Errorf("before the first run: exit code %d\n%s", code, bad)
	}
	if code, _, bad := h.shipper("run", "--once"); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, bad)
	}
	one := func(want string, code string, exit int, remark string) {
		t.Helper()
		r, got := h.verify("--files")
		if len(r.Files) != 1 {
			t.Fatalf("%+v", r.Files)
		}
		f := r.Files[0]
		if f.Verdict != want || got != exit || strings.Join(f.Codes, " ") != code || !strings.Contains(strings.Join(f.Remarks, " "), remark) || r.Totals[want] != 1 {
			t.Errorf("exit code %d, %+v", got, f)
		}
	}
	one(auditOK, "", exitOK, "")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("another\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if r, _ := h.verify("--files"); r.Files[0].Unread != int64(len("another\n")) {
		t.Errorf("%+v", r.Files[0])
	}
	if _, out, _ := h.shipper("verify", "--files"); !strings.Contains(out, "VERDICT") || !strings.Contains(out, "1 file, 1 right, 0 to look at, 0 wrong") {
		t.Errorf("%s", out)
	}
	write("a")
	r, code := h.verify("--files")
	if code != exitOK || len(r.Files) != 1 || r.Files[0].State != "gone" && r.Files[0].Verdict != auditLook {
		t.Errorf("exit code %d, %+v", code, r.Files)
	}
	if code, _, _ := h.shipper("verify", "--timeout", "0s"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	if code, _, _ := h.shipper("verify", "--target", "nowhere"); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}
