package creds

import (
	"strings"
	"testing"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

func TestSessionName(t *testing.T) {
	for _, row := range []struct{ template, host, want string }{
		{"shipper-{host}", "web-1", "shipper-web-1"},
		{"", "web-1", "shipper-web-1"},
		{"shipper-{host}", "web 1/ü", "shipper-web-1--"},
		{"shipper-{host}", "web-1.cn-hangzhou.compute.internal.example", "shipper-web-1"},
		{"shipper-{host}", "ip-10-0-0-1.x", "shipper-ip-10-0-0-1.x"},
		{"shipper-{host}", strings.Repeat("a", 80), "shipper-" + strings.Repeat("a", 24)},
		{"{host}@{host}", "b_c", "b_c@b_c"},
		{"x", "h", "shipper"},
	} {
		if got := SessionName(row.template, row.host); got != row.want {
			t.Errorf("%q %q: %q, want %q", row.template, row.host, got, row.want)
		}
	}
	if got := SessionName("", ""); len(got) < 2 || len(got) > 32 {
		t.Error(got)
	}
}

func TestRoleValidate(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*RoleConfig)
		key    string
	}{
		"default":           {func(*RoleConfig) {}, ""},
		"role":              {func(r *RoleConfig) { r.RoleARN = roleA }, ""},
		"role and account":  {func(r *RoleConfig) { r.RoleARN, r.ExpectAccount = roleA, "1111111111111111" }, ""},
		"user":              {func(r *RoleConfig) { r.RoleARN = "acs:ram::1111111111111111:user/x" }, "role_arn"},
		"aws":               {func(r *RoleConfig) { r.RoleARN = "arn:aws:iam::1111111111111111:role/x" }, "role_arn"},
		"other account":     {func(r *RoleConfig) { r.RoleARN, r.ExpectAccount = roleA, "2222222222222222" }, "expect_account"},
		"account a name":    {func(r *RoleConfig) { r.ExpectAccount = "central" }, "expect_account"},
		"external id":       {func(r *RoleConfig) { r.AssumeRole.ExternalID = "a b" }, "assume_role.external_id"},
		"external id long":  {func(r *RoleConfig) { r.AssumeRole.ExternalID = strings.Repeat("a", 1225) }, "assume_role.external_id"},
		"external id short": {func(r *RoleConfig) { r.AssumeRole.ExternalID = "a" }, "assume_role.external_id"},
		"duration":          {func(r *RoleConfig) { r.AssumeRole.Duration = units.Duration(13 * time.Hour) }, "assume_role.duration"},
		"no duration":       {func(r *RoleConfig) { r.AssumeRole.Duration = 0 }, "assume_role.duration"},
		"policy":            {func(r *RoleConfig) { r.AssumeRole.SessionPolicy = "" }, "assume_role.session_policy"},
		"endpoint":          {func(r *RoleConfig) { r.AssumeRole.STSEndpoint = "http://127.0.0.1:8080" }, ""},
		"endpoint with /":   {func(r *RoleConfig) { r.AssumeRole.STSEndpoint = "sts.aliyuncs.com/" }, ""},
		"endpoint path":     {func(r *RoleConfig) { r.AssumeRole.STSEndpoint = "http://x/y" }, "assume_role.sts_endpoint"},
		"endpoint scheme":   {func(r *RoleConfig) { r.AssumeRole.STSEndpoint = "ftp://x" }, "assume_role.sts_endpoint"},
	} {
		r := DefaultRole()
		row.change(&r)
		list := invalid.List(r.Validate())
		if row.key == "" && len(list) > 0 || row.key != "" && (len(list) != 1 || list[0].Key != row.key) {
			t.Errorf("%s: %v", name, r.Validate())
		}
	}
	r := DefaultRole()
	r.RoleARN, r.AssumeRole.Duration = roleA, units.Duration(3*time.Second)
	if r.Validate() != nil || len(r.Warnings()) != 1 {
		t.Error(r.Validate(), r.Warnings())
	}
}

func TestEndpoints(t *testing.T) {
	for _, row := range []struct{ region, network, want string }{
		{"cn-hangzhou", "public", "sts.cn-hangzhou.aliyuncs.com"},
		{"cn-hangzhou", "intranet", "sts-vpc.cn-hangzhou.aliyuncs.com"},
		{"cn-hangzhou", "accelerate", "sts.cn-hangzhou.aliyuncs.com"},
		{"", "intranet", "sts.aliyuncs.com"},
	} {
		if got := STSEndpoint(row.region, row.network); got != row.want {
			t.Error(row, got)
		}
	}
	for text, want := range map[string]string{
		"sts.aliyuncs.com": "https sts.aliyuncs.com", "127.0.0.1:99": "https 127.0.0.1:99", "http://[::1]:99": "http [::1]:99", "HTTPS://a": "https a",
	} {
		scheme, host, err := splitEndpoint(text)
		if err != nil || scheme+" "+host != want {
			t.Error(text, scheme, host, err)
		}
	}
}
