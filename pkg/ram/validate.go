package ram

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	// characters of RoleSessionName and ExternalId (STS: AssumeRole)
	sessionChars  = letters + digits + ".@_-"
	externalChars = letters + digits + "+=,.@:/-_"
	nameChars     = letters + digits + "._-"
)

// Bounds of a session (STS: AssumeRole). More than an hour only when the role's MaxSessionDuration was raised.
const (
	minDuration     = 15 * time.Minute
	DefaultDuration = time.Hour
	maxDuration     = 12 * time.Hour
)

// Validate says everything that would make the documents of the plan wrong or too long, joined.
func (p Plan) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !isAccount(p.owner()) {
		bad("%q is not the number of the account that owns the Logstore", short(p.owner()))
	}
	switch name := p.RoleARN.RoleName(); {
	case name == "" || strings.Contains(name, "/"):
		bad("%q is not the ARN of a role: expected acs:ram::ACCOUNT:role/NAME", short(p.RoleARN.String()))
	case len(name) > 64 || !only(name, nameChars):
		bad("%q is not the name of a role: 1 to 64 letters, digits, dots and hyphens", short(name))
	case p.RoleARN.Account != p.owner():
		bad("role %s is not in account %s, which owns the Logstore: the owner must create the role", p.RoleARN, p.owner())
	}
	if p.Caller.Kind != Service && !isAccount(p.Caller.Account) {
		bad("the account of the hosts is missing")
	}
	if p.Caller.Kind != Root && p.Caller.Kind != "" && p.Caller.Name == "" {
		bad("the name of the %s that the hosts use is missing", p.Caller.Kind)
	}
	if !only(p.Caller.Name, nameChars+"@/") {
		bad("%q is not the name of a user or role", short(p.Caller.Name))
	}
	if p.ExternalID != "" && (len(p.ExternalID) < 2 || len(p.ExternalID) > 1224 || !only(p.ExternalID, externalChars)) {
		bad("external id: 2 to 1224 letters, digits and +=,.@:/-_")
	}
	if p.SessionName != "" && !validSession(p.SessionName) {
		bad("session name %q: 2 to 64 letters, digits and .@_-", short(p.SessionName))
	}
	if p.Duration != 0 && (p.Duration < minDuration || p.Duration > maxDuration) {
		bad("duration %v: a session lasts between 15 minutes and 12 hours", p.Duration)
	}
	if len(p.Targets) == 0 {
		bad("no Logstore is named")
	}
	for _, t := range p.Targets {
		if t.Project == "" || t.Logstore == "" || !only(t.Project+t.Logstore+t.Region, nameChars) {
			bad("%q/%q is not the name of a project and a Logstore", short(t.Project), short(t.Logstore))
		}
	}
	for _, group := range p.groups() {
		if !only(group, nameChars) {
			bad("%q is not the name of a consumer group", short(group))
		}
	}
	for _, a := range p.Actions {
		if _, ok := Lookup(a); !ok {
			bad("%q is not in the action table of Log Service", short(a))
		}
	}
	return errors.Join(append(errs, p.sizes()...)...)
}

// sizes checks the limits of the service.
func (p Plan) sizes() []error {
	var errs []error
	for _, d := range []Document{TrustDocument, RoleDocument, CallerDocument} {
		for _, part := range p.parts(d) {
			if n := part.Size(); n > MaxPolicy {
				errs = append(errs, fmt.Errorf("the %s policy has %d characters, the service takes %d", d, n, MaxPolicy))
			}
		}
	}
	if n := len(p.RoleParts()); n > MaxAttached {
		errs = append(errs, fmt.Errorf("the role needs %d custom policies, and a role takes %d: split the Logstores over several roles", n, MaxAttached))
	}
	for _, t := range p.Targets { // each target has a session of its own
		one := Plan{Owner: p.owner(), Targets: []Logstore{t}}
		if n := one.Session().Size(); n > MaxSession {
			errs = append(errs, fmt.Errorf("the session policy has %d characters, the service takes %d", n, MaxSession))
		}
	}
	return errs
}

func validSession(s string) bool {
	return len(s) >= 2 && len(s) <= 64 && only(s, sessionChars)
}

// only reports whether s consists of characters of set.
func only(s, set string) bool { return strings.Trim(s, set) == "" }
