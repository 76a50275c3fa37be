package ram

import (
	"fmt"
	"strings"
)

// ARN is the name of a resource: acs:Service:Region:Account:Resource.
type ARN struct {
	Service  string // log, ram, sts
	Region   string // empty for RAM
	Account  string // UID of the owning account
	Resource string // role/NAME, project/P/logstore/L, root
}

func (a ARN) String() string {
	if a == (ARN{}) {
		return ""
	}
	return "acs:" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// ParseARN reads an ARN. It checks the shape only; the account must be there.
func ParseARN(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 5)
	switch {
	case len(parts) != 5 || parts[0] != "acs":
		return ARN{}, fmt.Errorf("%q is not an ARN: expected acs:SERVICE:REGION:ACCOUNT:RESOURCE", short(s))
	case parts[1] == "" || parts[4] == "":
		return ARN{}, fmt.Errorf("%q is not an ARN: service or resource is empty", short(s))
	case !isAccount(parts[3]):
		return ARN{}, fmt.Errorf("%q is not an ARN: %q is not the number of an account", short(s), short(parts[3]))
	}
	return ARN{Service: parts[1], Region: parts[2], Account: parts[3], Resource: parts[4]}, nil
}

// ParseRole reads the ARN of a role, acs:ram::UID:role/NAME.
func ParseRole(s string) (ARN, error) {
	a, err := ParseARN(s)
	if err != nil {
		return ARN{}, err
	}
	if p, err := a.Principal(); err != nil || p.Kind != Role || p.Session != "" || a.Region != "" {
		return ARN{}, fmt.Errorf("%q is not the ARN of a role: expected acs:ram::ACCOUNT:role/NAME", short(s))
	}
	return a, nil
}

// RoleName is NAME of acs:ram::UID:role/NAME, empty for any other ARN.
func (a ARN) RoleName() string {
	name, ok := strings.CutPrefix(a.Resource, "role/")
	if !ok || a.Service != "ram" {
		return ""
	}
	return name
}

// Kind is what a principal is.
type Kind string

// Kinds of principals.
const (
	Root      Kind = "root"      // the account itself; in a trust policy: every user and role of it
	User      Kind = "user"      // a RAM user
	Role      Kind = "role"      // a RAM role, or a session of one
	Service   Kind = "service"   // a service of Alibaba Cloud, such as ecs.aliyuncs.com
	Federated Kind = "federated" // an identity provider
)

// Principal is somebody who calls, or who is trusted.
type Principal struct {
	Account string // UID; empty for a service
	Kind    Kind
	Name    string // of the user or role, the host name of the service, oidc-provider/NAME or saml-provider/NAME; empty for Root
	Session string // name of the role session, when the caller is one
}

// Principal reads an ARN of RAM or STS as somebody: root, user/N, role/N, role/N/SESSION, assumed-role/N/SESSION,
// oidc-provider/N, saml-provider/N.
func (a ARN) Principal() (Principal, error) {
	kind, name, _ := strings.Cut(a.Resource, "/")
	p := Principal{Account: a.Account, Name: name}
	switch {
	case a.Service != "ram" && a.Service != "sts":
	case a.Resource == "root":
		p.Kind = Root
		return p, nil
	case name == "":
	case kind == "user":
		p.Kind = User
		return p, nil
	case kind == "role" || kind == "assumed-role":
		p.Kind = Role
		p.Name, p.Session, _ = strings.Cut(name, "/")
		return p, nil
	case kind == "oidc-provider" || kind == "saml-provider":
		p.Kind, p.Name = Federated, a.Resource
		return p, nil
	}
	return Principal{}, fmt.Errorf("%q is not a user, a role or an account", short(a.String()))
}

// ParsePrincipal reads an ARN, a bare account number (which is Root), or the host name of a service.
func ParsePrincipal(s string) (Principal, error) {
	if isAccount(s) {
		return Principal{Account: s, Kind: Root}, nil
	}
	if strings.HasSuffix(s, ".aliyuncs.com") && !strings.ContainsAny(s, ":/*?") {
		return Principal{Kind: Service, Name: s}, nil
	}
	a, err := ParseARN(s)
	if err != nil {
		return Principal{}, err
	}
	return a.Principal()
}

// ARN is how a trust policy names p; a session is named by its role.
func (p Principal) ARN() string {
	switch p.Kind {
	case User, Role:
		return "acs:ram::" + p.Account + ":" + string(p.Kind) + "/" + p.Name
	case Federated:
		return "acs:ram::" + p.Account + ":" + p.Name
	case Service:
		return p.Name
	}
	return "acs:ram::" + p.Account + ":root"
}

func (p Principal) String() string {
	if p == (Principal{}) {
		return ""
	}
	return p.ARN()
}

// isAccount reports whether s looks like a UID: digits only. Most have 16, old accounts fewer.
func isAccount(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}
