package emulator

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"shipper/internal/invalid"
)

var (
	uidForm      = regexp.MustCompile(`^[0-9]{1,20}$`)
	userForm     = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	roleForm     = regexp.MustCompile(`^[A-Za-z0-9.-]{1,64}$`)
	projectForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	logstoreForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$`)
	regionForm   = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

const maxShards = 256

// validator walks a World and remembers the names that must not come twice.
type validator struct {
	errs     []error
	uids     map[string]bool
	keys     map[string]string // AccessKey id -> where it was seen first
	projects map[string]bool
}

func (v *validator) fail(key, reason, hint string) {
	v.errs = append(v.errs, invalid.Key(key, reason, hint))
}

func (v *validator) account(at string, a Account) {
	if !uidForm.MatchString(a.UID) {
		v.fail(at+".uid", fmt.Sprintf("%q is not an account id", a.UID), "digits only, for instance 1111111111111111")
	}
	if v.uids[a.UID] {
		v.fail(at+".uid", fmt.Sprintf("account %s is there twice", a.UID), "")
	}
	v.uids[a.UID] = true
	v.accessKeys(at, a.Keys)
	users, roles := map[string]bool{}, map[string]bool{}
	for i, u := range a.Users {
		here := fmt.Sprintf("%s.users[%d]", at, i)
		v.name(here+".name", "user", u.Name, userForm, users)
		v.accessKeys(here, u.Keys)
		v.documents(here+".policies", u.Policies)
	}
	for i, r := range a.Roles {
		v.role(fmt.Sprintf("%s.roles[%d]", at, i), r, roles)
	}
	for i, p := range a.OIDCProviders {
		v.provider(fmt.Sprintf("%s.oidc_providers[%d]", at, i), p)
	}
}

func (v *validator) role(at string, r Role, seen map[string]bool) {
	v.name(at+".name", "role", r.Name, roleForm, seen)
	v.documents(at+".policies", r.Policies)
	if _, err := parsePolicy(r.Trust); err != nil {
		v.fail(at+".trust", err.Error(), "")
	}
	if r.MaxSessionDuration < 0 || r.MaxSessionDuration > 43200 {
		v.fail(at+".max_session_duration", fmt.Sprintf("%d is out of range", r.MaxSessionDuration), "3600 to 43200 seconds")
	}
}

func (v *validator) provider(at string, p OIDCProvider) {
	if !userForm.MatchString(p.Name) {
		v.fail(at+".name", fmt.Sprintf("%q is not a provider name", p.Name), "letters, digits, . _ -")
	}
	for i, t := range p.Tokens {
		if len(t.Token) < 4 || len(t.Token) > 20000 {
			v.fail(fmt.Sprintf("%s.tokens[%d].token", at, i), "has a wrong length", "4 to 20000 characters")
		}
	}
}

func (v *validator) name(at, what, name string, form *regexp.Regexp, seen map[string]bool) {
	if !form.MatchString(name) {
		v.fail(at, fmt.Sprintf("%q is not a %s name", name, what), "letters, digits and . - only, at most 64")
	}
	if low := strings.ToLower(name); seen[low] {
		v.fail(at, fmt.Sprintf("%s %q is there twice", what, name), "names do not differ by case alone")
	} else {
		seen[low] = true
	}
}

func (v *validator) accessKeys(at string, keys []Key) {
	for i, k := range keys {
		here := fmt.Sprintf("%s.keys[%d]", at, i)
		switch {
		case k.ID == "" || strings.ContainsAny(k.ID, ":/, \t\r\n"):
			v.fail(here+".id", fmt.Sprintf("%q is not an AccessKey id", k.ID), "letters and digits")
		case strings.HasPrefix(k.ID, sessionKeyPrefix):
			v.fail(here+".id", "begins with STS., as the keys of sessions do", "")
		case v.keys[k.ID] != "":
			v.fail(here+".id", "is the key of "+v.keys[k.ID]+" already", "")
		}
		v.keys[k.ID] = at
		if k.Secret == "" {
			v.fail(here+".secret", "is empty", "")
		}
	}
}

func (v *validator) documents(at string, docs []Document) {
	for i, d := range docs {
		if _, err := parsePolicy(d); err != nil {
			v.fail(fmt.Sprintf("%s[%d]", at, i), err.Error(), "")
		}
	}
}

func (v *validator) project(at string, p Project) {
	if !projectForm.MatchString(p.Name) {
		v.fail(at+".name", fmt.Sprintf("%q is not a project name", p.Name), "3 to 63 lower-case letters, digits and -")
	}
	if v.projects[p.Name] {
		v.fail(at+".name", fmt.Sprintf("project %s is there twice", p.Name), "project names are unique over all accounts")
	}
	v.projects[p.Name] = true
	if !v.uids[p.Owner] {
		v.fail(at+".owner", fmt.Sprintf("there is no account %q", p.Owner), "")
	}
	if !regionForm.MatchString(p.Region) {
		v.fail(at+".region", fmt.Sprintf("%q is not a region", p.Region), "for instance cn-hangzhou")
	}
	seen := map[string]bool{}
	for i, l := range p.Logstores {
		here := fmt.Sprintf("%s.logstores[%d]", at, i)
		v.logstore(here, l)
		if seen[l.Name] {
			v.fail(here+".name", fmt.Sprintf("Logstore %s is there twice", l.Name), "")
		}
		seen[l.Name] = true
	}
}

// checkProject validates one project of a world with these accounts.
func checkProject(p Project, uids map[string]bool) error {
	v := validator{uids: uids, projects: map[string]bool{}}
	v.project("project", p)
	return errors.Join(v.errs...)
}

// checkLogstore validates one Logstore.
func checkLogstore(l Logstore) error {
	v := validator{}
	v.logstore("logstore", l)
	return errors.Join(v.errs...)
}

func (v *validator) logstore(at string, l Logstore) {
	if !logstoreForm.MatchString(l.Name) {
		v.fail(at+".name", fmt.Sprintf("%q is not a Logstore name", l.Name), "2 to 63 lower-case letters, digits, - and _")
	}
	if l.Shards < 0 || l.Shards > maxShards {
		v.fail(at+".shards", fmt.Sprintf("%d is out of range", l.Shards), "1 to 256")
	}
}
