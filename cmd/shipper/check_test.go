package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"shipper/pkg/daemon/check"
	"shipper/pkg/emulator"
)

// chainOf is the order of the links, without those of the host.
var chainOf = []string{check.StepCredential, check.StepAssume, check.StepAccount, check.StepSession, check.StepWrite}

// Each link of the chain is broken in turn: check names it, with whose it is, and what it prints mends it.
func TestCheckBroken(t *testing.T) {
	for _, l := range links() {
		t.Run(l.name, func(t *testing.T) {
			h := newCheckHost(t, l.world)
			if l.setup != nil {
				l.setup(t, h)
			}
			if l.status == "" {
				l.status = check.Fail
			}
			r, code := h.check()
			s := stepOf(t, r, l.step)
			if s.Status != l.status || s.Code != l.code || s.Whose != l.whose || s.Account != l.account || code != l.exit {
				t.Fatalf("%s: %s %s whose %q account %q exit %d; want %s %s %q %q %d\n%+v", l.step, s.Status, s.Code, s.Whose, s.Account, code,
					l.status, l.code, l.whose, l.account, l.exit, s)
			}
			if all := s.Detail + s.Cause + strings.Join(s.Fix, "\n"); !strings.Contains(all, l.says) {
				t.Errorf("does not say %q:\n%s", l.says, all)
			}
			if s.Cause == "" || len(s.Fix) == 0 && l.whose != check.Service {
				t.Errorf("no cause or no fix: %+v", s)
			}
			if _, ok := check.Explain(s.Code); !ok {
				t.Errorf("%s is in no catalogue", s.Code)
			}
			if r.OK != (l.status == check.Warn) {
				t.Errorf("ok = %v", r.OK)
			}
			stopsThere(t, r, l)
			_, screen, _ := h.shipper("check")
			looksWell(t, screen, s)
			if l.paste == nil {
				return
			}
			mailable(t, screen)
			docs := documents(screen)
			if len(docs) == 0 {
				t.Fatalf("nothing to paste:\n%s", screen)
			}
			if err := l.paste(h, docs); err != nil {
				t.Fatalf("paste: %v\n%s", err, strings.Join(docs, "\n"))
			}
			again, code := h.check()
			if s := stepOf(t, again, l.step); s.Status != check.OK || code != exitOK {
				t.Errorf("after pasting what was printed: exit %d, %+v\n%s", code, s, strings.Join(docs, "\n"))
			}
		})
	}
}

// mailable: the command that writes a page for the other administrator works as it is printed.
func mailable(t *testing.T, screen string) {
	t.Helper()
	for line := range strings.SplitSeq(screen, "\n") {
		command, file, ok := strings.Cut(strings.TrimSpace(line), " > ")
		if !ok || !strings.HasPrefix(command, "shipper policy ") {
			continue
		}
		var out, bad bytes.Buffer
		if code := run(t.Context(), strings.Fields(command)[1:], &out, &bad); code != exitOK || !strings.HasPrefix(out.String(), "# Logs from account") {
			t.Errorf("%s > %s: exit %d\n%s%s", command, file, code, out.String(), bad.String())
		}
	}
}

// stopsThere: after a broken link of the chain nothing is tried, before it everything.
func stopsThere(t *testing.T, r check.Report, l link) {
	t.Helper()
	at := slices.Index(chainOf, l.step)
	if l.status != check.Fail || at < 0 {
		return
	}
	for i, name := range chainOf {
		s := stepOf(t, r, name)
		switch {
		case i > at && s.Status != check.NotReached:
			t.Errorf("%s is %s behind a broken %s", name, s.Status, l.step)
		case i < at && s.Status == check.Fail:
			t.Errorf("%s is %s before %s", name, s.Status, l.step)
		}
	}
}

