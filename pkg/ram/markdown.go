package ram

import (
	"fmt"
	"strings"
	"time"
)

// Markdown writes one page for the administrators of the two accounts: who trusts whom, why, what it does not allow, what to
// paste, how to undo it.
func (p Plan) Markdown(docs ...Document) string {
	if len(docs) == 0 {
		docs = Documents()
	}
	b := &strings.Builder{}
	p.markdownHead(b)
	if has(docs, TrustDocument) || has(docs, RoleDocument) {
		p.markdownOwner(b, docs)
	}
	if has(docs, CallerDocument) {
		p.markdownCaller(b)
	}
	if has(docs, SessionDocument) {
		fmt.Fprintf(b, "\n## For information: the session policy\n\nNobody pastes this one. shipper sends it with each AssumeRole, "+
			"so that its token can do no more than this even if the role may.\n\n%s", block(p.Session()))
	}
	p.markdownTail(b, docs)
	return b.String()
}

func (p Plan) markdownHead(b *strings.Builder) {
	fmt.Fprintf(b, `# Logs from account %[1]s into account %[2]s

Hosts of account **%[1]s** send lines of their log files to

%[3]s
in account **%[2]s**. No long-lived key of account %[2]s leaves it: the hosts assume the role

    %[4]s

and get credentials that end by themselves after %[5]s. The owner of the hosts decides what is read; the owner of the
Logstore decides what may be written.

`, p.Caller.Account, p.owner(), p.places(), p.RoleARN, span(max(p.Duration, DefaultDuration)))
	fmt.Fprintf(b, `| | account | who | says |
|---|---|---|---|
| trust policy | %[2]s | role %[3]s | %[4]s may assume the role%[5]s |
| permission policy | %[2]s | role %[3]s | %[6]s |
| caller policy | %[1]s | %[7]s | may assume that one role |

Both accounts must say yes: the trust policy and the caller policy are two halves of one permission.

**What it does not allow.** %[8]s
`, p.Caller.Account, p.owner(), p.RoleARN.RoleName(), p.who(), p.provided(), p.may(), p.who(), p.mayNot())
	if p.Caller.Kind == Root || p.Caller.Kind == "" {
		fmt.Fprintf(b, "\n**Better:** `%s` means every RAM user and every role of account %s whose own policies allow it. "+
			"Name the one user or role of the hosts instead, as soon as it is known.\n", p.Caller.ARN(), p.Caller.Account)
	}
	if p.ExternalID == "" {
		b.WriteString("\n**Consider an external id.** With one, knowing the name of the role is not enough to assume it.\n")
	}
}

func (p Plan) markdownOwner(b *strings.Builder, docs []Document) {
	fmt.Fprintf(b, "\n## For the administrator of account %s (owner of the Logstore)\n", p.owner())
	if has(docs, TrustDocument) {
		fmt.Fprintf(b, `
1. RAM console › Identities › Roles › **Create Role**, trusted entity *Alibaba Cloud account*, other account %[1]s,
   name **%[2]s**. The role belongs in this account (%[3]s), not in the other one.
2. Role › **Trust Policy** › Edit. Replace what is there with

%[4]s`, p.Caller.Account, p.RoleARN.RoleName(), p.owner(), block(p.Trust()))
	}
	if has(docs, RoleDocument) {
		p.markdownRole(b)
	}
	if p.Duration > DefaultDuration {
		fmt.Fprintf(b, "5. Role › Basic Information › **Maximum Session Duration**: at least %d seconds. The default is 3600.\n", p.maxSession())
	}
}

// markdownRole is one document to paste, or several with a number each.
func (p Plan) markdownRole(b *strings.Builder) {
	parts := p.RoleParts()
	var names []string
	for i, part := range parts {
		names = append(names, part.Name)
		if i == 0 {
			fmt.Fprintf(b, "\n3. RAM console › Permissions › Policies › **Create Policy** › JSON, name **%s**:\n\n%s", part.Name, block(part))
			continue
		}
		fmt.Fprintf(b, "\n   One document cannot hold all Logstores. Create another one, name **%s**:\n\n%s", part.Name, block(part))
	}
	what := "custom policy **" + names[0] + "**"
	if len(names) > 1 {
		what = "custom policies **" + strings.Join(names, "**, **") + "**"
	}
	fmt.Fprintf(b, "\n4. Role **%s** › Permissions › **Grant Permission**, %s. Grant nothing else.\n", p.RoleARN.RoleName(), what)
}

func (p Plan) markdownCaller(b *strings.Builder) {
	fmt.Fprintf(b, `
## For the administrator of account %[1]s (owner of the hosts)

1. RAM console › Permissions › Policies › **Create Policy** › JSON, name **%[2]s**:

%[3]s
2. Grant it to %[4]s. Do not use the system policy AliyunSTSAssumeRoleAccess: it allows every role that trusts this account.
3. The key of the account itself cannot assume a role: the hosts need a RAM user or, better, a role of their own.
`, p.Caller.Account, p.callPolicy(), block(p.CallerPolicy()), p.who())
}

func (p Plan) markdownTail(b *strings.Builder, docs []Document) {
	b.WriteString("\n## Check\n\nOn a host of account " + p.Caller.Account +
		": `shipper check`. It walks the chain and names the account and the document that still says no.\n\n## Undo\n\n")
	if has(docs, TrustDocument) || has(docs, RoleDocument) {
		fmt.Fprintf(b, `Either account can end it alone.

* Account %[1]s: remove %[2]s from the role; sessions that exist lose the permission at once. Or delete role %[3]s;
  that ends the sessions.
`, p.owner(), p.partNames(), p.RoleARN.RoleName())
	}
	fmt.Fprintf(b, "* Account %s: remove policy %s from %s; no new session begins, and the last one ends after %s.\n",
		p.Caller.Account, p.callPolicy(), p.who(), span(max(p.Duration, DefaultDuration)))
}

func (p Plan) places() string {
	b := &strings.Builder{}
	for _, t := range p.Targets {
		region := ""
		if t.Region != "" {
			region = ", region " + t.Region
		}
		fmt.Fprintf(b, "* Logstore **%s** of project **%s**%s\n", t.Logstore, t.Project, region)
	}
	return b.String()
}

func (p Plan) who() string {
	switch p.Caller.Kind {
	case User:
		return "RAM user `" + p.Caller.Name + "`"
	case Role:
		return "RAM role `" + p.Caller.Name + "`"
	case Service, Federated:
		return "`" + p.Caller.ARN() + "`"
	}
	return "the RAM user or role of the hosts"
}

func (p Plan) provided() string {
	if p.ExternalID == "" {
		return ""
	}
	return ", with external id `" + p.ExternalID + "`"
}

func (p Plan) may() string {
	out := "may append logs to the Logstore"
	if p.readsAny() {
		out += " and read it back through a consumer group"
	}
	if len(p.Actions) > 0 {
		out += "; also " + strings.Join(p.Actions, ", ")
	}
	return out
}

func (p Plan) mayNot() string {
	read := "Reading logs, changing or deleting anything"
	if p.readsAny() {
		read = "Queries, changing or deleting logs or Logstores"
	}
	if len(p.Actions) > 0 {
		read = "Anything that the permission policy below does not list"
	}
	return read + ", seeing or writing any other project or Logstore, any other service, the console."
}

func block(p *Policy) string { return "```json\n" + string(p.JSON()) + "```\n" }

// span writes a duration for people.
func span(d time.Duration) string {
	switch {
	case d == time.Hour:
		return "one hour"
	case d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}
