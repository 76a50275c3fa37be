package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/ram"
)

// chain is one target's way into the other account.
type chain struct {
	c    *checker
	name string
	cfg  config.Target
	plan ram.Plan // documents of the role, for every target that writes with it

	sts, logs *peer
	provider  *creds.Provider
	policy    *ram.Policy // of the session; nil = none
	badPolicy *trouble    // why the session policy cannot be used

	base    *creds.Credentials
	who     *creds.Identity // of base; nil when STS could not be asked
	session *creds.Credentials
	line    written // by the link write

	broken bool // an earlier link does not hold
}

// cloud walks the chain of every target. The endpoints of all of them are asked first, because the clock belongs to the host.
func (c *checker) cloud(ctx context.Context) {
	var chains []*chain
	var peers []*peer
	done := make(chan struct{})
	for _, name := range c.names {
		t := &chain{c: c, name: name, cfg: c.cfg.Targets[name]}
		t.sts, _ = stsPeer(t.cfg)
		var err error
		if t.logs, err = logPeer(t.cfg); err != nil { // the configuration was validated
			t.logs = &peer{title: "Log Service", host: t.cfg.Endpoint, trouble: &trouble{code: "SHP-N109", detail: err.Error(), whose: Configuration, kind: unreachable}}
		}
		chains, peers = append(chains, t), append(peers, t.sts, t.logs)
	}
	begin := time.Now()
	for _, p := range peers {
		go func() {
			if p.trouble == nil {
				p.look(ctx, c.http)
			}
			done <- struct{}{}
		}()
	}
	for range peers {
		<-done
	}
	asked := time.Since(begin).Milliseconds()
	c.step(StepClock, "", func(s *Step) { c.clock(s, peers) })
	for _, t := range chains {
		if ctx.Err() != nil {
			return
		}
		t.walk(ctx, asked)
	}
}

// walk goes from the network to the written line.
func (t *chain) walk(ctx context.Context, asked int64) {
	t.c.step(StepNetwork, t.name, func(s *Step) {
		if t.sts.report(s); s.Status == Fail && t.alone() {
			s.Status = Warn
			s.Cause += " This target writes with its own key and can do without."
		}
	})
	t.c.step(StepNetwork, t.name, t.logs.report)
	t.prepare()
	t.broken = t.sts.trouble != nil && !t.alone()
	t.link(ctx, StepCredential, t.credential)
	before := t.broken
	t.broken = before || t.badPolicy != nil // AssumeRole cannot be asked without the policy that belongs to it
	t.link(ctx, StepAssume, t.assume)
	t.link(ctx, StepAccount, t.account)
	if t.badPolicy != nil {
		t.broken = before
	}
	t.link(ctx, StepSession, t.sessionPolicy)
	t.link(ctx, StepWrite, t.write)
	t.link(ctx, StepReadBack, t.readBack)
}

// alone reports whether the daemon never asks STS for this target: no role to assume, no account to compare with.
func (t *chain) alone() bool { return t.cfg.RoleARN == "" && ownerOf(t.cfg) == "" }

// link runs one link unless an earlier one is broken.
func (t *chain) link(ctx context.Context, name string, do func(context.Context, *Step)) {
	t.c.step(name, t.name, func(s *Step) {
		if t.broken {
			s.Status, s.Detail = NotReached, "not reached"
			return
		}
		do(ctx, s)
		t.broken = s.Status == Fail || s.Status == NotReached
	})
}

// prepare builds what the links share, and finds out whether the session policy can be used.
func (t *chain) prepare() {
	if sets := Sets(t.c.cfg); t.cfg.RoleARN != "" {
		for _, s := range sets {
			for _, name := range s.Targets {
				if name == t.name {
					t.plan = s.Plan
				}
			}
		}
	} else {
		t.plan = ram.Plan{Owner: t.cfg.ExpectAccount, Targets: []ram.Logstore{logstoreOf(t.cfg)}}
	}
	t.policy, t.badPolicy = t.readPolicy()
	text := ""
	if t.policy != nil {
		text = string(t.policy.Compact())
	}
	var err error
	if t.provider, err = t.newProvider(text); err != nil {
		t.provider = nil // the link credential says so
	}
}

// newProvider makes what signs the requests of a session with a policy; "" = none.
func (t *chain) newProvider(policy string) (*creds.Provider, error) {
	source, err := creds.NewSource(t.c.cfg.Credentials[t.cfg.Credentials], creds.Options{
		Log: t.c.log, Host: t.c.cfg.Agent.Name, STSEndpoint: t.cfg.AssumeRole.STSEndpoint,
		Region: t.cfg.Region, Network: t.cfg.Network,
	})
	if err != nil {
		return nil, err
	}
	return creds.NewProvider(creds.ProviderOptions{
		Source: source, Role: t.cfg.RoleConfig, SessionPolicy: policy, Host: t.c.cfg.Agent.Name,
		Region: t.cfg.Region, Network: t.cfg.Network, Log: t.c.log,
	})
}

