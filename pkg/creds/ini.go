package creds

import (
	"fmt"
	"strconv"
	"strings"
)

// parseINI reads ~/.alibabacloud/credentials. Its errors name the line, never its content. Source: credentials-go profile.go.
func parseINI(data []byte) (*profiles, error) {
	sections := map[string]map[string]string{}
	var section map[string]string
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name, ok := strings.CutSuffix(line[1:], "]")
			if name = strings.TrimSpace(name); !ok || name == "" {
				return nil, fmt.Errorf("line %d is not a section", n)
			}
			if sections[name] == nil {
				sections[name] = map[string]string{}
			}
			section = sections[name]
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == nil {
				return nil, fmt.Errorf("line %d is neither a section nor a key in one", n)
			}
			section[strings.ToLower(strings.TrimSpace(key))] = unquote(strings.TrimSpace(value))
		}
	}
	set := &profiles{byName: map[string]settings{}}
	for name, keys := range sections {
		p, err := fromINI(name, keys)
		if err != nil {
			return nil, err
		}
		set.byName[name] = p
	}
	return set, nil
}

// unquote removes a pair of quotes, or a comment behind a space.
func unquote(v string) string {
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	for _, mark := range []string{" #", " ;", "\t#", "\t;"} {
		if head, _, ok := strings.Cut(v, mark); ok {
			v = strings.TrimSpace(head)
		}
	}
	return v
}

// fromINI translates the keys of a section.
func fromINI(name string, keys map[string]string) (settings, error) {
	modes := map[string]string{
		"access_key": "AK", "sts": "StsToken", "ecs_ram_role": "EcsRamRole", "ram_role_arn": "RamRoleArn", "oidc_role_arn": "OIDC",
	}
	p := settings{
		Name: name, Mode: firstOf(modes[keys["type"]], keys["type"]),
		ID: keys["access_key_id"], Secret: keys["access_key_secret"], Token: keys["security_token"],
		RoleARN: keys["role_arn"], Session: keys["role_session_name"], RoleName: keys["role_name"],
		OIDCProvider: keys["oidc_provider_arn"], OIDCFile: firstOf(keys["oidc_token_file_path"], keys["oidc_token_file"]),
		Policy: keys["policy"], ExternalID: keys["external_id"], STSRegion: keys["sts_region"],
	}
	if s := keys["duration_seconds"]; s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return p, fmt.Errorf("section %q: duration_seconds is not a number", name)
		}
		p.Seconds = n
	}
	return p, nil
}
