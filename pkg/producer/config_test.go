package producer

import (
	"slices"
	"testing"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		endpoint, network string
		want              Endpoint
	}{
		{"", "public", Endpoint{"https", "sec-logs.cn-hangzhou.log.aliyuncs.com", "cn-hangzhou", false}},
		{"", "intranet", Endpoint{"https", "sec-logs.cn-hangzhou-intranet.log.aliyuncs.com", "cn-hangzhou", false}},
		{"", "accelerate", Endpoint{"https", "sec-logs.log-global.aliyuncs.com", "cn-hangzhou", false}},
		{"cn-beijing.log.aliyuncs.com", "public", Endpoint{"https", "sec-logs.cn-beijing.log.aliyuncs.com", "cn-hangzhou", false}},
		{"https://CN-Beijing.log.aliyuncs.com/", "public", Endpoint{"https", "sec-logs.cn-beijing.log.aliyuncs.com", "cn-hangzhou", false}},
		{"http://cn-beijing.sls.aliyuncs.com:80", "public", Endpoint{"http", "sec-logs.cn-beijing.sls.aliyuncs.com:80", "cn-hangzhou", false}},
		{"sec-logs.cn-beijing.log.aliyuncs.com", "public", Endpoint{"https", "sec-logs.cn-beijing.log.aliyuncs.com", "cn-hangzhou", false}},
		{"http://127.0.0.1:9000", "public", Endpoint{"http", "127.0.0.1:9000", "cn-hangzhou", true}},
		{"10.1.2.3", "public", Endpoint{"https", "10.1.2.3", "cn-hangzhou", true}},
		{"http://[::1]:9000", "public", Endpoint{"http", "[::1]:9000", "cn-hangzhou", true}},
		{"emulator:8080", "public", Endpoint{"https", "emulator:8080", "cn-hangzhou", true}},
		{"http://logs.corp.example", "public", Endpoint{"http", "logs.corp.example", "cn-hangzhou", true}},
		{"http://sec-logs.localhost:9000", "public", Endpoint{"http", "sec-logs.localhost:9000", "cn-hangzhou", false}},
	} {
		cfg := settings()
		cfg.Endpoint, cfg.Network = c.endpoint, c.network
		if got, err := cfg.Resolve(); err != nil || got != c.want {
			t.Errorf("%q %s: %+v, %v, want %+v", c.endpoint, c.network, got, err, c.want)
		}
		if err := cfg.Validate(); err != nil {
			t.Errorf("%q: %v", c.endpoint, err)
		}
	}
	for endpoint, region := range map[string]string{"cn-beijing-intranet.log.aliyuncs.com": "cn-beijing", "cn-beijing-vpc.log.aliyuncs.com": "cn-beijing",
		"p.cn-beijing-share.log.aliyuncs.com": "cn-beijing", "log-global.aliyuncs.com": "", "127.0.0.1": ""} {
		cfg := settings()
		cfg.Region, cfg.Endpoint, cfg.Project = "", endpoint, "p"
		if got, err := cfg.Resolve(); err != nil || got.Region != region {
			t.Errorf("%s: region %q, %v", endpoint, got.Region, err)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := settings().Validate(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		keys   []string
	}{
		"nothing":        {func(c *Config) { *c = Default() }, []string{"project", "logstore", "region"}},
		"names":          {func(c *Config) { c.Project, c.Logstore = "Sec", "a.b" }, []string{"project", "logstore"}},
		"short project":  {func(c *Config) { c.Project = "ab" }, []string{"project"}},
		"region":         {func(c *Config) { c.Region = "Hangzhou!" }, []string{"region"}},
		"network":        {func(c *Config) { c.Network = "vpn" }, []string{"network"}},
		"scheme":         {func(c *Config) { c.Endpoint = "ftp://x" }, []string{"endpoint"}},
		"path":           {func(c *Config) { c.Endpoint = "https://x/y" }, []string{"endpoint"}},
		"user":           {func(c *Config) { c.Endpoint = "https://u:p@x" }, []string{"endpoint"}},
		"port":           {func(c *Config) { c.Endpoint = "x:99999" }, []string{"endpoint"}},
		"host":           {func(c *Config) { c.Endpoint = "https://" }, []string{"endpoint"}},
		"v6 bare":        {func(c *Config) { c.Endpoint = "::1" }, []string{"endpoint"}},
		"compression":    {func(c *Config) { c.Compression = "deflate" }, []string{"compression"}},
		"no compression": {func(c *Config) { c.Compression = "" }, []string{"compression"}},
		"signature":      {func(c *Config) { c.Signature = "v2" }, []string{"signature"}},
		"v4 region":      {func(c *Config) { c.Signature, c.Region, c.Endpoint = "v4", "", "127.0.0.1:9000" }, []string{"region"}},
		"exactly once":   {func(c *Config) { c.ExactlyOnce = true }, nil},
		"retry": {func(c *Config) {
			c.Retry = RetryConfig{Min: 0, Max: units.Duration(-time.Second), RateLimit: 10}
		}, []string{"retry.min", "retry.max", "retry.rate_limit"}},
	} {
		cfg := settings()
		c.change(&cfg)
		var keys []string
		for _, e := range invalid.List(cfg.Validate()) {
			keys = append(keys, e.Key)
			if e.Reason == "" || e.Hint == "" {
				t.Errorf("%s: %v says too little", name, e)
			}
		}
		if !slices.Equal(keys, c.keys) {
			t.Errorf("%s: %v, want %v", name, keys, c.keys)
		}
	}
}
