package creds

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// RoleConfig is the part of a [target.NAME] table that says whose role the target writes with. pkg/config embeds it.
type RoleConfig struct {
	// RoleARN is the role in the account that owns the Logstore, "acs:ram::ACCOUNT:role/NAME". "" = the base credential is used itself.
	RoleARN string `toml:"role_arn"`
	// ExpectAccount is the account that the session must be in; default: the account in role_arn. "" without a role = not checked.
	ExpectAccount string `toml:"expect_account"`
	// AssumeRole holds the details of the call.
	AssumeRole AssumeConfig `toml:"assume_role"`
}

// AssumeConfig is [target.NAME.assume_role].
type AssumeConfig struct {
	// SessionName is seen in the owner's audit trail. {host} is the agent's name. Default "shipper-{host}"; cleaned and cut to 32.
	SessionName string `toml:"session_name"`
	// ExternalID is what the owner's trust policy may ask for: 2..1224 of letters, digits and + = , . @ : / - _. Default none.
	ExternalID string `toml:"external_id"`
	// Duration of a session. Default 1h; 15 minutes up to the role's MaxSessionDuration (12h at most). If the role allows less, 1h is used.
	Duration units.Duration `toml:"duration"`
	// SessionPolicy narrows the session: "auto" (default: exactly the write on this Logstore), "off", or a file with a policy.
	SessionPolicy string `toml:"session_policy"`
	// STSEndpoint is host, host:port or URL of STS; https unless it says http://. Default: from region and network.
	STSEndpoint string `toml:"sts_endpoint"`
}

// DefaultRole returns the settings of a target that says nothing about its role.
func DefaultRole() RoleConfig {
	return RoleConfig{AssumeRole: AssumeConfig{
		SessionName:   "shipper-{host}",
		Duration:      units.Duration(time.Hour),
		SessionPolicy: "auto",
	}}
}

var (
	roleARN  = regexp.MustCompile(`^acs:ram::(\d{5,20}):role/([A-Za-z0-9._/-]{1,128})$`)
	external = regexp.MustCompile(`^[A-Za-z0-9+=,.@:/_-]{2,}$`)
	account  = regexp.MustCompile(`^\d{5,20}$`)
)

// AccountOf returns the account id in an ARN of RAM ("acs:ram::ACCOUNT:role/NAME/SESSION"), or "".
func AccountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 5)
	if len(parts) != 5 || parts[0] != "acs" || !account.MatchString(parts[3]) {
		return ""
	}
	return parts[3]
}

// Expected returns the account that the session must be in; "" = any.
func (r RoleConfig) Expected() string {
	if r.ExpectAccount != "" {
		return r.ExpectAccount
	}
	return AccountOf(r.RoleARN)
}

// Validate reports every wrong key, relative to the target's table.
func (r RoleConfig) Validate() error {
	var errs []error
	bad := func(key, reason, hint string) { errs = append(errs, invalid.Key(key, reason, hint)) }
	a := r.AssumeRole
	if r.RoleARN != "" && !roleARN.MatchString(r.RoleARN) {
		bad("role_arn", fmt.Sprintf("%q is not the ARN of a role", r.RoleARN), `write "acs:ram::ACCOUNT:role/NAME"`)
	}
	switch owner := AccountOf(r.RoleARN); {
	case r.ExpectAccount == "":
	case !account.MatchString(r.ExpectAccount):
		bad("expect_account", fmt.Sprintf("%q is not an account id", r.ExpectAccount), "write its digits")
	case owner != "" && owner != r.ExpectAccount:
		bad("expect_account", "it is "+r.ExpectAccount+" but role_arn is in account "+owner, "no session of that role could ever be used")
	}
	if a.ExternalID != "" && (!external.MatchString(a.ExternalID) || len(a.ExternalID) > 1224) {
		bad("assume_role.external_id", "STS would refuse it", "2 to 1224 of letters, digits and + = , . @ : / - _")
	}
	if d := a.Duration.D(); d < time.Second || d > 12*time.Hour {
		bad("assume_role.duration", fmt.Sprintf("%s is out of range", a.Duration), "15m to 12h")
	}
	if a.SessionName == "" {
		bad("assume_role.session_name", "it is empty", `the default is "shipper-{host}"`)
	}
	if a.SessionPolicy == "" {
		bad("assume_role.session_policy", "it is empty", `write "auto", "off" or the path of a policy file`)
	}
	if a.STSEndpoint != "" {
		if _, _, err := splitEndpoint(a.STSEndpoint); err != nil {
			bad("assume_role.sts_endpoint", err.Error(), `write a host, host:port, or "http://host:port"`)
		}
	}
	return errors.Join(errs...)
}

// Warnings returns what works only with luck.
func (r RoleConfig) Warnings() []string {
	if d := r.AssumeRole.Duration.D(); r.RoleARN != "" && d > 0 && d < 15*time.Minute {
		return []string{fmt.Sprintf("assume_role.duration %s is below the 15m that STS allows: 1h will be used if it refuses", r.AssumeRole.Duration)}
	}
	return nil
}

// SessionName fills host into a template and makes the result fit for STS: letters, digits and . @ _ -, 2 to 32 of them (the
// limit is 64 since 2023; older gateways still say 32). When it is too long the domain of the host goes first.
func SessionName(template, host string) string {
	if host == "" {
		host, _ = os.Hostname()
	}
	if template == "" {
		template = DefaultRole().AssumeRole.SessionName
	}
	name := fit(strings.ReplaceAll(template, "{host}", host))
	if short, _, ok := strings.Cut(host, "."); ok && len(name) > 32 {
		name = fit(strings.ReplaceAll(template, "{host}", short))
	}
	name = name[:min(32, len(name))]
	if len(name) < 2 {
		return "shipper"
	}
	return name
}

// fit replaces what RoleSessionName may not hold.
func fit(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".@_-", r):
			return r
		}
		return '-'
	}, s)
}
