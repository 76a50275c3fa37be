package creds

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// dialled notes which host a source asks; the answer does not matter.
type dialled struct{ host string }

func (d *dialled) RoundTrip(r *http.Request) (*http.Response, error) {
	d.host = r.URL.Host
	return stsError(500, "InternalError", "busy"), nil
}

// Every source that asks STS itself asks the one beside the target, unless settings or environment say another.
func TestEndpointOfSources(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"token":  "eyJ.a.b",
		"config": `{"current":"x","profiles":[{"name":"x","mode":"RamRoleArn","access_key_id":"LTAIbase0001","access_key_secret":"s","ram_role_arn":"acs:ram::2222222222222222:role/b"}]}`,
		"region": `{"current":"x","profiles":[{"name":"x","mode":"RamRoleArn","access_key_id":"LTAIbase0001","access_key_secret":"s","ram_role_arn":"acs:ram::2222222222222222:role/b","sts_region":"eu-west-1"}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	oidc := Config{Source: "oidc", OIDCProviderARN: "acs:ram::2222222222222222:oidc-provider/ack", OIDCRoleARN: "acs:ram::2222222222222222:role/b",
		OIDCTokenFile: filepath.Join(dir, "token")}
	file := func(name string) Config { return Config{Source: "profile", File: filepath.Join(dir, name)} }
	with := func(c Config, endpoint string) Config { c.STSEndpoint = endpoint; return c }
	for name, row := range map[string]struct {
		config Config
		o      Options
		env    map[string]string
		want   string
	}{
		"oidc, public":              {oidc, Options{Region: "cn-beijing", Network: "public"}, nil, "sts.cn-beijing.aliyuncs.com"},
		"oidc, intranet":            {oidc, Options{Region: "cn-beijing", Network: "intranet"}, nil, "sts-vpc.cn-beijing.aliyuncs.com"},
		"oidc, accelerate":          {oidc, Options{Region: "cn-beijing", Network: "accelerate"}, nil, "sts.cn-beijing.aliyuncs.com"},
		"oidc, no region":           {oidc, Options{}, nil, "sts.aliyuncs.com"},
		"the target's own":          {oidc, Options{Region: "cn-beijing", STSEndpoint: "http://127.0.0.1:9999"}, nil, "127.0.0.1:9999"},
		"its own":                   {with(oidc, "sts.example.com"), Options{Region: "cn-beijing", STSEndpoint: "http://127.0.0.1:9999"}, nil, "sts.example.com"},
		"environment":               {oidc, Options{Region: "cn-beijing"}, map[string]string{"ALIBABA_CLOUD_STS_REGION": "cn-hongkong"}, "sts.cn-hongkong.aliyuncs.com"},
		"environment, VPC":          {oidc, Options{Region: "cn-beijing"}, map[string]string{"ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true"}, "sts-vpc.cn-beijing.aliyuncs.com"},
		"profile with a role":       {file("config"), Options{Region: "cn-beijing", Network: "intranet"}, nil, "sts-vpc.cn-beijing.aliyuncs.com"},
		"profile with its own STS":  {file("region"), Options{Region: "cn-beijing", Network: "intranet"}, nil, "sts.eu-west-1.aliyuncs.com"},
		"auto, through the profile": {Config{Source: "auto", File: filepath.Join(dir, "config")}, Options{Region: "cn-beijing"}, nil, "sts.cn-beijing.aliyuncs.com"},
	} {
		d := &dialled{}
		row.o.HTTP, row.o.Env = &http.Client{Transport: d}, func(name string) string { return row.env[name] }
		s, err := NewSource(row.config, row.o)
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := s.Fetch(t.Context()); err == nil || d.host != row.want {
			t.Errorf("%s: asked %q, want %q (%v)", name, d.host, row.want, err)
		}
	}
}
