package ram

// Effect is what a statement says, and the answer of Evaluate.
type Effect int

// The three answers. A statement has Allow or Deny; NoMatch is an answer only.
const (
	NoMatch Effect = iota
	Allow
	Deny
)

func (e Effect) String() string {
	switch e {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	}
	return "NoMatch"
}

// Sizes of documents, in characters of their compact form.
const (
	MaxPolicy  = 6144  // a custom policy (RAM: Limitations, December 2025; 4096 in 2021)
	MaxSession = 2048  // the Policy parameter of AssumeRole (STS: AssumeRole)
	MaxParse   = 16384 // what Parse accepts at all, in bytes
)

// MaxAttached is how many custom policies a role can have, unless its account asks for more (RAM: Limitations, December 2025).
const MaxAttached = 10

// Policy is one RAM document of any kind: permission, session or trust policy.
type Policy struct {
	Name      string // for messages; not part of the document
	Statement []Statement
}

// Statement is one statement. Of Action and NotAction exactly one is set, and of Resource and NotResource at most one.
type Statement struct {
	Effect      Effect
	Action      []string
	NotAction   []string
	Principal   *Principals // trust and resource policies only
	Resource    []string
	NotResource []string
	Condition   []Condition // all of them must hold

	Line int // where the statement begins in the parsed text; 0 for a generated one
}

// Principals are the Principal element of a statement, by kind. An entry of RAM is an ARN such as acs:ram::UID:root, or "*".
type Principals struct {
	RAM       []string
	Service   []string
	Federated []string
}

// Condition is one operator applied to one key. One of the values must fit; for a negated operator none may.
type Condition struct {
	Operator string // StringEquals, IpAddress, ...
	Key      string // acs:SourceIp, sts:ExternalId, ...
	Values   []string

	Line int // of the operator in the parsed text; 0 for a generated one
}

// Keys of conditions that this package and its callers use.
const (
	KeyCurrentTime     = "acs:CurrentTime"     // ISO 8601
	KeySecureTransport = "acs:SecureTransport" // true | false
	KeySourceIP        = "acs:SourceIp"        // an address
	KeyMFAPresent      = "acs:MFAPresent"      // true | false
	KeyExternalID      = "sts:ExternalId"      // of AssumeRole; the spelling follows the other condition keys of STS
	KeyOIDCIssuer      = "oidc:iss"
	KeyOIDCAudience    = "oidc:aud"
	KeyOIDCSubject     = "oidc:sub"
)

// Context holds what is known about a request, by condition key.
type Context map[string]string

// Request is one question: may this action be done to this resource?
// An API that is checked against two resources asks twice; both must be allowed.
type Request struct {
	Action   string // log:PostLogStoreLogs
	Resource string // acs:log:cn-hangzhou:UID:project/P/logstore/L
	Context  Context
}

// AssumeRole is the action that both accounts must allow before a role can be assumed.
const AssumeRole = "sts:AssumeRole"

// AssumeRequest is the question that the caller's own policies must answer with Allow before it may assume role.
func AssumeRequest(role ARN, ctx Context) Request {
	return Request{Action: AssumeRole, Resource: role.String(), Context: ctx}
}
