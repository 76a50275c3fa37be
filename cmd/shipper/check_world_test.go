package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"shipper/pkg/daemon/check"
	"shipper/pkg/emulator"
)

// checkHost is a host of account B with its cloud.
type checkHost struct {
	t     *testing.T
	cloud *emulator.Emulator
	url   string
	dir   string

	keyID, secret, token string // "" token = none
	target               map[string]string
	assume               map[string]string
	extra                string
}

func newCheckHost(t *testing.T, world func(*emulator.World)) *checkHost {
	t.Helper()
	t.Setenv("SHIPPER_CONFIG", "")
	w := emulator.DefaultWorld()
	if world != nil {
		world(&w)
	}
	em, err := emulator.New(emulator.Options{World: w})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(em)
	t.Cleanup(srv.Close)
	h := &checkHost{t: t, cloud: em, url: srv.URL, dir: t.TempDir(), keyID: emulator.SenderKeyID, secret: emulator.SenderKeySecret}
	h.target = map[string]string{
		"project": emulator.DefaultProject, "logstore": emulator.DefaultLogstore, "region": emulator.DefaultRegion,
		"endpoint": srv.URL, "role_arn": emulator.WriterRole,
	}
	h.assume = map[string]string{"sts_endpoint": srv.URL}
	h.file("app.log", "a line\n")
	return h
}

func (h *checkHost) file(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// config writes the configuration and returns its path.
func (h *checkHost) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[agent]\nname = \"test-host\"\nstate_dir = %q\n[admin]\nlisten = \"\"\n", filepath.Join(h.dir, "state"))
	fmt.Fprintf(&b, "[credentials.host]\nsource = \"static\"\naccess_key_id = %q\naccess_key_secret = { file = %q }\n", h.keyID, filepath.Join(h.dir, "secret"))
	if h.secret != "" {
		h.file("secret", h.secret)
	}
	if h.token != "" {
		fmt.Fprintf(&b, "security_token = { file = %q }\n", h.file("token", h.token))
	}
	b.WriteString("[target.central]\n")
	for k, v := range h.target {
		fmt.Fprintf(&b, "%s = %q\n", k, v)
	}
	b.WriteString("[target.central.assume_role]\n")
	for k, v := range h.assume {
		fmt.Fprintf(&b, "%s = %q\n", k, v)
	}
	fmt.Fprintf(&b, "[input.app]\npaths = [%q]\ntarget = \"central\"\n%s", filepath.Join(h.dir, "*.log"), h.extra)
	return h.file("shipper.toml", b.String())
}

// shipper runs the program with the host's configuration.
func (h *checkHost) shipper(args ...string) (code int, stdout, stderr string) {
	var out, bad bytes.Buffer
	code = run(h.t.Context(), append([]string{"-c", h.config()}, args...), &out, &bad)
	for _, secret := range []string{h.secret, h.token, h.keyID} {
		if s := strings.TrimSpace(secret); s != "" && strings.Contains(out.String()+bad.String(), s) {
			h.t.Errorf("shipper %v shows a key:\n%s%s", args, out.String(), bad.String())
		}
	}
	return code, out.String(), bad.String()
}

// check returns the report and the exit code.
func (h *checkHost) check(args ...string) (check.Report, int) {
	h.t.Helper()
	code, out, bad := h.shipper(append([]string{"check", "--json"}, args...)...)
	var r check.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		h.t.Fatalf("check --json: %v\n%s%s", err, out, bad)
	}
	return r, code
}

func stepOf(t *testing.T, r check.Report, name string) check.Step {
	t.Helper()
	var found *check.Step
	for i, s := range r.Steps {
		if s.Name == name && (found == nil || found.Status == check.OK) { // network has two: the one in trouble
			found = &r.Steps[i]
		}
	}
	if found == nil {
		t.Fatalf("no step %s in %+v", name, r.Steps)
	}
	return *found
}

// documents cuts out of a terminal what would be pasted: from a line that is a brace to the brace under it.
func documents(screen string) []string {
	var out []string
	var doc []string
	indent := ""
	for line := range strings.SplitSeq(screen, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		switch at := line[:len(line)-len(trimmed)]; {
		case doc == nil && trimmed == "{":
			doc, indent = []string{line}, at
		case doc != nil:
			if doc = append(doc, line); line == indent+"}" {
				out = append(out, strings.Join(doc, "\n"))
				doc = nil
			}
		}
	}
	return out
}

// stranger is a web server that is neither STS nor Log Service.
func stranger(t *testing.T) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>Please sign in</html>")
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	return srv.URL
}
