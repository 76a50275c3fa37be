package e2e

import (
	"os"
	"strings"
	"testing"
	"time"

	"shipper/pkg/emulator"
)

// ordeal is something that goes wrong on the way to a credential, or to the right to use it, and its cure.
type ordeal struct {
	name  string
	lasts time.Duration // how long it goes wrong

	hurt, cure func(t *testing.T, c *cloud)

	least   time.Duration // least wait between two calls of STS that fail (docs of pkg/creds, backoff); 0 = none fails
	want    []string      // what the log names meanwhile
	outlive bool          // the token in use lives longer than it: nothing waits
}

// Every test below has tokens that live some seconds, so that an hour's worth of renewals fits into a test. All waits of pkg/creds
// shrink with the life of a token, by the fractions that are named here.
const (
	tokenLife  = 10 * time.Second
	shortest   = tokenLife - time.Second // Expiration has whole seconds
	afterFault = shortest / 40           // STS failed
	afterQuota = shortest / 10           // STS said Throttling
	afterNo    = shortest / 20           // STS said no
	renewal    = shortest * 54 / 100     // between renewals that work: 60 % of a life, less 10 % of that
)

// TestOutages takes away and gives back what a token needs: nothing is lost, nothing comes twice, STS is asked seldom, the log
// names account and document, and the first try after the cure succeeds.
func TestOutages(t *testing.T) {
	fault := func(kind string) func(*testing.T, *cloud) {
		return func(t *testing.T, c *cloud) {
			must(t, c.Faults().Inject(emulator.Fault{Op: emulator.OpSTS, Kind: kind}))
		}
	}
	clear := func(_ *testing.T, c *cloud) { c.Faults().Clear() }
	var role emulator.Role // as it was before it was deleted
	for _, r := range emulator.DefaultWorld().Accounts[0].Roles {
		role = r
	}
	trust := func(doc emulator.Document) func(*testing.T, *cloud) {
		return func(t *testing.T, c *cloud) { must(t, c.SetTrust(emulator.WriterRole, doc)) }
	}
	for _, o := range []ordeal{
		{name: "STS down while the token lives", lasts: tokenLife * 7 / 10, hurt: fault(emulator.STSDown), cure: clear,
			least: afterFault, want: []string{"SHP-A110", "ServiceUnavailable", "the old one is used on"}, outlive: true},
		{name: "STS down beyond the life of the token", lasts: tokenLife * 12 / 10, hurt: fault(emulator.STSDown), cure: clear,
			least: afterFault, want: []string{"SHP-A110", "ServiceUnavailable", "data waits"}},
		{name: "STS throttles", lasts: tokenLife * 12 / 10, hurt: fault(emulator.STSThrottle), cure: clear,
			least: afterQuota, want: []string{"SHP-A109", "Throttling.User", "the account of the base key"}},
		{name: "role deleted and made again", lasts: tokenLife / 2,
			hurt:  func(t *testing.T, c *cloud) { must(t, c.DeleteRole(emulator.WriterRole)) },
			cure:  func(t *testing.T, c *cloud) { must(t, c.PutRole(emulator.OwnerUID, role)) },
			least: afterNo, want: []string{"SHP-A104", "EntityNotExist.Role", "account " + emulator.OwnerUID, emulator.WriterRole}},
		{name: "trust policy names somebody else", lasts: tokenLife * 12 / 10,
			hurt:  trust(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::3333333333333333:root"]}}]}`),
			cure:  trust(role.Trust),
			least: afterNo, want: []string{"SHP-A103", "trust policy", "account " + emulator.OwnerUID, "sts:AssumeRole", "shipper policy trust"}},
		{name: "caller's policy taken away", lasts: tokenLife * 12 / 10,
			hurt: func(t *testing.T, c *cloud) {
				must(t, c.SetUserPolicies(emulator.SenderUser, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}`))
			},
			cure: func(t *testing.T, c *cloud) {
				must(t, c.SetUserPolicies(emulator.SenderUser, emulator.DefaultWorld().Accounts[1].Users[0].Policies...))
			},
			least: afterNo, want: []string{"SHP-A103", "account " + emulator.SenderUID, "sts:AssumeRole", "shipper policy caller"}},
		{name: "write permission revoked", lasts: durationFromEnv(t, "SHIPPER_E2E_REVOKED", tokenLife*13/10),
			hurt: func(t *testing.T, c *cloud) {
				must(t, c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:GetLogStore","Resource":"*"}]}`))
			},
			cure: func(t *testing.T, c *cloud) { must(t, c.SetRolePolicy(emulator.WriterRole, role.Policies...)) },
			want: []string{"SHP-P401", "log:PostLogStoreLogs", emulator.OwnerUID, "project/sec-logs/logstore/web"}},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			o.walk(t)
		})
	}
}

