package emulator

import (
	"fmt"
	"strings"
	"time"

	"shipper/pkg/ram"
)

// The state behind a World: the same things with documents parsed and tables to find them. Everything here is guarded by
// Emulator.mu.

type account struct {
	uid       string
	users     map[string]*user // by lower-case name, as RAM compares them
	roles     map[string]*role
	providers map[string]*OIDCProvider
	keys      []Key
	bucket    bucket // AssumeRole calls
}

type user struct {
	User
	name     string
	id       string
	policies []*ram.Policy
}

type role struct {
	Role
	account  string
	name     string
	id       string // a role that is deleted and made again has another one, and the old tokens end
	trust    *ram.Policy
	policies []*ram.Policy
}

func (r *role) arn() string { return "acs:ram::" + r.account + ":role/" + r.name }

// maxSession is the longest session that the role allows.
func (r *role) maxSession() time.Duration {
	if r.MaxSessionDuration == 0 {
		return time.Hour
	}
	return time.Duration(r.MaxSessionDuration) * time.Second
}

// keyRef is a permanent AccessKey and whose it is.
type keyRef struct {
	Key
	account string
	user    *user // nil: the account itself
}

// sessionKeyPrefix begins the AccessKey ids of temporary credentials.
const sessionKeyPrefix = "STS."

// session is one set of temporary credentials.
type session struct {
	keyID, secret, token string
	name                 string
	role                 *role
	policy               *ram.Policy // of the session; nil if AssumeRole had none
	expires              time.Time
}

// put builds the state of one account, replacing what was there.
func (e *Emulator) putAccount(a Account) error {
	acc := &account{
		uid: a.UID, keys: a.Keys,
		users: map[string]*user{}, roles: map[string]*role{}, providers: map[string]*OIDCProvider{},
	}
	for _, u := range a.Users {
		policies, err := parsePolicies(u.Policies)
		if err != nil {
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
		acc.users[strings.ToLower(u.Name)] = &user{User: u, name: u.Name, id: "2" + entityID(), policies: policies}
	}
	for _, r := range a.Roles {
		made, err := newRole(a.UID, r)
		if err != nil {
			return err
		}
		acc.roles[strings.ToLower(r.Name)] = made
	}
	for _, p := range a.OIDCProviders {
		acc.providers[strings.ToLower(p.Name)] = &p
	}
	for id, k := range e.keys {
		if k.account == a.UID {
			delete(e.keys, id)
		}
	}
	for _, k := range a.Keys {
		e.keys[k.ID] = keyRef{Key: k, account: a.UID}
	}
	for _, u := range acc.users {
		for _, k := range u.Keys {
			e.keys[k.ID] = keyRef{Key: k, account: a.UID, user: u}
		}
	}
	e.accounts[a.UID] = acc
	return nil
}

func newRole(uid string, r Role) (*role, error) {
	trust, err := parsePolicy(r.Trust)
	if err != nil {
		return nil, fmt.Errorf("role %s: trust: %w", r.Name, err)
	}
	policies, err := parsePolicies(r.Policies)
	if err != nil {
		return nil, fmt.Errorf("role %s: %w", r.Name, err)
	}
	return &role{Role: r, account: uid, name: strings.ToLower(r.Name), id: "3" + entityID(), trust: trust, policies: policies}, nil
}

// role finds a role by its ARN.
func (e *Emulator) role(arn string) (*role, error) {
	a, err := ram.ParseRole(arn)
	if err != nil {
		return nil, err
	}
	if acc := e.accounts[a.Account]; acc != nil {
		if r := acc.roles[strings.ToLower(a.RoleName())]; r != nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("there is no role %s", arn)
}

// user finds a user by its ARN.
func (e *Emulator) user(arn string) (*user, error) {
	a, err := ram.ParseARN(arn)
	if err != nil {
		return nil, err
	}
	name, ok := strings.CutPrefix(a.Resource, "user/")
	if acc := e.accounts[a.Account]; acc != nil && ok {
		if u := acc.users[strings.ToLower(name)]; u != nil {
			return u, nil
		}
	}
	return nil, fmt.Errorf("there is no user %s", arn)
}

// live reports whether the role of s still exists.
func (e *Emulator) live(s *session) bool {
	acc := e.accounts[s.role.account]
	return acc != nil && acc.roles[s.role.name] == s.role
}

// bucket is a token bucket that refills at rate and holds one second's worth.
type bucket struct {
	level float64
	last  time.Time
}

// take reports whether n more fit at rate a second.
func (b *bucket) take(n, rate float64, now time.Time) bool {
	if b.last.IsZero() {
		b.level = rate
	} else {
		b.level = min(rate, b.level+now.Sub(b.last).Seconds()*rate)
	}
	b.last = now
	if b.level < min(n, rate) { // a request larger than the bucket passes when the bucket is full
		return false
	}
	b.level -= n
	return true
}
