package check

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"shipper/pkg/creds"
	"shipper/pkg/ram"
)

// baseTrouble is a base credential that could not be fetched.
func (t *chain) baseTrouble(err error) trouble {
	e, ok := errors.AsType[*creds.Error](err)
	if !ok {
		return trouble{code: "SHP-A101", detail: err.Error(), whose: Host}
	}
	if e.ID != "SHP-A101" {
		return t.stsTrouble(err) // a source that asks STS itself
	}
	detail := e.Op
	if e.Err != nil {
		detail += ": " + e.Err.Error()
	}
	return trouble{code: e.ID, detail: detail, whose: Host,
		cause: "shipper has no identity of its own account to begin with.",
		fix:   identityFix(e.Err, t.from())}
}

// byHand is what helps where a credential of systemd is missing because the command was not started by it.
const byHand = "run this as root while the service runs; for a unit of another name than shipper.service: CREDENTIALS_DIRECTORY=/run/credentials/UNIT"

// identityFix is what gives this host an identity: access to a file that is there, or one of the sources. from is where it is configured.
func identityFix(err error, from string) []string {
	if errors.Is(err, creds.ErrByHand) {
		return []string{byHand + from}
	}
	e, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(e, fs.ErrPermission) {
		return []string{"give it one: docs/configuration.md, [credentials.NAME]" + from}
	}
	name := username(os.Geteuid())
	if _, err := os.Stat(e.Path); err != nil {
		return []string{fmt.Sprintf("let user %s enter the directories above %s", name, e.Path) + from}
	}
	return []string{fmt.Sprintf("let user %s read it, through its group", name) + from + ":",
		fmt.Sprintf("chgrp $(id -gn %s) %[2]s && chmod 0640 %[2]s", word(name), word(e.Path))}
}

// stsTrouble turns a refusal of STS into whose it is and what to paste (STS: AssumeRole, error codes).
func (t *chain) stsTrouble(err error) trouble {
	e, ok := errors.AsType[*creds.Error](err)
	if !ok {
		return trouble{code: "SHP-A106", detail: err.Error(), whose: Configuration}
	}
	out := trouble{code: e.ID, whose: whose[e.Whose], account: e.Account, kind: denied, detail: said(e), cause: e.Hint}
	if e.Whose == creds.Caller && out.account == "" {
		out.account = t.caller()
	}
	switch e.ID {
	case "SHP-A102":
		out.fix = []string{"look at the key in the RAM console (Users › the user › AccessKey): is it there, enabled, and the one that is configured?",
			"put the right one into the configuration" + t.from()}
		if strings.HasPrefix(e.Code, "InvalidSecurityToken") {
			out.cause = "The base credential is temporary and has ended, or its token belongs to another key."
			out.fix = []string{"a static security_token ends and is not renewed by anybody: use a source that renews (ecs_role, oidc, profile), or the key of a RAM user" + t.from()}
		}
	case "SHP-A103":
		t.deniedAssume(e, &out)
	case "SHP-A104":
		out.cause = fmt.Sprintf("There is no role %s in account %s, or the account number or the name in role_arn has a typing error.", t.plan.RoleARN.RoleName(), t.plan.RoleARN.Account)
		out.fix = append([]string{fmt.Sprintf("correct role_arn of [target.%s], or let account %s create the role:", t.name, t.plan.RoleARN.Account),
			fmt.Sprintf("RAM console › Roles › Create Role › %s, with this trust policy:", t.plan.RoleARN.RoleName()), text(t.plan.Trust()),
			"and this permission policy:"}, append(t.rolePolicy(), t.mail("all", t.plan.RoleARN.Account)...)...)
	case "SHP-A106":
		out.fix = []string{fmt.Sprintf("correct it in [target.%s.assume_role]", t.name)}
	case "SHP-A108":
		out.kind, out.fix = problem, []string{"set the clock, and let it be kept: systemctl enable --now chronyd (or systemd-timesyncd)"}
	case "SHP-A109", "SHP-A110":
		out.kind = unreachable
		out.cause = cmp.Or(out.cause, "STS has trouble of its own; shipper tries again every few seconds, and a token that it has stays in use.")
		out.fix = []string{"try again"}
	}
	return out
}

