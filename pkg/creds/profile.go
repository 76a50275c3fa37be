package creds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// maxProfile bounds a profile file.
const maxProfile = 1 << 20

// profile is a profile file of Alibaba's command line (JSON) or of its SDKs (ini). The file is read anew each time; the source
// that it describes is built again when its content changes.
type profile struct {
	f     factory
	inner Source
	name  string // of the profile, for Credentials.Source
	seen  string // print of the content that inner was built from
}

// paths returns the files to try, in order.
func (f factory) profilePaths() ([]string, error) {
	env := f.o.Env
	if f.c.File != "" {
		return []string{f.c.File}, nil
	}
	home := env("HOME")
	var out []string
	if !strings.EqualFold(env("ALIBABA_CLOUD_CLI_PROFILE_DISABLED"), "true") {
		if p := env("ALIBABA_CLOUD_CONFIG_FILE"); p != "" {
			out = append(out, p)
		} else if home != "" {
			out = append(out, filepath.Join(home, ".aliyun", "config.json"))
		}
	}
	if p := env("ALIBABA_CLOUD_CREDENTIALS_FILE"); p != "" {
		out = append(out, p)
	} else if home != "" {
		out = append(out, filepath.Join(home, ".alibabacloud", "credentials"))
	}
	if len(out) == 0 {
		return nil, errors.New("$HOME is not set: set file")
	}
	return out, nil
}

// Fetch reads the first file that exists and holds the profile.
func (s *profile) Fetch(ctx context.Context) (*Credentials, error) {
	paths, err := s.f.profilePaths()
	if err != nil {
		return nil, failed("profile", "%w", err)
	}
	var errs []error
	for _, path := range paths {
		data, err := readSmall(path, maxProfile)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := s.build(path, data); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		c, err := s.inner.Fetch(ctx)
		if err != nil {
			return nil, err
		}
		out := *c
		out.Source = "profile " + s.name
		return &out, nil
	}
	return nil, failed("profile", "%w", oneLine(errs))
}

// oneLine joins errors with semicolons: an error is one line of a log.
func oneLine(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

// print is a digest of the files.
func (s *profile) print() string {
	paths, err := s.f.profilePaths()
	if err != nil {
		return ""
	}
	var parts []string
	there := false
	for _, path := range paths {
		data, err := readSmall(path, maxProfile)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		there = there || err == nil
		parts = append(parts, string(data))
	}
	if !there {
		return ""
	}
	return fingerprint(parts...)
}

// build makes inner from data, unless it is what inner was made from.
func (s *profile) build(path string, data []byte) error {
	print := fingerprint(path, string(data))
	if s.inner != nil && s.seen == print {
		return nil
	}
	parse := parseINI
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		parse = parseCLI
	}
	set, err := parse(data)
	if err != nil {
		return err
	}
	name := firstOf(s.f.c.Profile, s.f.o.Env("ALIBABA_CLOUD_PROFILE"), set.current, "default")
	inner, err := s.f.fromProfile(set, name, nil)
	if err != nil {
		return err
	}
	s.inner, s.name, s.seen = inner, name, print
	return nil
}

// profiles is a parsed file.
type profiles struct {
	current string
	byName  map[string]settings
}

// settings are the keys of one profile, in the names of the command line's JSON; ini keys are translated.
type settings struct {
	Name          string `json:"name"`
	Mode          string `json:"mode"`
	ID            string `json:"access_key_id"`
	Secret        string `json:"access_key_secret"`
	Token         string `json:"sts_token"`
	RoleARN       string `json:"ram_role_arn"`
	Session       string `json:"ram_session_name"`
	Seconds       int    `json:"expired_seconds"`
	STSRegion     string `json:"sts_region"`
	VPC           bool   `json:"enable_vpc"`
	SourceProfile string `json:"source_profile"`
	RoleName      string `json:"ram_role_name"`
	OIDCFile      string `json:"oidc_token_file"`
	OIDCProvider  string `json:"oidc_provider_arn"`
	Policy        string `json:"policy"`
	ExternalID    string `json:"external_id"`
	Command       string `json:"process_command"`
}

// parseCLI reads ~/.aliyun/config.json. Its errors never quote the file. Source: credentials-go cli_profile.go.
func parseCLI(data []byte) (*profiles, error) {
	var file struct {
		Current  string     `json:"current"`
		Profiles []settings `json:"profiles"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("it is not JSON (byte %d)", e.Offset)
		}
		return nil, errors.New("a value in it is of the wrong type")
	}
	set := &profiles{current: file.Current, byName: map[string]settings{}}
	for _, p := range file.Profiles {
		set.byName[p.Name] = p
	}
	return set, nil
}

// fromProfile returns the source that a profile describes; above holds the profiles that led to it.
func (f factory) fromProfile(set *profiles, name string, above []string) (Source, error) {
	p, ok := set.byName[name]
	if !ok {
		return nil, fmt.Errorf("it has no profile %q", name)
	}
	above = append(above, name)
	for _, n := range above[:len(above)-1] {
		if n == name {
			return nil, fmt.Errorf("profiles lead in a circle: %s", strings.Join(above, " -> "))
		}
	}
	endpoint := ""
	if p.STSRegion != "" {
		endpoint = STSEndpoint(p.STSRegion, map[bool]string{true: "intranet"}[p.VPC])
	}
	key := &fixed{name: "profile", id: LiteralSecret(p.ID), secret: LiteralSecret(p.Secret), token: LiteralSecret(p.Token), env: f.o.Env, now: f.o.Now}
	assume := f.assumption(p.RoleARN, p.Session, p.Policy, p.ExternalID, time.Duration(p.Seconds)*time.Second)
	switch p.Mode {
	case "AK":
		key.token = Secret{}
		return key, nil
	case "StsToken":
		if !key.token.IsSet() {
			return nil, fmt.Errorf("profile %q: sts_token is missing", name)
		}
		return key, nil
	case "RamRoleArn":
		return f.chainFrom(name, key, endpoint, assume)
	case "ChainableRamRoleArn":
		base, err := f.fromProfile(set, p.SourceProfile, above)
		if err != nil {
			return nil, err
		}
		return f.chainFrom(name, base, endpoint, assume)
	case "EcsRamRole":
		c := *f.c
		c.RoleName = firstOf(p.RoleName, c.RoleName)
		return factory{c: &c, o: f.o}.instance(), nil
	case "OIDC":
		return f.oidcFrom(oidcSettings{provider: p.OIDCProvider, role: p.RoleARN, file: p.OIDCFile, session: p.Session, policy: p.Policy,
			endpoint: endpoint, duration: time.Duration(p.Seconds) * time.Second})
	case "External":
		c := *f.c
		if c.Command = strings.Fields(p.Command); len(c.Command) == 0 {
			return nil, fmt.Errorf("profile %q: process_command is missing", name)
		}
		return factory{c: &c, o: f.o}.process(), nil
	}
	return nil, fmt.Errorf("profile %q: mode %q is not supported: AK, StsToken, RamRoleArn, ChainableRamRoleArn, EcsRamRole, OIDC or External",
		name, cut(p.Mode, 40))
}

func (f factory) chainFrom(name string, base Source, endpoint string, a assumption) (Source, error) {
	if a.role == "" {
		return nil, fmt.Errorf("profile %q: ram_role_arn is missing", name)
	}
	return f.chain(base, endpoint, a)
}
