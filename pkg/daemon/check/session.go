package check

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"shipper/pkg/ram"
)

// readAction is the harmless thing that a token for writing must not be able to do.
const readAction = "log:GetLogStore"

// readPolicy returns the session policy as the daemon sends it, or why there can be none.
func (t *chain) readPolicy() (*ram.Policy, *trouble) {
	choice := t.cfg.AssumeRole.SessionPolicy
	if t.cfg.RoleARN == "" || choice == "off" {
		return nil, nil
	}
	if choice == "auto" {
		return ram.Plan{Owner: ownerOf(t.cfg), Targets: []ram.Logstore{logstoreOf(t.cfg)}}.Session(), nil
	}
	bad := func(detail string) *trouble {
		return &trouble{code: "SHP-A139", detail: detail, whose: Configuration,
			cause: "STS is sent this policy with each AssumeRole, so without it no token can be fetched.",
			fix: []string{fmt.Sprintf("mend it, or write [target.%s.assume_role] session_policy = \"auto\", which is this document:", t.name),
				text(t.autoPolicy())}}
	}
	data, err := readFile(choice)
	if err != nil {
		return nil, bad(choice + ": " + cause(err))
	}
	p, err := ram.Parse(data)
	if err != nil {
		return nil, bad(choice + ": " + err.Error())
	}
	if n := p.Size(); n > ram.MaxSession {
		return nil, bad(fmt.Sprintf("%s has %d characters, STS takes %d", choice, n, ram.MaxSession))
	}
	return p, nil
}

// readFile reads at most what ram.Parse takes, and one byte more.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, ram.MaxParse+1))
}

func (t *chain) autoPolicy() *ram.Policy {
	return ram.Plan{Owner: ownerOf(t.cfg), Targets: []ram.Logstore{logstoreOf(t.cfg)}}.Session()
}

// text is a document as it is pasted.
func text(p *ram.Policy) string { return strings.TrimSpace(string(p.JSON())) }

// request is the question that Log Service asks RAM about one action on the Logstore.
func (t *chain) request(action string) ram.Request {
	region := t.cfg.Region
	if region == "" {
		region = "cn-hangzhou" // a pattern that names a region is compared with a region, whichever it is
	}
	return ram.Request{Action: action, Resource: fmt.Sprintf("acs:log:%s:%s:project/%s/logstore/%s", region, ownerOf(t.cfg), t.cfg.Project, t.cfg.Logstore)}
}

// sessionPolicy tells whether the token is as narrow as it should be: by reading the policy, and by trying.
func (t *chain) sessionPolicy(ctx context.Context, s *Step) {
	switch {
	case t.cfg.RoleARN == "":
		s.skip("no role_arn, so no session")
		return
	case t.badPolicy != nil:
		s.fail(*t.badPolicy)
		return
	}
	what := "off"
	if t.policy != nil {
		what = fmt.Sprintf("%s, %d of %d characters", t.cfg.AssumeRole.SessionPolicy, t.policy.Size(), ram.MaxSession)
		if t.policy.Evaluate(t.request(ram.WriteAction)) != ram.Allow {
			s.fail(t.narrowSession(what))
			return
		}
	}
	if t.logs.trouble != nil {
		s.ok(what + "; its effect is not known, because Log Service was not reached")
		return
	}
	status, code, said := t.c.askLogstore(ctx, t.cfg, t.session, t.now())
	switch {
	case status == 401 && strings.Contains(strings.ToLower(said), "denied by sts or ram"):
		s.ok(what + "; the token cannot read the Logstore's settings (tried)")
	case status == 200:
		s.ok(what)
		s.warn(t.wideToken(what + "; the token can read the Logstore's settings (tried)"))
	default:
		s.ok(strings.TrimSpace(fmt.Sprintf("%s; its effect is not known: %s %s", what, code, said)))
	}
}

// narrowSession is a session policy that forbids the write.
func (t *chain) narrowSession(what string) trouble {
	return trouble{code: "SHP-A133", detail: what, whose: Configuration,
		cause: "The session policy does not allow " + ram.WriteAction + " on this Logstore. A session policy only narrows: what it does not allow is denied, whatever the role may do." +
			hint(ram.Hint(t.request(ram.WriteAction), t.policy)),
		fix: []string{fmt.Sprintf("write [target.%s.assume_role] session_policy = \"auto\", or put this into the file:", t.name), text(t.autoPolicy())}}
}

func hint(s string) string {
	if s == "" {
		return ""
	}
	return " Nearest: " + sentence(s)
}

// wideToken is a token that can do more than write.
func (t *chain) wideToken(detail string) trouble {
	out := trouble{code: "SHP-A138", detail: detail, whose: Configuration,
		cause: "Whoever steals this token can do more than append lines."}
	switch {
	case t.cfg.AssumeRole.SessionPolicy == "off":
		out.fix = []string{fmt.Sprintf("write [target.%s.assume_role] session_policy = \"auto\"", t.name)}
	case t.cfg.AssumeRole.SessionPolicy == "auto":
		out.cause += " STS did not narrow it although it was asked to."
		out.fix = []string{"ask the support of Alibaba Cloud why a session policy has no effect; until then keep the role narrow: shipper policy role"}
		out.whose, out.account = Owner, t.plan.RoleARN.Account
	default:
		out.fix = []string{fmt.Sprintf("take %s out of the file, or write session_policy = \"auto\"", readAction)}
	}
	return out
}

// now is the time by Log Service's clock, as far as it is known.
func (t *chain) now() time.Time {
	now := time.Now()
	if t.logs.clocked && t.logs.offset.Abs() > clockWarn {
		now = now.Add(t.logs.offset)
	}
	return now
}
