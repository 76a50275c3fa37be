package creds_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"shipper/pkg/creds"
	"shipper/pkg/emulator"
)

// The whole chain against an STS that was written without this package: its own signature checks, clocks and RAM policies.
func TestAgainstEmulator(t *testing.T) {
	const pod = "acs:ram::" + emulator.SenderUID + ":role/pod"
	world := emulator.DefaultWorld()
	b := &world.Accounts[1]
	b.OIDCProviders = []emulator.OIDCProvider{{Name: "ack", Issuer: "https://oidc.example", Tokens: []emulator.OIDCToken{{Token: "jwt-of-the-pod", Subject: "s", Audience: "sts.aliyuncs.com"}}}}
	b.Roles = []emulator.Role{{
		Name:     "pod",
		Trust:    `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":["acs:ram::2222222222222222:oidc-provider/ack"]}}]}`,
		Policies: []emulator.Document{`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`},
	}}
	world.Accounts[0].Roles[0].Trust = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::2222222222222222:root"]}}]}`
	token := filepath.Join(t.TempDir(), "token")
	os.WriteFile(token, []byte("jwt-of-the-pod\n"), 0o600)
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	static := func(id, secret string) creds.Config {
		return creds.Config{Source: "static", AccessKeyID: creds.LiteralSecret(id), AccessKeySecret: creds.LiteralSecret(secret)}
	}
	user := static(emulator.SenderKeyID, emulator.SenderKeySecret)
	for name, row := range map[string]struct {
		config creds.Config
		role   string
		ahead  time.Duration
		length time.Duration
		id     string // of the *creds.Error; "" = it works
		whose  creds.Whose
	}{
		"user":              {config: user, role: emulator.WriterRole},
		"two hours":         {config: user, role: emulator.WriterRole, length: 2 * time.Hour},
		"clock behind":      {config: user, role: emulator.WriterRole, ahead: 5 * time.Hour},
		"clock ahead":       {config: user, role: emulator.WriterRole, ahead: -5 * time.Hour},
		"pod":               {config: creds.Config{Source: "oidc", OIDCProviderARN: "acs:ram::2222222222222222:oidc-provider/ack", OIDCRoleARN: pod, OIDCTokenFile: token}, role: emulator.WriterRole},
		"root":              {config: static(emulator.RootKeyID, emulator.RootKeySecret), role: emulator.WriterRole, id: "SHP-A103", whose: creds.Caller},
		"unknown key":       {config: static("LTAI5tNobodyKnowsMe0", "x"), role: emulator.WriterRole, id: "SHP-A102", whose: creds.Caller},
		"wrong secret":      {config: static(emulator.SenderKeyID, "x"), role: emulator.WriterRole, id: "SHP-A102", whose: creds.Caller},
		"caller may not":    {config: user, role: pod, id: "SHP-A103", whose: creds.Caller},
		"used as it is":     {config: user},
		"unknown oidc role": {config: creds.Config{Source: "oidc", OIDCProviderARN: "acs:ram::2222222222222222:oidc-provider/ack", OIDCRoleARN: pod + "-x", OIDCTokenFile: token}, role: emulator.WriterRole, id: "SHP-A104", whose: creds.Owner},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := emulator.New(emulator.Options{World: world, Now: func() time.Time { return time.Now().Add(row.ahead) }})
			if err != nil {
				t.Fatal(err)
			}
			s := httptest.NewServer(e)
			t.Cleanup(s.Close)
			if row.config.Source == "oidc" {
				row.config.STSEndpoint = s.URL
			}
			source, err := creds.NewSource(row.config, creds.Options{HTTP: web, Env: func(string) string { return "" }})
			if err != nil {
				t.Fatal(err)
			}
			o := creds.ProviderOptions{Source: source, Role: creds.DefaultRole(), HTTP: web, STSEndpoint: s.URL, Region: "cn-hangzhou"}
			o.Role.RoleARN = row.role
			if row.length > 0 {
				o.Role.AssumeRole.Duration = creds.DefaultRole().AssumeRole.Duration * 2
			}
			p, err := creds.NewProvider(o)
			if err != nil {
				t.Fatal(err)
			}
			c, err := p.Fetch(t.Context())
			if row.id != "" {
				failure, ok := errors.AsType[*creds.Error](err)
				if !ok || failure.ID != row.id || failure.Whose != row.whose {
					t.Fatal(c, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if left := c.Left(time.Now()); row.role != "" && (left < 59*time.Minute || left > 61*time.Minute || c.Account != emulator.OwnerUID) {
				t.Fatal(left, c)
			}
			if id, err := p.Identity(t.Context(), c); err != nil || (row.role == "") != (id.Account == emulator.SenderUID) {
				t.Fatal(id, err)
			}
		})
	}
}
