package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// verified is what these tests read of verify --json.
type verified struct {
	OK    bool
	Files []struct {
		Path    string
		Verdict string
		Codes   []string
		Acked   int64
		Lost    int64
	}
	Steps []struct {
		Name, Status, Code string
	}
}

// TestVerify runs verify beside a daemon that works, with nothing more than the permissions that policy prints; and after somebody
// has taken a file away that nobody had read.
func TestVerify(t *testing.T) {
	c := newCloud(t, emulator.Options{})
	h := newHost(t, c, "logs/*.log", "")
	text, err := os.ReadFile(h.config)
	must(t, err)
	h.write(t, "shipper.toml", strings.Replace(string(text), "[target.central]\n", "[target.central]\nverify = \"shipper-verify\"\n", 1))
	must(t, c.SetRolePolicy(emulator.WriterRole, emulator.Document(h.command(t, "policy", "role").stdout)))
	must(t, os.Mkdir(h.path("logs"), 0o700))
	d := h.start(t, "run", "--set", quick)
	total := 0
	eventually(t, time.Minute, "lines arrive", func() bool {
		appendLines(t, h.path("logs/app.log"), total, total+100)
		total += 100
		return c.stored() >= 1000
	})
	v := ask[verified](t, h, "verify")
	if !v.OK || len(v.Files) != 1 || v.Files[0].Verdict != "ok" || v.Files[0].Acked == 0 {
		t.Errorf("%+v", v)
	}
	if last := v.Steps[len(v.Steps)-1]; last.Name != "read_back" || last.Status != "ok" {
		t.Errorf("%+v", last)
	}
	eventually(t, time.Minute, "all lines arrive", func() bool { return c.stored() >= total+1 }) // and the one of verify
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// While shipper does not run: lines are written, and the file is taken away.
	appendLines(t, h.path("logs/app.log"), total, total+10)
	must(t, os.Remove(h.path("logs/app.log")))
	d = h.start(t, "run", "--set", quick)
	eventually(t, time.Minute, "the daemon is up", func() bool { return h.command(t, "status").code == 0 })
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// The loss is known as soon as the daemon has counted it. Until then verify says how far it can vouch.
	r := h.command(t, "verify", "--files")
	if counted := strings.Contains(d.stderr.String(), "SHP-K004"); counted != (r.code == 1) || !counted && !strings.Contains(r.stdout, "the file is gone; it was settled up to byte") {
		t.Errorf("exit code %d, and the daemon said:\n%s\n%s", r.code, tail(d.stderr.String(), 5), r.stdout)
	}
	if code := h.command(t, "verify", "--files", "--set", "agent.state_dir="+h.path("nothing")).code; code != 0 {
		t.Errorf("without a state directory: exit code %d", code)
	}
}
