package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// World describes everything that exists: accounts with their users, roles and documents, and projects with their
// Logstores. It can be written as JSON or TOML.
type World struct {
	Accounts []Account `json:"accounts" toml:"accounts"`
	Projects []Project `json:"projects" toml:"projects"`
}

// ReadWorld reads a World that was written as JSON.
func ReadWorld(in io.Reader) (w World, err error) {
	err = readJSON(in, &w)
	return w, err
}

// Account is one Alibaba Cloud account.
type Account struct {
	UID           string         `json:"uid" toml:"uid"`                                           // 16 digits as a rule; any digits will do
	Keys          []Key          `json:"keys,omitempty" toml:"keys,omitempty"`                     // AccessKeys of the account itself (root)
	Users         []User         `json:"users,omitempty" toml:"users,omitempty"`                   // RAM users
	Roles         []Role         `json:"roles,omitempty" toml:"roles,omitempty"`                   // RAM roles
	OIDCProviders []OIDCProvider `json:"oidc_providers,omitempty" toml:"oidc_providers,omitempty"` // identity providers for AssumeRoleWithOIDC
}

// User is a RAM user.
type User struct {
	Name     string     `json:"name" toml:"name"`
	Keys     []Key      `json:"keys,omitempty" toml:"keys,omitempty"`
	Policies []Document `json:"policies,omitempty" toml:"policies,omitempty"` // identity policies; none = may do nothing
}

// Role is a RAM role.
type Role struct {
	Name               string     `json:"name" toml:"name"`
	Trust              Document   `json:"trust" toml:"trust"`                               // who may assume it
	Policies           []Document `json:"policies,omitempty" toml:"policies,omitempty"`     // what its sessions may do
	MaxSessionDuration int        `json:"max_session_duration" toml:"max_session_duration"` // seconds; 0 = 3600
}

// OIDCProvider is an OpenID Connect identity provider with the tokens that it has issued.
type OIDCProvider struct {
	Name   string      `json:"name" toml:"name"`
	Issuer string      `json:"issuer" toml:"issuer"` // oidc:iss
	Tokens []OIDCToken `json:"tokens" toml:"tokens"`
}

// OIDCToken is one token that AssumeRoleWithOIDC accepts. Its signature is not looked at: being listed here makes it real.
type OIDCToken struct {
	Token    string    `json:"token" toml:"token"`       // 4 to 20,000 characters
	Subject  string    `json:"subject" toml:"subject"`   // oidc:sub
	Audience string    `json:"audience" toml:"audience"` // oidc:aud
	Expires  time.Time `json:"expires" toml:"expires"`   // zero = never
}

// Project is a Log Service project.
type Project struct {
	Name        string     `json:"name" toml:"name"`
	Owner       string     `json:"owner" toml:"owner"`   // uid of the account that it belongs to
	Region      string     `json:"region" toml:"region"` // "cn-hangzhou"
	Description string     `json:"description,omitempty" toml:"description,omitempty"`
	Forbidden   bool       `json:"forbidden,omitempty" toml:"forbidden,omitempty"` // in arrears or switched off: 403 ProjectForbidden
	Logstores   []Logstore `json:"logstores,omitempty" toml:"logstores,omitempty"`
}

// Logstore is a Logstore of a project.
type Logstore struct {
	Name       string `json:"name" toml:"name"`
	Shards     int    `json:"shards" toml:"shards"`                               // 0 = 2; at most 256
	TTL        int    `json:"ttl,omitempty" toml:"ttl,omitempty"`                 // days, reported only; 0 = 30
	AppendMeta bool   `json:"append_meta,omitempty" toml:"append_meta,omitempty"` // add __client_ip__ and __receive_time__ to what arrives
}

// Key is an AccessKey. It never prints its secret.
type Key struct {
	ID       string `json:"id" toml:"id"`
	Secret   string `json:"secret" toml:"secret"`
	Disabled bool   `json:"disabled,omitempty" toml:"disabled,omitempty"`
}

// String is the shortened id.
func (k Key) String() string { return short(k.ID) }

// GoString is the shortened id.
func (k Key) GoString() string { return "emulator.Key(" + k.String() + ")" }

// Format prints the shortened id for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue is the shortened id.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// short keeps the first four and the last two characters of an AccessKey id.
func short(id string) string {
	if len(id) <= 8 {
		return id
	}
	return id[:4] + "…" + id[len(id)-2:]
}