// whose maps the words of pkg/creds.
var whose = map[creds.Whose]Party{
	creds.Owner: Owner, creds.Caller: Caller, creds.Either: Either, creds.Configuration: Configuration, creds.Host: Host, creds.Service: Service,
}

// said is what STS answered, in one line.
func said(e *creds.Error) string {
	if e.HTTPStatus == 0 {
		return e.Op + ": " + e.Message
	}
	s := "STS refused: " + cmp.Or(e.Code, fmt.Sprint(e.HTTPStatus))
	if e.Denial.PolicyType != "" {
		s += ", PolicyType " + e.Denial.PolicyType
	} else if e.Message != "" {
		s += ": " + strings.TrimSuffix(e.Message, ".")
	}
	if e.RequestID != "" {
		s += " (request id " + e.RequestID + ")"
	}
	return s
}

// deniedAssume tells the two halves of the permission apart: the trust policy of account A, the caller's policy of account B.
func (t *chain) deniedAssume(e *creds.Error, out *trouble) {
	caller, role := t.plan.Caller.ARN(), t.plan.RoleARN
	callerAccount := cmp.Or(e.Denial.Owner, t.caller())
	explicit := e.Denial.Reason == "ExplicitDeny"
	trustFix := append([]string{fmt.Sprintf("RAM console › Roles › %s › Trust policy, replace with (or add the statement to what is there):", role.RoleName()),
		text(t.plan.Trust())}, t.mail("trust", role.Account)...)
	callerFix := append([]string{fmt.Sprintf("RAM console › Policies › Create Policy › JSON; then grant it to %s:", caller),
		text(t.plan.CallerPolicy())}, t.mail("caller", callerAccount)...)
	switch e.Denial.PolicyType {
	case "AssumeRolePolicy":
		out.whose, out.account = Owner, role.Account
		if explicit {
			out.code = "SHP-A116"
			out.cause = fmt.Sprintf("A statement of the role's TRUST policy denies %s. An explicit Deny beats every Allow.", caller)
			out.fix = append([]string{"remove the Deny that covers it, or:"}, trustFix...)
			return
		}
		out.cause = fmt.Sprintf("The role's TRUST policy does not list %s, or demands another external id (%s).", caller, t.external())
		out.fix = trustFix
		if t.plan.ExternalID == "" {
			out.fix = append(out.fix, fmt.Sprintf("if it demands an external id (sts:ExternalId): set it in [target.%s.assume_role] external_id instead", t.name))
		}
	case "AccountLevelIdentityBasedPolicy", "SessionPolicy":
		out.whose, out.account = Caller, callerAccount
		if explicit {
			out.code = "SHP-A115"
			out.cause = fmt.Sprintf("A policy of %s DENIES %s on this role. An explicit Deny beats every Allow, so another document would not help.", caller, ram.AssumeRole)
			out.fix = []string{fmt.Sprintf("RAM console: look through the policies of %s and of its groups for a statement with \"Effect\": \"Deny\" that covers", caller),
				ram.AssumeRole + " on " + role.String(), "and remove or narrow it (shipper policy lint FILE tells which one it is)"}
			return
		}
		out.code = "SHP-A114"
		out.cause = fmt.Sprintf("No policy of %s allows %s on exactly this role.", caller, ram.AssumeRole)
		out.fix = append([]string{fmt.Sprintf("correct role_arn of [target.%s], if %s is misspelt; else:", t.name, role)}, callerFix...)
	default:
		out.whose, out.account = Either, ""
		out.cause = "STS does not say which half is missing: the role's TRUST policy (account " + role.Account + "), or the CALLER policy (account " + callerAccount +
			"). The key itself works, so the trust policy is the likelier one."
		out.fix = append([]string{"account " + role.Account + " (owner of the Logstore):"}, trustFix...)
		out.fix = append(append(out.fix, "account "+callerAccount+" (owner of the hosts):"), callerFix...)
	}
}

// external is what is sent of the external id.
func (t *chain) external() string {
	if t.plan.ExternalID == "" {
		return "none is sent"
	}
	return fmt.Sprintf("%q is sent", t.plan.ExternalID)
}
