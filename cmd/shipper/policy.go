package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"shipper/pkg/config"
	"shipper/pkg/daemon/check"
	"shipper/pkg/ram"
)

// policyFlags are common to the subcommands of policy.
type policyFlags struct {
	format        string
	targets       []string
	caller        string
	callerAccount string
	ask           bool
	verify        bool
	group         string
}

func newPolicy(g *global) *cobra.Command {
	p := &policyFlags{}
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write the RAM documents of both accounts from the configuration, or lint one",
		Long: `Write the RAM documents that the configuration needs, and nothing beyond:

  trust     account of the Logstore: who may assume the role
  role      account of the Logstore: what the role may do
  caller    account of the hosts: that the user or role of the hosts may assume that one role
  session   what shipper sends along with AssumeRole, for information
  all       all four; with --format markdown one page for both administrators

The configuration does not say who the hosts are. Say it with --caller, or with --ask let STS say whose key the
configured credentials are. With --caller-account the whole account is trusted.

Exit codes: 0; 64 something is missing or wrong on the command line; 69 STS cannot be reached and 77 STS refused the
key (--ask); 78 configuration. lint: 1 the document has errors.`,
		Args: noArgs,
		RunE: help,
	}
	f := cmd.PersistentFlags()
	f.StringArrayVar(&p.targets, "target", nil, "only this `target`; may be repeated")
	f.StringVar(&p.caller, "caller", "", "the RAM user or role of the hosts: `ARN` acs:ram::ACCOUNT:user/NAME or acs:ram::ACCOUNT:role/NAME")
	f.StringVar(&p.callerAccount, "caller-account", "", "the `account` of the hosts, when user or role are not known yet")
	f.BoolVar(&p.ask, "ask", false, "ask STS whose key the configured credentials are")
	f.BoolVar(&p.verify, "verify", false, "with the seven read permissions of shipper verify")
	f.StringVar(&p.group, "consumer-group", "", "with --verify: this consumer `group` only")
	for _, d := range []struct{ name, short string }{
		{"trust", "Who may assume the role (account of the Logstore)"},
		{"role", "What the role may do (account of the Logstore)"},
		{"caller", "That the hosts may assume the role (account of the hosts)"},
		{"session", "What narrows each session; nobody pastes it"},
		{"all", "All of them"},
	} {
		sub := &cobra.Command{Use: d.name, Short: d.short, Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return g.policy(cmd.Context(), p, d.name)
		}}
		sub.Flags().StringVar(&p.format, "format", "json", "json, aliyun (commands), terraform or markdown (a page to send)")
		cmd.AddCommand(sub)
	}
	cmd.AddCommand(newPolicyLint(g, p))
	return cmd
}

// policy prints one kind of document, or all, for every role of the configuration.
func (g *global) policy(ctx context.Context, p *policyFlags, name string) error {
	format := ram.Format(p.format)
	if !slices.Contains(ram.Formats(), format) {
		return failf(exitUsage, "--format %q: write json, aliyun, terraform or markdown", p.format)
	}
	docs := []ram.Document{ram.Document(name)}
	if name == "all" {
		docs = ram.Documents()
	}
	cfg, err := g.loadConfig()
	if err != nil {
		return err
	}
	sets, err := p.sets(ctx, cfg)
	if err != nil {
		return err
	}
	if format != ram.JSONFormat || slices.Contains(docs, ram.TrustDocument) {
		for _, s := range sets {
			if s.Plan.Caller.Account == "" {
				return unknownCaller(name)
			}
		}
	}
	if name == "session" { // each target's session has its own
		sets = oneByOne(cfg, sets)
	}
	text, err := render(sets, format, docs)
	if err != nil {
		return err
	}
	g.rivals(sets)
	_, err = io.WriteString(g.stdout, text)
	return written(err)
}

func unknownCaller(name string) error {
	return failf(exitUsage, `policy %s names the user or role that the hosts are, and the configuration does not say it. Add one of
  --caller acs:ram::ACCOUNT:user/NAME   (or :role/NAME) the RAM user or role whose key the hosts use
  --ask                                 ask STS whose key the configured credentials are
  --caller-account ACCOUNT              trust the whole account: every user and role that its own policies let through`, name)
}