// Document is the text of a RAM policy. In JSON it may be written as an object or as a string that holds one.
type Document string

// UnmarshalJSON takes an object or a string.
func (d *Document) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("policy document: %w", err)
		}
		*d = Document(s)
		return nil
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return fmt.Errorf("policy document: %w", err)
	}
	*d = Document(out.String())
	return nil
}

// MarshalJSON writes an object where the text is one, and the bare text otherwise.
func (d Document) MarshalJSON() ([]byte, error) {
	if t := strings.TrimSpace(string(d)); strings.HasPrefix(t, "{") && json.Valid([]byte(t)) {
		return []byte(t), nil
	}
	return json.Marshal(string(d))
}

// The default world. Every key in it is made up and opens nothing but this emulator.
const (
	OwnerUID        = "1111111111111111" // account A: owns the project
	SenderUID       = "2222222222222222" // account B: owns the hosts
	DefaultProject  = "sec-logs"         // in cn-hangzhou
	DefaultLogstore = "web"              // two shards
	DefaultRegion   = "cn-hangzhou"
	WriterRole      = "acs:ram::" + OwnerUID + ":role/shipper-writer" // may write to sec-logs/web; trusts B's user shipper
	SenderUser      = "acs:ram::" + SenderUID + ":user/shipper"       // may assume exactly WriterRole
	ReaderUser      = "acs:ram::" + OwnerUID + ":user/reader"         // A's own user with the read permissions
	SenderKeyID     = "LTAI5tFakeShipperOfB01"                        // key of SenderUser
	SenderKeySecret = "fake-secret-of-user-shipper-in-2222222222222222"
	ReaderKeyID     = "LTAI5tFakeReaderOfA01" // key of ReaderUser
	ReaderKeySecret = "fake-secret-of-user-reader-in-1111111111111111"
	RootKeyID       = "LTAI5tFakeRootOfB0001" // B's root key: STS refuses it, as it does in the cloud
	RootKeySecret   = "fake-secret-of-the-root-key-of-2222222222222222"
	writePolicy     = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":["acs:log:*:1111111111111111:project/sec-logs/logstore/web","acs:log:*:1111111111111111:project/sec-logs/logstore/web/*"]}]}`
	trustPolicy     = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::2222222222222222:user/shipper"]}}]}`
	callerPolicy    = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"acs:ram:*:1111111111111111:role/shipper-writer"}]}`
	readPolicy      = `{"Version":"1","Statement":[{"Effect":"Allow","Action":["log:Get*","log:List*","log:ConsumerGroup*","log:CreateConsumerGroup","log:UpdateConsumerGroup","log:DeleteConsumerGroup"],"Resource":"acs:log:*:1111111111111111:project/*"}]}`
)

// DefaultWorld is the two-account story: B's user shipper may assume A's role shipper-writer, and that role may write to
// the Logstore web of A's project sec-logs, and nothing else.
func DefaultWorld() World {
	return World{
		Accounts: []Account{
			{
				UID:   OwnerUID,
				Users: []User{{Name: "reader", Keys: []Key{{ID: ReaderKeyID, Secret: ReaderKeySecret}}, Policies: []Document{readPolicy}}},
				Roles: []Role{{Name: "shipper-writer", Trust: trustPolicy, Policies: []Document{writePolicy}, MaxSessionDuration: 3600}},
			},
			{
				UID:   SenderUID,
				Keys:  []Key{{ID: RootKeyID, Secret: RootKeySecret}},
				Users: []User{{Name: "shipper", Keys: []Key{{ID: SenderKeyID, Secret: SenderKeySecret}}, Policies: []Document{callerPolicy}}},
			},
		},
		Projects: []Project{{
			Name: DefaultProject, Owner: OwnerUID, Region: DefaultRegion,
			Logstores: []Logstore{{Name: DefaultLogstore, Shards: 2}},
		}},
	}
}

// Validate reports everything that is wrong with w, each thing with the place where it is.
func (w World) Validate() error {
	v := validator{uids: map[string]bool{}, keys: map[string]string{}, projects: map[string]bool{}}
	for i, a := range w.Accounts {
		v.account(fmt.Sprintf("accounts[%d]", i), a)
	}
	for i, p := range w.Projects {
		v.project(fmt.Sprintf("projects[%d]", i), p)
	}
	return errors.Join(v.errs...)
}
