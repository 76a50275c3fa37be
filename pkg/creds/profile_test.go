package creds

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const cliFile = `{"current":"ak","profiles":[
 {"name":"ak","mode":"AK","access_key_id":"LTAIbase0001","access_key_secret":"base-secret-1"},
 {"name":"sts","mode":"StsToken","access_key_id":"STS.s","access_key_secret":"y","sts_token":"z"},
 {"name":"role","mode":"RamRoleArn","access_key_id":"LTAIbase0001","access_key_secret":"base-secret-1","ram_role_arn":"acs:ram::2222222222222222:role/r","ram_session_name":"me","expired_seconds":1800,"sts_region":"cn-beijing","external_id":"ext"},
 {"name":"chain","mode":"ChainableRamRoleArn","source_profile":"role","ram_role_arn":"acs:ram::2222222222222222:role/s"},
 {"name":"loop","mode":"ChainableRamRoleArn","source_profile":"loop2","ram_role_arn":"acs:ram::2222222222222222:role/s"},
 {"name":"loop2","mode":"ChainableRamRoleArn","source_profile":"loop","ram_role_arn":"acs:ram::2222222222222222:role/s"},
 {"name":"ecs","mode":"EcsRamRole","ram_role_name":"web-host"},
 {"name":"oidc","mode":"OIDC","oidc_provider_arn":"p","oidc_token_file":"TOKENFILE","ram_role_arn":"acs:ram::2222222222222222:role/pod"},
 {"name":"ext","mode":"External","process_command":"/bin/cat DOCUMENT"},
 {"name":"sso","mode":"CloudSSO"},
 {"name":"norole","mode":"RamRoleArn","access_key_id":"a","access_key_secret":"hunter2"},
 {"name":"notoken","mode":"StsToken","access_key_id":"a","access_key_secret":"hunter2"},
 {"name":"nosecret","mode":"AK","access_key_id":"a"},
 {"name":"nocommand","mode":"External"}
]}`

const iniFile = `; a comment
[default]
type = access_key
access_key_id = "LTAIbase0001"
access_key_secret = base-secret-1  # inline

[sts]
type=sts
access_key_id=STS.s
access_key_secret=y
security_token=z
[role]
type = ram_role_arn
access_key_id = LTAIbase0001
access_key_secret = 'base-secret-1'
role_arn = acs:ram::2222222222222222:role/r
role_session_name = me
duration_seconds = 1800
[ecs]
type = ecs_ram_role
role_name = web-host
[oidc]
type = oidc_role_arn
oidc_provider_arn = p
oidc_token_file_path = TOKENFILE
role_arn = acs:ram::2222222222222222:role/pod
[rsa]
type = rsa_key_pair
private_key = hunter2
`

func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		os.WriteFile(path, []byte(strings.NewReplacer("TOKENFILE", dir+"/token", "DOCUMENT", dir+"/document").Replace(text)), 0o600)
		return path
	}
	put("token", "jwt")
	put("document", goodDocument)
	cli, ini := put("config.json", cliFile), put("credentials", iniFile)
	f := newFakeSTS(time.Hour)
	direct := onInstance(nil).Transport
	rt := tripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.Host, "sts") {
			if r.URL.Scheme != "https" {
				t.Error(r.URL)
			}
			return f.RoundTrip(r)
		}
		return direct.RoundTrip(r)
	})
	for _, row := range []struct{ file, profile, want string }{
		{cli, "", "LTAIbase0001"},
		{cli, "ak", "LTAIbase0001"},
		{cli, "sts", "STS.s"},
		{cli, "role", "STS.minted"},
		{cli, "chain", "STS.minted"},
		{cli, "ecs", "STS.web0001"},
		{cli, "oidc", "STS.minted"},
		{cli, "ext", "STS.web0001"},
		{cli, "loop", "error: lead in a circle: loop -> loop2 -> loop"},
		{cli, "sso", `error: mode "CloudSSO" is not supported`},
		{cli, "norole", "error: ram_role_arn is missing"},
		{cli, "notoken", "error: sts_token is missing"},
		{cli, "nosecret", "error: access_key_secret: not set"},
		{cli, "nocommand", "error: process_command is missing"},
		{cli, "none", `error: it has no profile "none"`},
		{ini, "", "LTAIbase0001"},
		{ini, "sts", "STS.s"},
		{ini, "role", "STS.minted"},
		{ini, "ecs", "STS.web0001"},
		{ini, "oidc", "STS.minted"},
		{ini, "rsa", `error: mode "rsa_key_pair" is not supported`},
		{put("broken.json", `{"current":"hunter2`), "", "error: not JSON (byte 19)"},
		{put("wrong.json", `{"current":5}`), "", "error: of the wrong type"},
		{put("broken.ini", "[default]\nhunter2\n"), "", "error: line 2 is neither"},
		{put("early.ini", "a = hunter2\n"), "", "error: line 1 is neither"},
		{put("section.ini", "[default\n"), "", "error: line 1 is not a section"},
		{put("number.ini", "[default]\ntype=access_key\nduration_seconds=hunter2"), "", "error: not a number"},
		{put("empty", ""), "", `error: it has no profile "default"`},
		{dir + "/missing", "", "error: no such file"},
	} {
		c, err := fetch(t, Config{Source: "profile", File: row.file, Profile: row.profile}, Options{HTTP: &http.Client{Transport: rt}})
		if wrong, ok := strings.CutPrefix(row.want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s %s: %v", row.file, row.profile, err)
			}
		} else if err != nil || !strings.HasPrefix(c.ID, row.want) || !strings.HasPrefix(c.Source, "profile ") {
			t.Errorf("%s %s: %v %v", row.file, row.profile, c, err)
		}
	}
	for _, call := range f.calls {
		if call.Get("RoleSessionName") == "me" && call.Get("DurationSeconds") != "1800" {
			t.Error(call)
		}
	}
}

func TestProfileFileReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	write := func(id string) {
		os.WriteFile(path, []byte(`{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"`+id+`","access_key_secret":"x"}]}`), 0o600)
	}
	write("one")
	src, _ := NewSource(Config{Source: "profile", File: path}, Options{Env: noEnv})
	b := basis{source: src, now: time.Now}
	if c, err := b.get(t.Context()); err != nil || c.ID != "one" || b.changed() {
		t.Fatal(c, err)
	}
	write("two")
	if !b.changed() {
		t.Fatal("not seen")
	}
	if c, err := b.get(t.Context()); err != nil || c.ID != "two" || b.changed() {
		t.Fatal(c, err)
	}
	os.Remove(path)
	if b.changed() {
		t.Fatal("a missing file is no new key")
	}
}
