package producer

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Denial is what the service says about a missing permission.
type Denial struct {
	Action   string // such as "log:PostLogStoreLogs"
	Resource string // as the service checked it: "acs:log:cn-hangzhou:UID:project/P/logstore/L"
	Account  string // UID inside Resource: the account that owns the project

	PolicyType string // accessDeniedDetail.PolicyType, such as "AccountLevelIdentityBasedPolicy"
	Explicit   bool   // accessDeniedDetail says that a statement denies it; one that allows it would not help
}

// Statement is the RAM statement whose absence the denial reports, as JSON; "" when the denial does not tell.
func (d Denial) Statement() string {
	if d.Action == "" || d.Resource == "" {
		return ""
	}
	type statement struct{ Effect, Action, Resource string }
	text, err := json.Marshal(statement{"Allow", d.Action, d.Resource})
	if err != nil {
		return ""
	}
	return string(text)
}

// The text of a denial (aliyun-log-go-sdk issue 38).
var (
	denialText = regexp.MustCompile(`action: *([A-Za-z]+:[A-Za-z*]+) *, *resource: *(acs:log:[^\s,"]+)`)
	ownerOf    = regexp.MustCompile(`^acs:log:[^:]*:(\d+):`)
)

func readDenial(a Reply) Denial {
	d := Denial{PolicyType: a.detail.PolicyType, Explicit: a.detail.NoPermissionType == "ExplicitDeny"}
	if m := denialText.FindStringSubmatch(a.Message); m != nil {
		d.Action, d.Resource = m[1], m[2]
	}
	if m := ownerOf.FindStringSubmatch(d.Resource); m != nil {
		d.Account = m[1]
	}
	return d
}

// explainDenial puts what the denial tells into f's advice.
func (f *Finding) explainDenial() {
	d := f.Denial
	switch {
	case d.Explicit:
		f.Cause = "a statement denies the role (or user) that we write as the permission to write to this Logstore"
		f.Fix = fmt.Sprintf("find the statement with Effect Deny that covers %s on %s", d.Action, d.Resource)
	case d.Statement() != "":
		f.Fix = "add to a policy of the role: " + d.Statement() + " (or correct project and logstore, if that is not the place)"
	}
}