// sets are the roles of the configuration with the caller filled in.
func (p *policyFlags) sets(ctx context.Context, cfg *config.Config) ([]check.Set, error) {
	if err := knownTargets(cfg, p.targets); err != nil {
		return nil, err
	}
	sets := check.Sets(cfg, p.targets...)
	if len(sets) == 0 {
		return nil, failf(exitUsage, "no target has a role_arn, so no document is needed between accounts: the key that is configured writes itself, "+
			"and needs %s on the Logstore", ram.WriteAction)
	}
	known := map[string]ram.Principal{} // by credentials: whoever assumes two roles is asked once
	for i := range sets {
		plan := &sets[i].Plan
		plan.Verify, plan.ConsumerGroup = p.verify, p.group
		caller, ok := known[sets[i].Credentials]
		if !ok {
			var err error
			if caller, err = p.who(ctx, cfg, sets[i]); err != nil {
				return nil, err
			}
			known[sets[i].Credentials] = caller
		}
		plan.Caller = caller
		if caller.Account == "" {
			continue
		}
		if err := plan.Validate(); err != nil {
			return nil, fail(exitUsage, err)
		}
	}
	return sets, nil
}

// oneByOne gives each target a set of its own.
func oneByOne(cfg *config.Config, sets []check.Set) []check.Set {
	var out []check.Set
	for _, s := range sets {
		for _, name := range s.Targets {
			one := check.Sets(cfg, name)[0]
			one.Plan.Caller, one.Plan.Verify, one.Plan.ConsumerGroup = s.Plan.Caller, s.Plan.Verify, s.Plan.ConsumerGroup
			out = append(out, one)
		}
	}
	return out
}

// render writes the documents of all roles. One role's document stands alone, as it is pasted.
func render(sets []check.Set, format ram.Format, docs []ram.Document) (string, error) {
	if len(sets) > 1 && format == ram.TerraformFormat {
		return "", failf(exitUsage, "the configuration has several roles, whose Terraform resources belong into separate modules: choose with --target (%s)", roles(sets))
	}
	var parts []string
	for _, s := range sets {
		text, err := renderOne(s.Plan, format, docs)
		if err != nil {
			return "", fail(exitUsage, err)
		}
		parts = append(parts, text)
	}
	switch {
	case len(parts) == 1:
		return parts[0], nil
	case format == ram.JSONFormat:
		return jsonList(sets, parts)
	case format == ram.MarkdownFormat:
		return strings.Join(parts, "\n---\n\n"), nil
	}
	return strings.Join(parts, "\n"), nil
}

// renderOne is Plan.Render, which wants to know the caller, or the bare JSON of documents that do not name it.
func renderOne(plan ram.Plan, format ram.Format, docs []ram.Document) (string, error) {
	if plan.Caller.Account != "" || format != ram.JSONFormat {
		return plan.Render(format, docs...)
	}
	plan.Caller = ram.Principal{Account: cmp.Or(plan.Owner, plan.RoleARN.Account), Kind: ram.Root} // not shown; Render checks all else
	return plan.Render(format, docs...)
}

// jsonList is a JSON array with one object for each role (or target, for session policies).
func jsonList(sets []check.Set, parts []string) (string, error) {
	type entry struct {
		Role      string          `json:"role_arn"`
		Targets   []string        `json:"targets"`
		Documents json.RawMessage `json:"documents"`
	}
	var list []entry
	for i, s := range sets {
		list = append(list, entry{s.Plan.RoleARN.String(), s.Targets, json.RawMessage(parts[i])})
	}
	var b strings.Builder
	if err := printJSON(&b, list); err != nil {
		return "", fail(exitIO, err)
	}
	return b.String(), nil
}

func roles(sets []check.Set) string {
	var out []string
	for _, s := range sets {
		out = append(out, strings.Join(s.Targets, "+"))
	}
	return strings.Join(out, ", ")
}

// rivals warns of one role that two identities assume: each trust policy alone would keep the other out.
func (g *global) rivals(sets []check.Set) {
	seen := map[string]ram.Principal{}
	for _, s := range sets {
		role := s.Plan.RoleARN.String()
		if other, ok := seen[role]; ok && other != s.Plan.Caller {
			fmt.Fprintf(g.stderr, "shipper: %s is assumed by %s and by %s: put both statements into one trust policy\n", role, other.ARN(), s.Plan.Caller.ARN())
		}
		seen[role] = s.Plan.Caller
	}
}
