package check

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
	"shipper/pkg/ram"
)

// How often the line is tried when the service has trouble of its own, and how long between.
const (
	writeTries = 3
	writePause = 500 * time.Millisecond
)

// write sends one marked line.
func (t *chain) write(ctx context.Context, s *Step) {
	switch {
	case t.c.opt.NoWrite:
		s.skip("not tried (--no-write)")
		return
	case t.logs.trouble != nil:
		s.Status, s.Detail = NotReached, "not reached"
		return
	}
	client, err := producer.NewClient(t.cfg.Config, t.c.http)
	if err != nil { // the configuration was validated
		s.fail(trouble{code: "SHP-N109", detail: err.Error(), whose: Configuration})
		return
	}
	f, reply := t.post(ctx, client)
	switch f.Verdict {
	case producer.OK:
		t.line.acked, t.line.requestID = time.Now(), reply.RequestID
		s.ok(fmt.Sprintf("1 line to %s/%s, tag %s, request id %s", t.cfg.Project, t.cfg.Logstore, Mark, reply.RequestID))
		if f.ID == forgetful {
			s.warn(trouble{code: f.ID, cause: sentence(upper(f.Cause)), whose: parties[f.Whose], fix: []string{f.Fix}})
		}
	case producer.Throttle:
		t.line = written{}
		s.warn(t.found(f))
	default:
		t.line = written{}
		s.fail(t.refusal(ctx, f))
	}
}

// post tries until the answer says something about us.
func (t *chain) post(ctx context.Context, client *producer.Client) (producer.Finding, producer.Reply) {
	now := t.now
	for try := 1; ; try++ {
		at := now()
		t.line = written{at: at, text: fmt.Sprintf("shipper check from %s at %s, %s", t.c.cfg.Agent.Name, at.UTC().Format(time.RFC3339), rand.Text())}
		body, err := client.Encode(lineGroup(at, t.cfg.Topic, t.c.cfg.Agent.Name, t.line.text))
		if err != nil {
			return producer.Classify(producer.Reply{}, err), producer.Reply{}
		}
		var f producer.Finding
		var reply producer.Reply
		if t.cfg.ExactlyOnce {
			f, reply = t.postTwice(ctx, client, body, at)
		} else {
			reply, err = client.Post(ctx, t.session, body, at)
			f = producer.Classify(reply, err)
		}
		body.Free()
		if try == writeTries || f.Verdict != producer.Retry && f.Verdict != producer.Clock {
			return f, reply
		}
		if f.Verdict == producer.Clock {
			off := reply.Offset
			now = func() time.Time { return time.Now().Add(off) }
			continue
		}
		select {
		case <-ctx.Done():
			return f, reply
		case <-time.After(writePause):
		}
	}
}

// parties maps the words of pkg/producer.
var parties = map[producer.Party]Party{
	producer.Owner: Owner, producer.Caller: Caller, producer.Host: Host, producer.Setting: Configuration,
	producer.Nobody: Service, producer.Shipper: Service, producer.Data: Host,
}

// found is a finding in its own words.
func (t *chain) found(f producer.Finding) trouble {
	out := trouble{code: f.ID, cause: sentence(upper(f.Cause)), whose: parties[f.Whose], kind: denied}
	if f.Status != 0 {
		out.detail = fmt.Sprintf("Log Service refused: %d %s: %s", f.Status, f.Code, f.Message)
		if f.RequestID != "" {
			out.detail += " (request id " + f.RequestID + ")"
		}
	} else {
		out.detail = f.Message
		if code := networkCodes[f.ID]; code != "" {
			out.code = code
		}
	}
	if f.Fix != "" {
		out.fix = append(out.fix, f.Fix)
	}
	if f.Verdict == producer.Retry {
		out.kind = unreachable
	}
	switch out.whose {
	case Owner:
		out.account = t.owner()
	case Caller:
		out.account = t.caller()
	}
	return out
}

// refusal looks behind the answers that ask for a document, or that mean different things in different accounts.
func (t *chain) refusal(ctx context.Context, f producer.Finding) trouble {
	out := t.found(f)
	switch f.ID {
	case "SHP-P401":
		return t.deniedWrite(f, out)
	case "SHP-P408":
		return t.foreign(out, f.Denial.Account)
	case "SHP-P601":
		out.code, out.account = "SHP-A135", t.owner()
		out.cause = fmt.Sprintf("There is no project %s at %s. An endpoint knows the projects of its own region only.", t.cfg.Project, t.where())
		out.fix = []string{fmt.Sprintf("correct project, region or endpoint of [target.%s]", t.name),
			fmt.Sprintf("or account %s (owner of the Logstore) creates the project", t.owner())}
		if regions := t.elsewhere(ctx); len(regions) > 0 {
			out.cause += fmt.Sprintf(" The endpoint of %s knows it.", strings.Join(regions, " and that of "))
			out.fix = []string{fmt.Sprintf("write [target.%s] region = %q", t.name, regions[0])}
		}
	case "SHP-P602":
		out.code, out.account = "SHP-A136", t.owner()
		out.cause = fmt.Sprintf("Project %s has no Logstore %s (asked at %s).", t.cfg.Project, t.cfg.Logstore, t.where())
		out.fix = []string{fmt.Sprintf("correct logstore of [target.%s]", t.name),
			fmt.Sprintf("or account %s (owner of the Logstore) creates it in project %s", t.owner(), t.cfg.Project)}
	case "SHP-P407", "SHP-P505":
		out.code = "SHP-A137"
	}
	return out
}

