package ram

import (
	"fmt"
	"strings"
)

// Terraform writes a configuration for the aliyun/alicloud provider, with one provider alias for each account.
// The names of the arguments are those of version 1.252.0 and later (role_name, assume_role_policy_document).
func (p Plan) Terraform(docs ...Document) string {
	if len(docs) == 0 {
		docs = Documents()
	}
	b := &strings.Builder{}
	b.WriteString(`terraform {
  required_providers {
    alicloud = {
      source  = "aliyun/alicloud"
      version = ">= 1.252.0"
    }
  }
}
`)
	trust, role := has(docs, TrustDocument), has(docs, RoleDocument)
	if trust || role {
		p.terraformProvider(b, "owner", p.owner(), "owns the Logstore")
	}
	if trust {
		p.terraformTrust(b)
	}
	if role {
		p.terraformRole(b, trust)
	}
	if has(docs, CallerDocument) {
		p.terraformProvider(b, "shipper", p.Caller.Account, "owns the hosts")
		p.terraformCaller(b)
	}
	if has(docs, SessionDocument) {
		b.WriteString("\n# The session policy is no resource: shipper sends it with each AssumeRole.\n")
		b.WriteString(indent("# ", string(p.Session().JSON())))
	}
	return b.String()
}

func (p Plan) terraformProvider(b *strings.Builder, alias, account, why string) {
	fmt.Fprintf(b, `
# Account %[2]s, which %[3]s. With only one of the accounts at hand, keep its part and send the other.
provider "alicloud" {
  alias      = %[1]q
  profile    = %[1]q # of the aliyun command line tool
  account_id = %[2]q
  region     = %[4]s
}
`, alias, account, why, hcl(p.region()))
}

func (p Plan) terraformTrust(b *strings.Builder) {
	fmt.Fprintf(b, `
resource "alicloud_ram_role" "shipper" {
  provider                    = alicloud.owner
  role_name                   = %s
  description                 = %s
  max_session_duration        = %d
  assume_role_policy_document = %s
}
`, hcl(p.RoleARN.RoleName()), hcl(p.purpose(TrustDocument)), p.maxSession(), heredoc(p.Trust()))
}

func (p Plan) terraformRole(b *strings.Builder, withRole bool) {
	name := hcl(p.RoleARN.RoleName())
	if withRole {
		name = "alicloud_ram_role.shipper.role_name"
	}
	parts := p.RoleParts()
	for i, part := range parts {
		label := "write"
		if i > 0 {
			label = fmt.Sprintf("write_%d", i+1)
		}
		fmt.Fprintf(b, `
resource "alicloud_ram_policy" %[1]q {
  provider        = alicloud.owner
  policy_name     = %[2]s
  description     = %[3]s
  policy_document = %[4]s
}

resource "alicloud_ram_role_policy_attachment" %[1]q {
  provider    = alicloud.owner
  policy_name = alicloud_ram_policy.%[1]s.policy_name
  policy_type = "Custom"
  role_name   = %[5]s
}
`, label, hcl(part.Name), hcl(p.partPurpose(i, len(parts))), heredoc(part), name)
	}
}

func (p Plan) terraformCaller(b *strings.Builder) {
	fmt.Fprintf(b, `
resource "alicloud_ram_policy" "assume" {
  provider        = alicloud.shipper
  policy_name     = %s
  description     = %s
  policy_document = %s
}
`, hcl(p.callPolicy()), hcl(p.purpose(CallerDocument)), heredoc(p.CallerPolicy()))
	kind, comment := "user", ""
	switch p.Caller.Kind {
	case User:
	case Role:
		kind = "role"
	default:
		comment = "# "
		b.WriteString("\n# Attach it to the RAM user or role of the hosts (alicloud_ram_user_... or alicloud_ram_role_policy_attachment).")
	}
	name := p.Caller.Name
	if name == "" {
		name = "NAME"
	}
	b.WriteString("\n" + indent(comment, fmt.Sprintf(`resource "alicloud_ram_%[1]s_policy_attachment" "assume" {
  provider    = alicloud.shipper
  policy_name = alicloud_ram_policy.assume.policy_name
  policy_type = "Custom"
  %[1]s_name   = %[2]s
}`, kind, hcl(name))))
}

// hcl quotes a string; the two template openings are doubled.
func hcl(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
	return `"` + template(s) + `"`
}

func template(s string) string { return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s) }

// heredoc keeps the document readable in a plan's diff.
func heredoc(p *Policy) string {
	return "<<-EOT\n" + indent("    ", template(string(p.JSON()))) + "  EOT"
}
