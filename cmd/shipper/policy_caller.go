package main

import (
	"context"
	"errors"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/daemon/check"
	"shipper/pkg/ram"
)

// who is the caller as the flags say it; zero when they do not.
func (p *policyFlags) who(ctx context.Context, cfg *config.Config, s check.Set) (ram.Principal, error) {
	switch {
	case p.caller != "" && p.callerAccount != "", p.caller != "" && p.ask, p.callerAccount != "" && p.ask:
		return ram.Principal{}, failf(exitUsage, "--caller, --caller-account and --ask: one of them says who the hosts are")
	case p.caller != "":
		q, err := ram.ParsePrincipal(p.caller)
		if err != nil || q.Kind == ram.Service || q.Kind == ram.Federated {
			return q, failf(exitUsage, "--caller %q: write acs:ram::ACCOUNT:user/NAME or acs:ram::ACCOUNT:role/NAME", p.caller)
		}
		return q, nil
	case p.callerAccount != "":
		q, err := ram.ParsePrincipal(p.callerAccount)
		if err != nil || q.Kind != ram.Root {
			return q, failf(exitUsage, "--caller-account %q: write the digits of the account", p.callerAccount)
		}
		return q, nil
	case p.ask:
		return askCaller(ctx, cfg, s)
	}
	return ram.Principal{}, nil
}

// askCaller asks STS whose key the base credential of a role is.
func askCaller(ctx context.Context, cfg *config.Config, s check.Set) (ram.Principal, error) {
	t := cfg.Targets[s.Targets[0]]
	source, err := creds.NewSource(cfg.Credentials[s.Credentials], creds.Options{Host: cfg.Agent.Name,
		STSEndpoint: t.AssumeRole.STSEndpoint, Region: t.Region, Network: t.Network})
	if err != nil {
		return ram.Principal{}, fail(exitConfig, err)
	}
	p, err := creds.NewProvider(creds.ProviderOptions{Source: source, Role: t.RoleConfig, Host: cfg.Agent.Name, Region: t.Region, Network: t.Network})
	if err != nil {
		return ram.Principal{}, fail(exitConfig, err)
	}
	base, err := p.Base(ctx)
	if err != nil {
		return ram.Principal{}, failf(askExit(err), "--ask: %w", err)
	}
	id, err := p.Identity(ctx, base)
	if err != nil {
		return ram.Principal{}, failf(askExit(err), "--ask: %w", err)
	}
	if id.Root() {
		return ram.Principal{}, failf(exitProblem, "--ask: the configured key is that of account %s itself, which cannot assume a role; "+
			"use one of a RAM user or role [SHP-A120]", id.Account)
	}
	q, err := ram.ParsePrincipal(id.ARN)
	if err != nil {
		return q, failf(exitProblem, "--ask: STS says %s: %w", id.ARN, err)
	}
	return q, nil
}

// askExit tells refusals from lines that are down.
func askExit(err error) int {
	e, ok := errors.AsType[*creds.Error](err)
	switch {
	case !ok || e.ID == "SHP-A101":
		return exitConfig
	case e.Class >= creds.Stale:
		return exitDenied
	}
	return exitUnavailable
}
