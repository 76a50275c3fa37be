package emulator

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"shipper/pkg/ram"
)

// parsePolicy reads a document of the world.
func parsePolicy(d Document) (*ram.Policy, error) {
	p, err := ram.Parse([]byte(d))
	if err != nil {
		return nil, fmt.Errorf("policy document: %w", err)
	}
	return p, nil
}

func parsePolicies(docs []Document) ([]*ram.Policy, error) {
	out := make([]*ram.Policy, 0, len(docs))
	for i, d := range docs {
		p, err := parsePolicy(d)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// conditions are the condition keys of a request.
func conditions(r *http.Request, now time.Time) ram.Context {
	ctx := ram.Context{
		ram.KeyCurrentTime:     now.UTC().Format("2006-01-02T15:04:05Z"),
		ram.KeySecureTransport: strconv.FormatBool(r.TLS != nil),
		ram.KeyMFAPresent:      "false",
	}
	if ip := clientIP(r); ip != "" {
		ctx[ram.KeySourceIP] = ip
	}
	return ctx
}

// clientIP is the peer's address without the port.
func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

// caller is who signed a request. Exactly one of user and session is set, or neither for an account's own key.
type caller struct {
	account string
	keyID   string
	user    *user
	session *session
}

func (c caller) principal() ram.Principal {
	switch {
	case c.user != nil:
		return ram.Principal{Account: c.account, Kind: ram.User, Name: c.user.name}
	case c.session != nil:
		return ram.Principal{Account: c.account, Kind: ram.Role, Name: c.session.role.name, Session: c.session.name}
	}
	return ram.Principal{Account: c.account, Kind: ram.Root}
}

// String names the caller for the log: the ARN, and the session for a role.
func (c caller) String() string {
	s := c.principal().ARN()
	if c.session != nil {
		s += "/" + c.session.name
	}
	return s
}

// policies are the caller's own: a session has those that its role has now, so a change of them acts at once.
func (c caller) policies() (session *ram.Policy, identity []*ram.Policy) {
	switch {
	case c.user != nil:
		return nil, c.user.policies
	case c.session != nil:
		return c.session.policy, c.session.role.policies
	}
	return nil, nil
}

// decide asks RAM. An account's own key may do everything within the account and nothing outside.
func (c caller) decide(q ram.Request, owner string) ram.Decision {
	if c.user == nil && c.session == nil {
		if c.account == owner {
			return ram.Decision{Allowed: true, Explicit: true, By: "the account's own key"}
		}
		return ram.Decision{By: "the key of account " + c.account + ", which does not own the resource"}
	}
	session, identity := c.policies()
	if c.account != owner && !strings.HasPrefix(q.Action, "sts:") {
		return ram.Decision{
			By:   fmt.Sprintf("the caller is in account %s, the resource belongs to %s", c.account, owner),
			Hint: "policies of one account grant nothing in another: assume a role of the owner first",
		}
	}
	return ram.Decide(q, session, identity...)
}

// denied describes d for the answer.
func (c caller) denied(q ram.Request, d ram.Decision, kind string) *denial {
	n := &denial{
		AuthAction: q.Action, AuthPrincipal: c.String(), AuthOwner: c.account, AuthType: "Account",
		NoPermissionType: "ImplicitDeny", PolicyType: kind,
	}
	switch {
	case c.user != nil:
		n.AuthType = "SubUser"
	case c.session != nil:
		n.AuthType = "AssumedRoleUser"
	}
	if d.Explicit {
		n.NoPermissionType = "ExplicitDeny"
	}
	if strings.HasPrefix(d.By, "session policy") {
		n.PolicyType = "SessionPolicy"
	}
	return n
}

// why turns a decision into a sentence for the log.
func why(d ram.Decision) string {
	if d.Hint == "" {
		return d.By
	}
	return d.By + "; " + d.Hint
}
