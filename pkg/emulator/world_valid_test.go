package emulator

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sts"
)

type assumeRoleRequest = sts.AssumeRoleRequest

// A world can be written down and read back, in JSON and in TOML.
func TestWorldText(t *testing.T) {
	w := DefaultWorld()
	must(t, w.Validate())
	b, err := json.Marshal(w)
	must(t, err)
	var fromJSON World
	must(t, json.Unmarshal(b, &fromJSON))
	if !reflect.DeepEqual(w, fromJSON) {
		t.Errorf("JSON: %+v", fromJSON)
	}
	text, err := toml.Marshal(w)
	must(t, err)
	var fromTOML World
	must(t, toml.Unmarshal(text, &fromTOML))
	if !reflect.DeepEqual(w, fromTOML) {
		t.Errorf("TOML: %+v", fromTOML)
	}
	var d Document
	must(t, json.Unmarshal([]byte(`"{}"`), &d))
	if d != "{}" {
		t.Errorf("a document in a string: %q", d)
	}
}

// Everything wrong is named with its place.
func TestWorldValidate(t *testing.T) {
	for _, tt := range []struct {
		change func(*World)
		want   string
	}{
		{func(w *World) { w.Accounts[0].UID = "x" }, `accounts[0].uid: "x" is not an account id`},
		{func(w *World) { w.Accounts[1].UID = OwnerUID }, "account 1111111111111111 is there twice"},
		{func(w *World) { w.Accounts[0].Users[0].Name = "a b" }, `accounts[0].users[0].name: "a b" is not a user name`},
		{func(w *World) { w.Accounts[0].Users[0].Keys[0].Secret = "" }, "accounts[0].users[0].keys[0].secret: is empty"},
		{func(w *World) { w.Accounts[0].Users[0].Keys[0].ID = "STS.x" }, "begins with STS."},
		{func(w *World) { w.Accounts[1].Keys[0].ID = ReaderKeyID }, "is the key of accounts[0].users[0] already"},
		{func(w *World) { w.Accounts[0].Roles[0].Trust = "{" }, "accounts[0].roles[0].trust"},
		{func(w *World) { w.Accounts[0].Roles[0].Policies = []Document{"[]"} }, "accounts[0].roles[0].policies[0]"},
		{func(w *World) { w.Accounts[0].Roles[0].MaxSessionDuration = 50000 }, "max_session_duration"},
		{func(w *World) {
			w.Accounts[0].Roles = append(w.Accounts[0].Roles, Role{Name: "Shipper-Writer", Trust: trustPolicy})
		}, `role "Shipper-Writer" is there twice`},
		{func(w *World) {
			w.Accounts[0].OIDCProviders = []OIDCProvider{{Name: "p", Tokens: []OIDCToken{{Token: "x"}}}}
		}, "tokens[0].token"},
		{func(w *World) { w.Projects[0].Name = "Sec" }, `projects[0].name: "Sec" is not a project name`},
		{func(w *World) { w.Projects[0].Owner = "3" }, `projects[0].owner: there is no account "3"`},
		{func(w *World) { w.Projects[0].Region = "" }, "projects[0].region"},
		{func(w *World) { w.Projects[0].Logstores[0].Name = "a.b" }, "projects[0].logstores[0].name"},
		{func(w *World) { w.Projects[0].Logstores[0].Shards = 257 }, "projects[0].logstores[0].shards"},
		{func(w *World) { w.Projects = append(w.Projects, w.Projects[0]) }, "project sec-logs is there twice"},
	} {
		w := DefaultWorld()
		tt.change(&w)
		if err := w.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
		if _, err := New(Options{World: w}); err == nil {
			t.Errorf("New takes a world with %q", tt.want)
		}
	}
}

// No way of printing a key prints its secret.
func TestKeyPrints(t *testing.T) {
	w := DefaultWorld()
	for _, s := range []string{fmt.Sprint(w), fmt.Sprintf("%+v", w), fmt.Sprintf("%#v", w), fmt.Sprintf("%v", w.Accounts), fmt.Sprint(w.Accounts[1].Keys[0].LogValue())} {
		if strings.Contains(s, "fake-secret") {
			t.Errorf("printed %s", s)
		}
	}
}
