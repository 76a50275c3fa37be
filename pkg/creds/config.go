package creds

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Config is one [credentials.NAME] table: where this host's own identity comes from. Unset keys of a source are taken from the
// environment, with the names of Alibaba's own SDKs (ALIBABA_CLOUD_…).
type Config struct {
	// Source is auto | static | env | profile | ecs_role | oidc | uri | process. Default auto: the first that is set up, in this
	// order: static, env, oidc, profile, ecs_role, uri, process.
	Source string `toml:"source"`

	// AccessKeyID is the id of a key (static).
	AccessKeyID Secret `toml:"access_key_id"`
	// AccessKeySecret is its secret (static).
	AccessKeySecret Secret `toml:"access_key_secret"`
	// SecurityToken makes it a temporary key (static). Default none.
	SecurityToken Secret `toml:"security_token"`

	// Profile is the name of a profile (profile). Default $ALIBABA_CLOUD_PROFILE, then the file's current one, then "default".
	Profile string `toml:"profile"`
	// File is the profile file (profile): JSON of the aliyun command, or ini. Default $ALIBABA_CLOUD_CONFIG_FILE or
	// ~/.aliyun/config.json, then $ALIBABA_CLOUD_CREDENTIALS_FILE or ~/.alibabacloud/credentials.
	File string `toml:"file"`

	// RoleName is the RAM role of the instance (ecs_role). Default $ALIBABA_CLOUD_ECS_METADATA, then what the instance says.
	RoleName string `toml:"role_name"`
	// IMDSv1 allows requests without a token to a metadata service that gives none (ecs_role). Default false.
	IMDSv1 bool `toml:"imds_v1"`
	// MetadataEndpoint is the metadata service (ecs_role). Default "http://100.100.100.200".
	MetadataEndpoint string `toml:"metadata_endpoint"`

	// OIDCProviderARN is the identity provider (oidc). Default $ALIBABA_CLOUD_OIDC_PROVIDER_ARN.
	OIDCProviderARN string `toml:"oidc_provider_arn"`
	// OIDCRoleARN is the role in this host's account (oidc). Default $ALIBABA_CLOUD_ROLE_ARN.
	OIDCRoleARN string `toml:"oidc_role_arn"`
	// OIDCTokenFile is the service account token, read anew each time (oidc). Default $ALIBABA_CLOUD_OIDC_TOKEN_FILE.
	OIDCTokenFile string `toml:"oidc_token_file"`
	// SessionName is the session of roles that the source itself assumes (oidc, profile). Default "shipper-{host}".
	SessionName string `toml:"session_name"`
	// STSEndpoint is STS for roles that the source itself assumes. Default: the target's sts_endpoint, then $ALIBABA_CLOUD_STS_REGION,
	// then the target's region and network.
	STSEndpoint string `toml:"sts_endpoint"`

	// URI answers a GET with {AccessKeyId, AccessKeySecret, SecurityToken, Expiration} (uri). Default $ALIBABA_CLOUD_CREDENTIALS_URI.
	URI string `toml:"uri"`

	// Command is a program and its arguments that prints such JSON on stdout (process). No shell is involved.
	Command []string `toml:"command"`

	// Timeout bounds one request or one run of the program (uri, process). Default 10s.
	Timeout units.Duration `toml:"timeout"`
}

// Default returns the settings of a host without a [credentials] table.
func Default() Config {
	return Config{Source: "auto", Timeout: units.Duration(10 * time.Second)}
}

// Validate reports every wrong key and every missing one, as far as the configuration alone can tell: what may come from the
// environment is looked for when it is used.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, reason, hint string) { errs = append(errs, invalid.Key(key, reason, hint)) }
	switch c.Source {
	case "auto", "env", "profile", "ecs_role", "oidc", "uri":
	case "static":
		if !c.AccessKeyID.IsSet() {
			bad("access_key_id", "it is missing", `source "static" needs it: write { file = "PATH" }`)
		}
		if !c.AccessKeySecret.IsSet() {
			bad("access_key_secret", "it is missing", `source "static" needs it: write { file = "PATH" }`)
		}
	case "process":
		if len(c.Command) == 0 {
			bad("command", "it is missing", `source "process" needs it: write ["/path/to/program", "argument"]`)
		}
	default:
		bad("source", fmt.Sprintf("%q is not a source", c.Source), "auto, static, env, profile, ecs_role, oidc, uri or process")
	}
	if c.Source == "auto" && c.AccessKeyID.IsSet() != c.AccessKeySecret.IsSet() {
		bad("access_key_secret", "access_key_id and access_key_secret go together", "one of them is missing")
	}
	if len(c.Command) > 0 && c.Command[0] == "" {
		bad("command", "the program is empty", `write ["/path/to/program", "argument"]`)
	}
	if c.OIDCRoleARN != "" && !roleARN.MatchString(c.OIDCRoleARN) {
		bad("oidc_role_arn", fmt.Sprintf("%q is not the ARN of a role", c.OIDCRoleARN), `write "acs:ram::ACCOUNT:role/NAME"`)
	}
	if c.RoleName != "" && strings.ContainsAny(c.RoleName, "/?#: \t") {
		bad("role_name", fmt.Sprintf("%q is not the name of a role", c.RoleName), "write the name alone, not its ARN")
	}
	for key, text := range map[string]string{"metadata_endpoint": c.MetadataEndpoint, "sts_endpoint": c.STSEndpoint} {
		if _, _, err := splitEndpoint(text); text != "" && err != nil {
			bad(key, err.Error(), `write a host, host:port, or "http://host:port"`)
		}
	}
	if c.URI != "" && !httpURL(c.URI) {
		bad("uri", "it is not an http or https URL", "")
	}
	if c.Timeout < 0 {
		bad("timeout", fmt.Sprintf("%s is negative", c.Timeout), "")
	}
	return errors.Join(errs...)
}

func httpURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// Warnings returns what an operator should mend: secrets in the configuration, key files that others may read.
func (c Config) Warnings(env func(string) string) []string {
	var out []string
	for _, s := range []struct {
		key    string
		secret Secret
	}{{"access_key_secret", c.AccessKeySecret}, {"security_token", c.SecurityToken}} {
		for _, w := range s.secret.Warnings(env) {
			out = append(out, s.key+": "+w)
		}
	}
	if w := exposed(c.File); w != "" {
		out = append(out, "file: "+w)
	}
	return out
}
