package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"shipper/pkg/creds"
	"shipper/pkg/producer"
	"shipper/pkg/producer/readback"
	"shipper/pkg/ram"
)

// readBackTime is how long the line is waited for, unless Options say another time. A consumer that went away silently keeps its
// shards for half of it.
const readBackTime = time.Minute

// How often the Logstore is looked at, how often the group is told that we live, and how far before the line reading begins: the
// service's clock and ours may differ by what check does not complain about.
const (
	lookPause = 200 * time.Millisecond
	beatEvery = 5 * time.Second
	before    = 2 * clockWarn
)

// written is the line that check has written.
type written struct {
	text      string
	at        time.Time // by the service's clock
	acked     time.Time // by ours
	requestID string
}

// readBack looks for the written line in the Logstore, through the consumer group of the target.
func (t *chain) readBack(ctx context.Context, s *Step) {
	switch {
	case t.cfg.Verify == "":
		s.skip(fmt.Sprintf("off ([target.%s] verify = \"shipper-verify\" turns it on)", t.name))
		return
	case t.line.text == "":
		s.skip("no line was written")
		return
	}
	session, err := t.readingSession(ctx)
	if err != nil {
		s.fail(t.stsTrouble(err))
		return
	}
	client, err := producer.NewClient(t.cfg.Config, t.c.http)
	if err != nil { // the configuration was validated
		s.fail(trouble{code: "SHP-N109", detail: err.Error(), whose: Configuration})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, t.c.opt.readBackTime())
	defer cancel()
	r, err := readback.Open(ctx, readback.Options{
		Client: client, Creds: session, Logstore: t.cfg.Logstore, Group: t.cfg.Verify, Consumer: creds.SessionName("{host}", t.c.cfg.Agent.Name), Now: t.now,
	}, t.line.at.Add(-before))
	if err == nil {
		err = t.search(ctx, s, r)
	}
	if err != nil {
		s.fail(t.notRead(err))
	}
}

// readingSession is a token that may do what reading back takes, and nothing else. The token that writes may not.
func (t *chain) readingSession(ctx context.Context) (*creds.Credentials, error) {
	if t.cfg.RoleARN == "" {
		return t.session, nil
	}
	text := ""
	if t.cfg.AssumeRole.SessionPolicy != "off" {
		text = string(ram.Plan{Owner: ownerOf(t.cfg), Targets: []ram.Logstore{logstoreOf(t.cfg)}}.Role().Compact())
	}
	p, err := t.newProvider(text)
	if err != nil {
		return nil, err
	}
	return p.Fetch(ctx)
}

// search reads until the line is there.
func (t *chain) search(ctx context.Context, s *Step, r *readback.Reader) error {
	beat := time.Now()
	shard := -1
	for ctx.Err() == nil {
		more, err := r.Pull(ctx, func(n int, list []byte) {
			if bytes.Contains(list, []byte(t.line.text)) {
				shard = n
			}
		})
		if shard >= 0 {
			t.foundLine(ctx, s, r, shard)
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		if time.Since(beat) > beatEvery {
			beat = time.Now()
			if err := r.Beat(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookPause):
		}
	}
	if r.Shards() == 0 {
		return errHeld
	}
	return errMissing
}

var (
	errHeld    = errors.New("the consumer group gave us no shard")
	errMissing = errors.New("the line did not come")
)

// foundLine says where and when. That the place of reading cannot be written down is not what was asked.
func (t *chain) foundLine(ctx context.Context, s *Step, r *readback.Reader, shard int) {
	detail := fmt.Sprintf("the line was read back from shard %d %d ms after its acknowledgement, through consumer group %s",
		shard, max(1, time.Since(t.line.acked).Milliseconds()), t.cfg.Verify)
	s.ok(detail)
	if err := r.Save(ctx); err != nil && ctx.Err() == nil {
		out := t.notRead(err)
		out.detail = detail + "\n" + out.detail
		s.warn(out)
	}
}

// notRead says why the line could not be read back.
func (t *chain) notRead(err error) trouble {
	limit := t.c.opt.readBackTime()
	switch {
	case errors.Is(err, errHeld):
		return trouble{code: "SHP-A142", detail: fmt.Sprintf("consumer group %s gave us no shard within %s", t.cfg.Verify, span(limit)), whose: Configuration, kind: problem,
			cause: "Other consumers of the group hold all shards: each host that verifies at the same time takes some.",
			fix: []string{"try again when they are done, 30 s after their last sign of life",
				fmt.Sprintf("if something else reads with this group: give [target.%s] verify a name of its own", t.name)}}
	case errors.Is(err, errMissing):
		return trouble{code: "SHP-A140", detail: fmt.Sprintf("the line was acknowledged (request id %s) and not seen within %s", t.line.requestID, span(limit)), whose: Owner, account: t.owner(), kind: problem,
			cause: "Log Service said that it has the line, and the shards that we may read do not show it. It may be in a shard that another consumer of the group holds.",
			fix:   []string{"try again when no other host verifies", "if it stays so: look for the line in the console (tag " + Mark + "), and ask the support of Alibaba Cloud with the request id"}}
	}
	e, ok := errors.AsType[*readback.Refused](err)
	if !ok {
		return trouble{code: "SHP-A140", detail: err.Error(), whose: Service, kind: unreachable, cause: "The line was acknowledged, and reading it back failed."}
	}
	if e.ID == "SHP-P401" {
		return t.deniedRead(e)
	}
	out := t.found(e.Finding)
	out.detail = e.Op + ": " + out.detail
	return out
}

// deniedRead is a role that may write and not read back.
func (t *chain) deniedRead(e *readback.Refused) trouble {
	out := t.found(e.Finding)
	who := "the role " + t.plan.RoleARN.RoleName()
	if t.cfg.RoleARN == "" {
		who = "the user or role of " + t.keyName()
	}
	out.code, out.whose, out.account = "SHP-A141", Owner, t.owner()
	out.detail = e.Op + ": " + out.detail
	out.cause = fmt.Sprintf("No policy of %s allows %s on %s. Reading back takes seven permissions beside the write; shipping goes on without them.",
		who, e.Denial.Action, e.Denial.Resource)
	if e.Denial.Explicit {
		out.cause = fmt.Sprintf("A policy of %s DENIES %s on %s.", who, e.Denial.Action, e.Denial.Resource)
	}
	out.fix = append([]string{fmt.Sprintf("RAM console › Policies: give %s this document in place of the one for writing:", who)}, t.rolePolicy()...)
	if t.cfg.RoleARN != "" {
		out.fix = append(out.fix, t.mail("role", t.owner())...)
	}
	return out
}