// walk lives through the ordeal under load.
func (o ordeal) walk(t *testing.T) {
	c := newCloud(t, emulator.Options{TokenLife: tokenLife})
	h := newHost(t, c, "app.log", "")
	d := h.start(t, "run", "--set", quick)
	total := 0
	load := func() { appendLines(t, h.path("app.log"), total, total+5); total += 5 }
	issued := func() int64 { return c.Stats().TokensIssued }
	eventually(t, time.Minute, "a renewal under load", func() bool { load(); return issued() >= 2 && c.stored() > 0 })

	before, begin := c.Stats(), time.Now()
	o.hurt(t, c)
	missing := func() (out []string) {
		for _, want := range o.want {
			if !strings.Contains(d.stderr.String(), want) {
				out = append(out, want)
			}
		}
		return out
	}
	named := func() bool { return len(missing()) == 0 }
	deadline := begin.Add(o.lasts + time.Minute)
	for time.Since(begin) < o.lasts || !named() && time.Now().Before(deadline) {
		load()
		time.Sleep(50 * time.Millisecond) // the pace of the load
	}
	if m := missing(); len(m) > 0 {
		t.Errorf("the log does not name %q:\n%s", m, tail(d.stderr.String(), 12))
	}
	worst, last := c.Stats(), issued()
	o.cure(t, c)
	eventually(t, 2*time.Minute, "a token comes", func() bool { load(); return issued() > last })
	eventually(t, 2*time.Minute, "everything arrives", func() bool { return c.stored() >= total })
	took := time.Since(begin)
	after := c.Stats()
	if code := d.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.exactly(t, total)

	calls, limit := sum(after.Requests[emulator.OpSTS])-sum(before.Requests[emulator.OpSTS]), int64(took/renewal)+2
	if o.least > 0 {
		limit += int64(took/o.least) + 1
	}
	if calls > limit {
		t.Errorf("STS was asked %d times in %v, at most %d were due", calls, took, limit)
	}
	// What was under way when the cure came may still be refused; what is tried after it may not.
	if late := failures(after, emulator.OpSTS) - failures(worst, emulator.OpSTS); late > 1 {
		t.Errorf("STS refused %d times after the cure", late)
	}
	if late := failures(after, emulator.OpPost) - failures(worst, emulator.OpPost); late > 1 {
		t.Errorf("Log Service refused %d times after the cure", late)
	}
	refused := failures(after, emulator.OpPost) - failures(before, emulator.OpPost)
	if o.outlive && refused > 0 {
		t.Errorf("%d requests were refused although the token lived", refused)
	}
	if after.ExpiredTokens > 0 {
		t.Errorf("%d requests were sent with a token that had ended", after.ExpiredTokens)
	}
	t.Logf("%v of trouble, %v until all was over: %d lines, none lost or repeated; STS asked %d times (at most %d), %d requests refused",
		o.lasts, took.Round(100*time.Millisecond), total, calls, limit, refused)
}

// failures are the requests of an operation that did not get what they asked for.
func failures(s emulator.Stats, op string) int64 { return sum(s.Requests[op]) - s.Requests[op]["ok"] }

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}

// durationFromEnv is a time that the environment may set.
func durationFromEnv(t *testing.T, name string, def time.Duration) time.Duration {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return def
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		t.Fatalf("%s=%q is no time", name, s)
	}
	return d
}
