package e2e

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// eavesdropper collects the tokens and temporary secrets that pass by on the wire, as the world knows them.
type eavesdropper struct {
	mu      sync.Mutex
	secrets map[string]string // secret -> what it is
}

func (e *eavesdropper) hear(secret, what string) {
	if len(secret) < 8 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets[secret] = what
	if escaped := url.QueryEscape(secret); escaped != secret {
		e.secrets[escaped] = what + ", as in a URL"
	}
}

// check looks for every secret in a text.
func (e *eavesdropper) check(t *testing.T, where, text string) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for secret, what := range e.secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s holds the %s", where, what)
		}
	}
}

// TestSecrets runs everything with -v, through renewals, refusals and outages, and looks for secrets and tokens in everything that
// was printed, served or written.
func TestSecrets(t *testing.T) {
	ear := &eavesdropper{secrets: map[string]string{}}
	ear.hear(emulator.SenderKeySecret, "secret of the base key")
	w := poisoned()
	c := w.watch(t, emulator.Options{TokenLife: 3 * time.Second})
	proxy := listenIn(t, c, ear)
	h := newHost(t, c, "app.log", "")
	b, err := os.ReadFile(h.config)
	must(t, err)
	b = []byte(strings.ReplaceAll(strings.Replace(string(b), "[target.central]\n", "[target.central]\nverify = \"shipper-verify\"\n", 1), c.addr, proxy))
	h.write(t, "shipper.toml", string(b))

	appendLines(t, h.path("app.log"), 0, 1000)
	f, err := os.OpenFile(h.path("app.log"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteString("one " + poison + "\n")
	must(t, err)
	must(t, f.Close())

	d := h.start(t, "run", "-v", "--set", quick, "--set", "admin.listen=127.0.0.1:0")
	eventually(t, 30*time.Second, "lines arrive", func() bool { return c.stored() >= 1000 })
	total := 1000
	for _, kind := range []string{emulator.Revoke, emulator.SignatureMismatch, emulator.ExpiredToken, emulator.InvalidToken, emulator.BadGatewayHTML, emulator.CutBefore} {
		for _, op := range []string{emulator.OpPost, emulator.OpSTS} {
			must(t, c.Faults().Inject(emulator.Fault{Op: op, Kind: kind, For: 500 * time.Millisecond}))
			appendLines(t, h.path("app.log"), total, total+10)
			total += 10
			time.Sleep(600 * time.Millisecond) // the fault is over
		}
	}
	// A quote in the middle of the secret: the line with the error is shown, the secret on it is not.
	const half = "hushHUSHhush"
	ear.hear(half, "half of a secret behind a quote")
	h.write(t, "quoted.toml", strings.Replace(string(b), `access_key_secret = "`, `access_key_secret = "x"`+half, 1))
	var out strings.Builder
	// What is no secret by its type and holds one: the address of a credentials URI, the arguments of a program.
	const hidden = "pathAndQuery0fAnAddress"
	ear.hear(hidden, "path of a credentials URI, or an argument of a program")
	plain := strings.Replace(string(b), `source = "static"`, fmt.Sprintf("source = \"uri\"\nuri = \"http://u:%[1]s@%[2]s/%[1]s?k=%[1]s\"\ncommand = [\"/bin/false\", \"--k=%[1]s\"]", hidden, c.addr), 1)
	h.write(t, "uri.toml", strings.ReplaceAll(plain, h.path("state"), h.path("other")))
	h.write(t, "process.toml", strings.ReplaceAll(strings.Replace(plain, `source = "uri"`, `source = "process"`, 1), h.path("state"), h.path("other")))
	must(t, c.SetRolePolicy(emulator.WriterRole, emulator.Document(h.command(t, "policy", "role").stdout)))
	commands := [][]string{
		{"status"}, {"status", "--json"}, {"validate"}, {"validate", "--print"}, {"validate", "--json"}, {"offsets", "list"}, {"offsets", "list", "--json"},
		{"dlq", "list"}, {"dlq", "list", "--json"}, {"dlq", "replay", "--all"}, {"dlq", "replay", "--all", "--json"}, {"version"},
		{"run", "--once"}, // refused: the state directory is locked
		{"run", "--once", "--set", "credentials.host.access_key_secret=" + emulator.SenderKeySecret + "x", "--set", "agent.state_dir=" + h.path("other")},
		{"validate", "--set", "credentials.host.access_key_secrets=" + emulator.SenderKeySecret},
		{"-c", h.path("quoted.toml"), "validate"},
		{"check", "--no-write"}, {"check", "--json", "--no-write"}, {"check"}, {"check", "--json"},
		{"verify"}, {"verify", "--json"}, {"verify", "--files"},
		{"policy", "all", "--ask"}, {"policy", "all", "--ask", "--format", "aliyun"}, {"policy", "all", "--ask", "--format", "terraform"},
		{"policy", "all", "--ask", "--format", "markdown"}, {"policy", "session"}, {"policy", "lint", h.path("quoted.toml")},
		{"policy", "all", "--ask", "--set", "credentials.host.access_key_secret=" + emulator.SenderKeySecret + "x"},
		{"explain"}, {"test"}, {"reload"}, {"tap", "--for", "200ms"}, {"top", "--once"}, {"completion", "bash"},
		{"run", "--once", "--set", "log.format=text", "--set", "agent.state_dir=" + h.path("other")},
		{"run", "--once", "--set", "log.format=journald", "--set", "agent.state_dir=" + h.path("another")},
	}
	for _, name := range []string{"uri.toml", "process.toml"} {
		for _, args := range [][]string{{"check"}, {"validate", "--print"}, {"validate", "--json"}, {"run", "--once"}, {"policy", "all", "--ask"}, {"verify"}} {
			commands = append(commands, append([]string{"-c", h.path(name)}, args...))
		}
	}
	everyCommand(t, commands)
	for _, args := range commands {
		r := h.command(t, append([]string{"-v"}, args...)...)
		ear.check(t, "output of "+strings.Join(args[:min(2, len(args))], " "), r.stdout+r.stderr)
		if r.code == 64 {
			t.Errorf("%v was not run:\n%s", args, r.stderr)
		}
		out.WriteString(r.stdout + r.stderr)
	}
	// The socket serves what the port does.
	for _, path := range []string{"/metrics", "/status", "/readyz", "/healthz", "/"} {
		text := h.get(t, path)
		ear.check(t, path, text)
		out.WriteString(text)
	}
	for _, letter := range ask[letterList](t, h, "dlq", "list").Letters {
		for _, args := range [][]string{{"dlq", "show", letter.ID}, {"dlq", "show", letter.ID, "--json"}} {
			r := h.command(t, args...)
			ear.check(t, "dlq show", r.stdout+r.stderr)
		}
	}
	eventually(t, time.Minute, "the rest arrives", func() bool {
		return len(c.storedIn(emulator.DefaultProject, emulator.DefaultLogstore)) >= total
	})
	// A stack of every goroutine, as a panic prints it.
	must(t, d.cmd.Process.Signal(syscall.SIGQUIT))
	d.wait(t, time.Minute)
	if !strings.Contains(d.stderr.String(), "goroutine 1 ") {
		t.Errorf("no stacks:\n%s", tail(d.stderr.String(), 5))
	}
	ear.check(t, "log and stacks of the daemon", d.stderr.String())
	files := 0
	must(t, filepath.WalkDir(h.path("state"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		ear.check(t, path, string(b))
		files++
		return err
	}))
	if len(ear.secrets) < 6 || !strings.Contains(d.stderr.String(), "level=DEBUG") && !strings.Contains(d.stderr.String(), `"DEBUG"`) && !strings.Contains(d.stderr.String(), "debug") {
		t.Errorf("the test proves little: %d secrets were heard; the log:\n%s", len(ear.secrets), tail(d.stderr.String(), 5))
	}
	t.Logf("%d secrets and tokens looked for in %d bytes of log, %d bytes of output, %d files", len(ear.secrets), len(d.stderr.String()), out.Len(), files)
}

// everyCommand complains about commands of the program that are not among those that were run.
func everyCommand(t *testing.T, run [][]string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/commands.md")
	must(t, err)
	ran := map[string]bool{
		"demo": true, "emulator": true, // their accounts and keys are made up, and shown on purpose
	}
	for _, args := range run {
		if args[0] == "-c" {
			args = args[2:]
		}
		ran[args[0]] = true
	}
	for line := range strings.Lines(string(page)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "## shipper "); ok && !ran[name] {
			t.Errorf("shipper %s is not looked at", name)
		}
	}
}