// credential fetches the base identity and asks STS whose it is.
func (t *chain) credential(ctx context.Context, s *Step) {
	if t.provider == nil { // a source that cannot even be built: its own validation has the words, and ran with the configuration
		s.fail(trouble{code: "SHP-A101", detail: "the credentials cannot be set up", whose: Configuration, fix: []string{"shipper validate"}})
		return
	}
	base, err := t.provider.Base(ctx)
	if err != nil {
		s.fail(t.baseTrouble(err))
		return
	}
	t.base = base
	if what := stray(base); what != "" {
		s.fail(trouble{code: "SHP-A121", detail: t.keyName() + " has a blank in its " + what, whose: Caller, kind: problem,
			cause: "A blank or line break was copied along with the key; no key has one.",
			fix:   []string{"write the " + what + " again, without anything before, in or after it" + t.from()}})
		return
	}
	if t.alone() && t.sts.trouble != nil {
		s.ok(t.keyName() + "; whose it is is not known, because STS was not reached")
		return
	}
	who, err := t.provider.Identity(ctx, base)
	if err != nil {
		s.fail(t.stsTrouble(err))
		return
	}
	t.who = who
	if p, err := ram.ParsePrincipal(who.ARN); err == nil {
		t.plan.Caller = p
	}
	detail := fmt.Sprintf("%s is %s, account %s", t.keyName(), who.ARN, who.Account)
	if !base.Expires.IsZero() {
		detail += ", expires in " + span(base.Left(time.Now()))
	}
	s.ok(detail)
	if !who.Root() {
		return
	}
	root := trouble{code: "SHP-A120", detail: detail, whose: Caller, account: who.Account, kind: denied,
		cause: "This is the key of the account itself. STS answers \"Roles may not be assumed by root accounts\" whatever the documents say, and it opens everything in the account.",
		fix: []string{"RAM console › Users › Create User (programmatic access), or better an instance role; put its key into the configuration" + t.from(),
			"grant it the caller policy: shipper policy caller", "delete the key of the account: it is worth more than all logs"}}
	if t.cfg.RoleARN != "" {
		s.fail(root)
		return
	}
	root.cause = "This is the key of the account itself, which opens everything in the account."
	s.warn(root)
}

// keyName is what may be shown of the base credential.
func (t *chain) keyName() string {
	return fmt.Sprintf("%s key %s", t.base.Source, creds.Short(t.base.ID))
}

// from names the table that the key is configured in.
func (t *chain) from() string {
	if t.cfg.Credentials == "" {
		return ""
	}
	return " ([credentials." + t.cfg.Credentials + "])"
}

// stray finds white space in a key, where a paste may have left it.
func stray(c *creds.Credentials) string {
	switch {
	case strings.ContainsFunc(c.ID, unicode.IsSpace):
		return "id"
	case strings.ContainsFunc(c.Secret, unicode.IsSpace):
		return "secret"
	case strings.ContainsFunc(c.Token, unicode.IsSpace):
		return "token"
	}
	return ""
}

// assume exchanges the base credential for a session of the role.
func (t *chain) assume(ctx context.Context, s *Step) {
	if t.cfg.RoleARN == "" {
		own := *t.base
		if t.who != nil {
			own.Account = t.who.Account
		}
		t.session = &own
		s.skip("no role_arn: the base credential writes itself")
		return
	}
	session, err := t.provider.Fetch(ctx)
	if e, ok := errors.AsType[*creds.WrongAccountError](err); ok {
		s.ok(t.cfg.RoleARN + ": STS gave a session of account " + e.Got)
		t.session = &creds.Credentials{Account: e.Got}
		return
	}
	if err != nil {
		s.fail(t.stsTrouble(err))
		return
	}
	t.session = session
	left := session.Left(time.Now())
	detail := fmt.Sprintf("%s, token lives %s", t.cfg.RoleARN, span(left))
	s.ok(detail)
	if asked := t.cfg.AssumeRole.Duration.D(); left < asked-2*time.Minute && asked > time.Hour {
		s.warn(trouble{code: "SHP-A112", detail: detail + ", asked for " + span(asked), whose: Owner, account: t.plan.RoleARN.Account,
			cause: "The role does not allow sessions of this length, so shipper takes one hour. Nothing is lost by it: tokens are renewed in the background.",
			fix: []string{fmt.Sprintf("RAM console › Roles › %s › Maximum Session Duration: at least %d seconds", t.plan.RoleARN.RoleName(), int(asked.Seconds())),
				fmt.Sprintf("or on this host: [target.%s.assume_role] duration = \"1h\"", t.name)}})
	}
}

// account compares where the session is with where it should be.
func (t *chain) account(_ context.Context, s *Step) {
	want, got := ownerOf(t.cfg), t.session.Account
	if t.cfg.RoleARN == "" && t.who != nil {
		got = t.who.Account
	}
	switch {
	case got == "":
		s.skip("not known; expect_account is not set")
	case want == "":
		s.skip("account " + got + "; expect_account is not set")
	case got == want:
		s.ok("the session is in account " + got + ", as expected")
	default:
		s.fail(trouble{code: "SHP-A105", detail: "the session is in account " + got + ", expected is " + want, whose: Configuration, account: want,
			cause: "Nothing is sent with it: lines must never reach somebody else's Logstore.",
			fix:   []string{fmt.Sprintf("correct role_arn or expect_account of [target.%s]", t.name)}})
	}
}

// span writes a duration for people: 5h12m, 47 min, 12 s.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d >= time.Hour && d%time.Hour < time.Minute:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