// looksWell: what a person sees fits 100 columns and names code, party and account.
func looksWell(t *testing.T, screen string, s check.Step) {
	t.Helper()
	if strings.Contains(screen, "\x1b") {
		t.Error("colours without a terminal")
	}
	for line := range strings.SplitSeq(screen, "\n") {
		if n := len([]rune(line)); n > 100 && !strings.Contains(line, "shipper policy") && !strings.Contains(line, "acs:") && !strings.Contains(line, t.Name()[:9]) {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(screen, s.Code) || s.Account != "" && !strings.Contains(screen, s.Account) {
		t.Errorf("%s or %s is not shown:\n%s", s.Code, s.Account, screen)
	}
}

// When everything holds, everything is said to, and one marked line arrives.
func TestCheckWhole(t *testing.T) {
	h := newCheckHost(t, nil)
	r, code := h.check()
	if !r.OK || code != exitOK || r.Schema != 1 {
		t.Fatalf("exit %d: %+v", code, r)
	}
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
		if s.Status != check.OK && s.Status != check.Skipped {
			t.Errorf("%+v", s)
		}
	}
	want := []string{"config", "files", "rotation", "state", "limits", "clock", "network", "network", "credential", "assume_role", "account", "session_policy", "write", "read_back"}
	if !slices.Equal(names, want) {
		t.Errorf("steps %v", names)
	}
	groups := h.cloud.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore)
	if len(groups) != 1 || len(groups[0].Logs) != 1 {
		t.Fatalf("stored: %+v", groups)
	}
	g := groups[0]
	if !strings.HasPrefix(g.Logs[0].Value("content"), "shipper check from test-host") || !slices.Contains(g.Tags, emulator.Content{Key: "__check__", Value: "true"}) {
		t.Errorf("stored: %+v", g)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "state")); err == nil {
		t.Error("check made the state directory")
	}

	r, code = h.check("--no-write")
	if s := stepOf(t, r, check.StepWrite); s.Status != check.Skipped || code != exitOK {
		t.Errorf("--no-write: exit %d, %+v", code, s)
	}
	if n := len(h.cloud.ReadAll(emulator.DefaultProject, emulator.DefaultLogstore)); n != 1 {
		t.Errorf("--no-write wrote: %d groups", n)
	}
}

// Two targets: each chain by itself, and --target for one of them.
func TestCheckTargets(t *testing.T) {
	h := newCheckHost(t, func(w *emulator.World) {
		sender(w).Policies = []emulator.Document{statement(anyAssume)}
		w.Projects[0].Logstores = append(w.Projects[0].Logstores, emulator.Logstore{Name: "audit"})
	})
	h.extra = "[target.audit]\nproject = \"sec-logs\"\nlogstore = \"audit\"\nregion = \"cn-hangzhou\"\nendpoint = \"" + h.url +
		"\"\nrole_arn = \"acs:ram::" + ownerA + ":role/missing\"\nassume_role.sts_endpoint = \"" + h.url + "\"\n" +
		"[input.other]\npaths = [\"" + h.dir + "/*.audit\"]\ntarget = \"audit\"\n"
	r, code := h.check()
	failed := 0
	for _, s := range r.Steps {
		if s.Status == check.Fail {
			failed++
			if s.Target != "audit" || s.Code != "SHP-A104" {
				t.Errorf("%+v", s)
			}
		}
		if s.Name == check.StepWrite && s.Target == "central" && s.Status != check.OK {
			t.Errorf("a broken target holds another up: %+v", s)
		}
	}
	if failed != 1 || code != exitDenied {
		t.Errorf("%d failed, exit %d", failed, code)
	}
	if r, code = h.check("--target", "central"); !r.OK || code != exitOK {
		t.Errorf("--target central: exit %d, %+v", code, r)
	}
	if code, _, bad := h.shipper("check", "--target", "nobody"); code != exitUsage || !strings.Contains(bad, "central") {
		t.Errorf("--target nobody: %d %s", code, bad)
	}
}

// A denial and an endpoint that is down are two kinds of trouble, so the code is the general one.
func TestCheckMixed(t *testing.T) {
	h := newCheckHost(t, func(w *emulator.World) { role(w).Trust = trusting("acs:ram::"+third+":root", "") })
	h.target["endpoint"] = nobody(t)
	r, code := h.check()
	if code != exitProblem || r.Count(check.Fail) != 2 {
		t.Errorf("exit %d: %+v", code, r)
	}
}

// A configuration that cannot be loaded has its own code, in both forms.
func TestCheckBadConfig(t *testing.T) {
	h := newCheckHost(t, nil)
	h.target["regio"] = "x"
	r, code := h.check()
	if code != exitConfig || r.OK || len(r.Steps) != 1 || r.Steps[0].Code != "SHP-C004" {
		t.Errorf("exit %d: %+v", code, r)
	}
	if code, _, bad := h.shipper("check"); code != exitConfig || !strings.Contains(bad, "regio") {
		t.Errorf("exit %d: %s", code, bad)
	}
}

// On a terminal there are colours, and --quiet shows troubles only.
func TestCheckPaint(t *testing.T) {
	h := newCheckHost(t, func(w *emulator.World) { role(w).Policies = nil })
	if _, screen, _ := h.shipper("--color", "always", "check"); !strings.Contains(screen, colourRed+"FAIL"+colourReset) {
		t.Errorf("no colours:\n%s", screen)
	}
	if _, screen, _ := h.shipper("-q", "check"); strings.Contains(screen, " ok ") || !strings.Contains(screen, "FAIL") {
		t.Errorf("not quiet:\n%s", screen)
	}
}
