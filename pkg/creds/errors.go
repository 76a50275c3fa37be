package creds

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"unicode"
)

// ErrNone is inside every error of Current and Wait: there is no credential that could be used now.
var ErrNone = errors.New("no usable credential")

// ErrByHand is in the error of a systemd credential that cannot be read outside the service: only there is the variable set.
var ErrByHand = errors.New("$CREDENTIALS_DIRECTORY is not set")

// Whose says whose administrator can mend an error.
type Whose string

// The parties of a two-account setup.
const (
	Owner         Whose = "owner"         // account A: owns the Logstore and the role
	Caller        Whose = "caller"        // account B: owns the host and the base key
	Either        Whose = "either"        // the service did not say which of the two
	Configuration Whose = "configuration" // shipper's own settings
	Host          Whose = "host"          // this machine: its clock, network or files
	Service       Whose = "service"       // nobody: it passes
)

// Error is a refused or failed step on the way to a credential. Read it with errors.AsType[*Error]. It holds no secret:
// AccessKey ids are shortened and what the service quotes of our request is cut away.
type Error struct {
	ID         string // stable code of the message: "SHP-A103"
	Op         string // what we were doing: "AssumeRole", "read instance metadata"
	Class      Class  // what to do about it
	Code       string // the service's code: "NoPermission"; "" when there was no answer
	Message    string // the service's words
	RequestID  string // to give to the service's support
	HTTPStatus int    // 0 when there was no answer
	Account    string // account whose administrator is meant, "" = not known
	Role       string // the role that was to be assumed, "" = none
	Key        string // shortened AccessKey id that was used
	Whose      Whose  // whose administrator can mend it
	Hint       string // what that administrator does
	Denial     Denial // the service's account of a refusal, when it gave one
	Err        error  `json:"-"` // the cause when there was no answer
}

// Denial is AccessDeniedDetail of a refusal (STS and RAM answer it since 2023; every field may be empty).
type Denial struct {
	Action      string `json:"AuthAction"`
	Owner       string `json:"AuthPrincipalOwnerId"`     // account of the caller
	Principal   string `json:"AuthPrincipalDisplayName"` // user id or role:session
	Kind        string `json:"AuthPrincipalType"`        // SubUser, AssumedRoleUser
	PolicyType  string `json:"PolicyType"`               // AssumeRolePolicy = trust policy; AccountLevelIdentityBasedPolicy = caller
	Reason      string `json:"NoPermissionType"`         // ImplicitDeny, ExplicitDeny
	Explanation string `json:"EncodedDiagnosticMessage"` // opaque; for RAM's diagnosis page
}

// Error says what failed, the answer, who can mend it and how.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Role != "" {
		b.WriteString(" " + e.Role)
	}
	if e.Key != "" {
		b.WriteString(" with key " + e.Key)
	}
	if e.Code != "" {
		b.WriteString(": " + e.Code)
	}
	switch {
	case e.Message != "":
		b.WriteString(": " + e.Message)
	case e.Err != nil:
		b.WriteString(": " + e.Err.Error())
	}
	if e.HTTPStatus != 0 {
		fmt.Fprintf(&b, " (HTTP %d", e.HTTPStatus)
		if e.RequestID != "" {
			b.WriteString(", request id " + e.RequestID)
		}
		b.WriteString(")")
	}
	if e.Hint != "" {
		b.WriteString(". " + e.Hint)
	}
	return b.String() + " [" + e.ID + "]"
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// LogValue implements slog.LogValuer: one text, so that a log line reads like the message.
func (e *Error) LogValue() slog.Value { return slog.StringValue(e.Error()) }

// WrongAccountError means that AssumeRole gave a session in another account than the expected one. The session is thrown away:
// lines must never reach somebody else's Logstore.
type WrongAccountError struct {
	Want, Got string // account ids; Got is "" when the answer named none
	Role      string // the role that was assumed; "" for a base key used as it is
	RequestID string
}

// Error names both accounts.
func (e *WrongAccountError) Error() string {
	got := e.Got
	if got == "" {
		got = "unknown"
	}
	what := "the base key"
	if e.Role != "" {
		what = "the session of " + e.Role
	}
	return fmt.Sprintf("%s is in account %s, not in the expected account %s: nothing is sent with it. "+
		"Correct role_arn or expect_account (request id %s) [SHP-A105]", what, got, e.Want, e.RequestID)
}

// tidy makes a text of the service fit for a message: one line, bounded, without control characters, without what it quotes of
// our request (the string to sign holds the token), without the key's own strings.
func tidy(text string, key *Credentials) string {
	if i := strings.Index(text, "server string to sign is"); i >= 0 {
		text = text[:i]
	}
	if i := strings.Index(text, "string to sign is"); i >= 0 {
		text = text[:i] + "…"
	}
	if key != nil {
		text = scrub(text, key)
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + "…"
	}
	return text
}

// scrub replaces every part of key in text, also as it looks in a form and in a string to sign.
func scrub(text string, key *Credentials) string {
	for _, hidden := range []string{key.Secret, key.Token} {
		for range 3 {
			if hidden != "" {
				text = strings.ReplaceAll(text, hidden, "***")
			}
			hidden = url.QueryEscape(hidden)
		}
	}
	if key.ID != "" {
		text = strings.ReplaceAll(text, key.ID, Short(key.ID))
	}
	return text
}
