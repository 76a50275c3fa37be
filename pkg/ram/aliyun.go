package ram

import (
	"fmt"
	"slices"
	"strings"
)

// Aliyun writes a shell script of aliyun CLI commands that create the documents. Commands for different accounts use
// different profiles, and each part first checks that its profile really is that account.
func (p Plan) Aliyun(docs ...Document) string {
	if len(docs) == 0 {
		docs = Documents()
	}
	b := &strings.Builder{}
	b.WriteString(`#!/bin/sh
# Needs the aliyun command line tool, with one profile for each account: aliyun configure --profile NAME
# Run the parts of the other account there, or send them to its administrator.
set -eu

# in_account PROFILE UID stops unless the profile belongs to the account.
in_account() {
  aliyun sts GetCallerIdentity --profile "$1" | grep -q "\"AccountId\": *\"$2\"" ||
    { echo "profile $1 is not account $2: nothing was changed" >&2; exit 1; }
}
`)
	if has(docs, TrustDocument) || has(docs, RoleDocument) {
		p.aliyunOwner(b, docs)
	}
	if has(docs, CallerDocument) {
		p.aliyunCaller(b)
	}
	if has(docs, SessionDocument) {
		p.aliyunSession(b)
	}
	return b.String()
}

func has(docs []Document, d Document) bool { return slices.Contains(docs, d) }

func (p Plan) aliyunOwner(b *strings.Builder, docs []Document) {
	role := quote(p.RoleARN.RoleName())
	fmt.Fprintf(b, "\n# ---- account %s, which owns the Logstore: an administrator of RAM\n", p.owner())
	fmt.Fprintf(b, "owner=${OWNER_PROFILE:-owner}\nin_account \"$owner\" %s\n", p.owner())
	if has(docs, TrustDocument) {
		fmt.Fprintf(b, `
# The role, and who may assume it. If it exists: aliyun ram UpdateRole --RoleName %[1]s --NewAssumeRolePolicyDocument ...
aliyun ram CreateRole --profile "$owner" \
  --RoleName %[1]s \
  --Description %[2]s \
  --MaxSessionDuration %[3]d \
  --AssumeRolePolicyDocument %[4]s
`, role, quote(p.purpose(TrustDocument)), p.maxSession(), quote(string(p.Trust().Compact())))
	}
	if has(docs, RoleDocument) {
		parts := p.RoleParts()
		b.WriteString("\n# What the role may do, and nothing else.\n")
		for i, part := range parts {
			fmt.Fprintf(b, `aliyun ram CreatePolicy --profile "$owner" \
  --PolicyName %[1]s \
  --Description %[2]s \
  --PolicyDocument %[3]s
aliyun ram AttachPolicyToRole --profile "$owner" --PolicyType Custom --PolicyName %[1]s --RoleName %[4]s
`, quote(part.Name), quote(p.partPurpose(i, len(parts))), quote(string(part.Compact())), role)
		}
		b.WriteString("\n# Undo:\n")
		for _, part := range parts {
			fmt.Fprintf(b, `#   aliyun ram DetachPolicyFromRole --profile "$owner" --PolicyType Custom --PolicyName %[1]s --RoleName %[2]s
#   aliyun ram DeletePolicy --profile "$owner" --PolicyName %[1]s
`, quote(part.Name), role)
		}
	}
	if has(docs, TrustDocument) {
		fmt.Fprintf(b, "#   aliyun ram DeleteRole --profile \"$owner\" --RoleName %s     # ends every session at once\n", role)
	}
}

func (p Plan) aliyunCaller(b *strings.Builder) {
	name := quote(p.callPolicy())
	fmt.Fprintf(b, `
# ---- account %[1]s, which owns the hosts: an administrator of RAM
shipper=${SHIPPER_PROFILE:-shipper}
in_account "$shipper" %[1]s

# One role and no other: narrower than the system policy AliyunSTSAssumeRoleAccess, which allows every role that trusts you.
aliyun ram CreatePolicy --profile "$shipper" \
  --PolicyName %[2]s \
  --Description %[3]s \
  --PolicyDocument %[4]s
`, p.Caller.Account, name, quote(p.purpose(CallerDocument)), quote(string(p.CallerPolicy().Compact())))
	who := quote(p.Caller.Name)
	verb, flag := "User", "--UserName "+who
	switch p.Caller.Kind {
	case User:
	case Role:
		verb, flag = "Role", "--RoleName "+who
	default:
		fmt.Fprintf(b, `# Attach it to the RAM user or role of the hosts. The key of the account itself cannot assume a role.
#   aliyun ram AttachPolicyToUser --profile "$shipper" --PolicyType Custom --PolicyName %[1]s --UserName NAME
#   aliyun ram AttachPolicyToRole --profile "$shipper" --PolicyType Custom --PolicyName %[1]s --RoleName NAME
`, name)
		return
	}
	fmt.Fprintf(b, `aliyun ram AttachPolicyTo%[1]s --profile "$shipper" --PolicyType Custom --PolicyName %[2]s %[3]s

# Undo:
#   aliyun ram DetachPolicyFrom%[1]s --profile "$shipper" --PolicyType Custom --PolicyName %[2]s %[3]s
#   aliyun ram DeletePolicy --profile "$shipper" --PolicyName %[2]s
`, verb, name, flag)
}

func (p Plan) aliyunSession(b *strings.Builder) {
	fmt.Fprintf(b, `
# ---- a look at the result: what shipper asks STS for, with the key of the hosts (prints a secret; nothing is created)
# aliyun sts AssumeRole --profile hosts \
#   --RoleArn %s \
#   --RoleSessionName %s \
`, quote(p.RoleARN.String()), quote(p.session()))
	if p.ExternalID != "" {
		fmt.Fprintf(b, "#   --ExternalId %s \\\n", quote(p.ExternalID))
	}
	fmt.Fprintf(b, "#   --Policy %s\n", quote(string(p.Session().Compact())))
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	if s != "" && only(s, letters+digits+"_-./:@=+,%") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
