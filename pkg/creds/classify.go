package creds

import "strings"

// Class says what a failed call means for the next one.
type Class int

// The classes, in the order in which an operator should worry about them.
const (
	Transient Class = iota // network, 5xx, not an answer of STS: try again soon
	Throttle               // too many calls: try again later
	Clock                  // our time is more than 15 minutes off: correct and sign again
	Stale                  // the base credential ended or is unknown: fetch it again, then retry
	Denied                 // a policy says no: retry slowly, keep what we have
	Permanent              // the request itself is wrong: somebody has to change something
)

// String names the class as the documentation does.
func (c Class) String() string {
	return [...]string{"transient", "throttle", "clock", "stale", "denied", "permanent"}[c]
}

// Classify maps an answer of STS to a class: status is the HTTP status (0 = no answer at all), code the service's code ("" =
// the body was not an STS answer, for example a proxy's page). Codes: STS API reference, "Error codes"; the status of a code
// differs between gateways, so the code decides first.
func Classify(status int, code string) Class {
	switch {
	case code == "":
		return classifyStatus(status)
	case strings.HasPrefix(code, "Throttling"), status == 429:
		return Throttle
	case code == "InvalidTimeStamp.Expired":
		return Clock
	case code == "SignatureNonceUsed", code == "InternalError", code == "ServiceUnavailable", status >= 500, status == 408:
		return Transient
	case strings.HasPrefix(code, "InvalidSecurityToken"), strings.HasPrefix(code, "InvalidAccessKeyId"),
		code == "AuthenticationFail.OIDCToken.Expired":
		return Stale
	case code == "NoPermission", strings.HasPrefix(code, "EntityNotExist"), code == "AuthenticationFail.NoPermission":
		return Denied
	case strings.HasPrefix(code, "Forbidden"), status == 403 && !strings.HasPrefix(code, "Invalid"):
		return Denied
	}
	return Permanent
}

// classifyStatus is for answers without a code: they come from something on the way, so nothing in them is final.
func classifyStatus(status int) Class {
	if status == 429 {
		return Throttle
	}
	return Transient
}

// advice fills in whose fault e is, the stable code and what to do. role is the role that was to be assumed.
func (e *Error) advice() *Error {
	owner := AccountOf(e.Role)
	switch {
	case strings.HasPrefix(e.Code, "InvalidAccessKeyId"), e.Code == "SignatureDoesNotMatch", e.Code == "IncompleteSignature",
		e.Code == "MissingSecurityToken":
		e.tell("SHP-A102", Caller, "", keyHint(e.Code))
	case strings.HasPrefix(e.Code, "InvalidSecurityToken"):
		e.tell("SHP-A102", Caller, "", "The base token has ended or does not belong to the key; it is fetched again.")
	case e.Class == Denied && strings.HasPrefix(e.Code, "EntityNotExist"):
		e.tell("SHP-A104", Owner, owner, "The role does not exist"+in(owner)+": create it, or correct the account or the name in role_arn.")
	case strings.HasPrefix(e.Code, "AuthenticationFail"):
		e.tell("SHP-A107", Caller, owner, "Check the OIDC provider, its audience and the trust policy of the role"+in(owner)+".")
	case e.Class == Denied:
		e.denied(owner)
	case e.Class == Clock:
		e.tell("SHP-A108", Host, "", "Set the clock of this host.")
	case e.Class == Throttle:
		e.tell("SHP-A109", Service, "", "Too many calls of STS in the account of the base key; it is asked again, more slowly.")
	case e.Class == Transient:
		e.tell("SHP-A110", Service, "", "STS has trouble of its own; it is asked again.")
	default:
		e.tell("SHP-A106", Configuration, "", parameterHint(e.Code))
	}
	return e
}

func (e *Error) tell(id string, whose Whose, account, hint string) {
	e.ID, e.Whose, e.Account, e.Hint = id, whose, account, hint
}

// denied reads the service's own account of a refusal. It answers the same code for two different causes in two accounts.
func (e *Error) denied(owner string) {
	caller := e.Denial.Owner
	trust := "The trust policy of the role" + in(owner) + " must allow sts:AssumeRole to this caller (and the external id must match): shipper policy trust."
	allow := "The user or role of the base key" + in(caller) + " needs a policy that allows sts:AssumeRole on the role: shipper policy caller (or role_arn is misspelt)."
	switch {
	case strings.Contains(e.Message, "root account"):
		e.tell("SHP-A103", Caller, caller, "The base key belongs to the account itself, which may not assume roles: use a key of a RAM user or a role.")
	case e.Denial.PolicyType == "AssumeRolePolicy":
		e.tell("SHP-A103", Owner, owner, trust)
	case e.Denial.PolicyType == "AccountLevelIdentityBasedPolicy":
		e.tell("SHP-A103", Caller, caller, allow)
	default:
		e.tell("SHP-A103", Either, owner, "One of two: "+trust+" Or: "+allow)
	}
}

func in(account string) string {
	if account == "" {
		return ""
	}
	return " in account " + account
}

func keyHint(code string) string {
	switch code {
	case "InvalidAccessKeyId.NotFound":
		return "The base AccessKey does not exist: check it for missing or extra characters."
	case "InvalidAccessKeyId.Inactive":
		return "The base AccessKey is disabled: enable it or give another one."
	case "MissingSecurityToken":
		return "The base key is temporary (STS.…) and needs its security_token."
	}
	return "The base AccessKey secret does not belong to the id: check both for stray characters."
}

func parameterHint(code string) string {
	switch code {
	case "InvalidParameter.RoleArn":
		return `role_arn is written "acs:ram::ACCOUNT:role/NAME".`
	case "InvalidParameter.RoleSessionName":
		return "assume_role.session_name may hold letters, digits and . @ _ -, 2 to 32 of them."
	case "InvalidParameter.DurationSeconds":
		return "assume_role.duration is longer than the role's MaxSessionDuration, or shorter than 15 minutes."
	case "InvalidParameter.PolicyGrammar", "InvalidParameter.PolicySize":
		return "assume_role.session_policy is not a valid policy of at most 2048 characters."
	}
	return ""
}