// deniedWrite finds out which document lacks the write.
func (t *chain) deniedWrite(f producer.Finding, out trouble) trouble {
	d := f.Denial
	if d.Account != "" && t.session.Account != "" && d.Account != t.session.Account {
		return t.foreign(out, d.Account)
	}
	if t.policy != nil && d.PolicyType == "SessionPolicy" {
		narrow := t.narrowSession(out.detail)
		narrow.kind = denied
		return narrow
	}
	who := "the role " + t.plan.RoleARN.RoleName()
	switch {
	case t.cfg.RoleARN != "":
	case t.who != nil:
		who = t.who.ARN
	default:
		who = "the user or role of " + t.keyName()
	}
	out.whose, out.account = Owner, cmp.Or(t.owner(), d.Account)
	if d.Explicit {
		out.code = "SHP-A132"
		out.cause = fmt.Sprintf("A policy of %s DENIES %s on this Logstore. An explicit Deny beats every Allow, so another document would not help.", who, ram.WriteAction)
		out.fix = []string{fmt.Sprintf("RAM console: look through the policies of %s for a statement with \"Effect\": \"Deny\" that covers", who),
			d.Action + " on " + d.Resource, "and remove or narrow it (shipper policy lint FILE tells which one it is)"}
		return out
	}
	out.code = "SHP-A131"
	out.cause = fmt.Sprintf("No policy of %s allows %s on this Logstore. It is checked against the bare name: a policy that lists …/logstore/%s/* only does not match.",
		who, ram.WriteAction, t.cfg.Logstore)
	out.fix = append([]string{fmt.Sprintf("correct project and logstore of [target.%s], if %s/%s is misspelt; else:", t.name, t.cfg.Project, t.cfg.Logstore),
		fmt.Sprintf("RAM console › Policies › Create Policy › JSON; then grant it to %s:", who)}, t.rolePolicy()...)
	if t.cfg.RoleARN != "" {
		out.fix = append(out.fix, t.mail("role", t.owner())...)
	}
	return out
}

// rolePolicy is what the role needs, as it is pasted: one document, or several for many Logstores.
func (t *chain) rolePolicy() (out []string) {
	if t.cfg.RoleARN == "" { // a user's own permission
		return []string{text(t.plan.Role())}
	}
	for _, part := range t.plan.RoleParts() {
		out = append(out, text(part))
	}
	return out
}

// foreign is a project that belongs to another account than the session.
func (t *chain) foreign(out trouble, owner string) trouble {
	out.code, out.whose, out.account = "SHP-A134", Configuration, owner
	who := "another account"
	if owner != "" {
		who = "account " + owner
	}
	out.cause = fmt.Sprintf("Project %s belongs to %s, but the session is in account %s. Policies of one account grant nothing in another.",
		t.cfg.Project, who, t.session.Account)
	out.fix = []string{fmt.Sprintf("correct project of [target.%s] if it is misspelt", t.name),
		fmt.Sprintf("or set role_arn to a role in %s; its administrator creates it with: shipper policy all", who)}
	return out
}

// owner is account A, as far as it is known.
func (t *chain) owner() string {
	if owner := ownerOf(t.cfg); owner != "" {
		return owner
	}
	if t.session != nil && t.session.Account != "" {
		return t.session.Account
	}
	return t.caller()
}

// caller is account B, as far as it is known.
func (t *chain) caller() string {
	if t.who != nil {
		return t.who.Account
	}
	if t.base != nil {
		return creds.AccountOf(t.base.Account)
	}
	return ""
}

// mail says how to send a document to the other administrator: words and a command.
func (t *chain) mail(doc, account string) []string {
	command := "shipper policy " + doc
	if files := t.c.cfg.Files; len(files) > 0 && files[0].Path != config.DefaultPath {
		command += " -c " + files[0].Path
	}
	if len(Sets(t.c.cfg)) > 1 {
		command += " --target " + t.name
	}
	return []string{"or send them:", command + " --ask --format markdown > for-" + account + ".md"}
}

func upper(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if first == "" || first == "shipper" || strings.ContainsAny(strings.TrimRight(first, ".:"), "_.") {
		return s
	}
	if c := s[0]; c >= 'a' && c <= 'z' {
		return string(c-'a'+'A') + s[1:]
	}
	return s
}
