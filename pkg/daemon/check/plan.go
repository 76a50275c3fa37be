package check

import (
	"cmp"
	"maps"
	"slices"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/ram"
)

// Set is one role with everything that the configuration writes through it.
type Set struct {
	Targets     []string // names, sorted
	Credentials string   // the [credentials.NAME] table that assumes the role; "" = none is written
	// Plan has everything but the Caller, which the configuration does not know.
	Plan ram.Plan
}

// Sets groups the named targets (none = all) by the role that they write with. Targets without role_arn are left out: they
// need no documents between accounts. The order is that of the first target of each.
func Sets(cfg *config.Config, names ...string) []Set {
	var out []Set
	for _, name := range slices.Sorted(maps.Keys(cfg.Targets)) {
		t := cfg.Targets[name]
		if t.RoleARN == "" || len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		role, err := ram.ParseRole(t.RoleARN)
		if err != nil {
			continue // the configuration was validated
		}
		i := slices.IndexFunc(out, func(s Set) bool {
			return s.Plan.RoleARN == role && s.Plan.ExternalID == t.AssumeRole.ExternalID && s.Credentials == t.Credentials
		})
		if i < 0 {
			out = append(out, Set{Credentials: t.Credentials, Plan: ram.Plan{
				Owner: ownerOf(t), RoleARN: role, ExternalID: t.AssumeRole.ExternalID,
				SessionName: creds.SessionName(t.AssumeRole.SessionName, cfg.Agent.Name),
			}})
			i = len(out) - 1
		}
		s := &out[i]
		s.Targets = append(s.Targets, name)
		s.Plan.Targets = append(s.Plan.Targets, logstoreOf(t))
		s.Plan.Duration = max(s.Plan.Duration, t.AssumeRole.Duration.D())
	}
	return out
}

// ownerOf is the account that a target's session must be in; "" when the configuration does not say.
func ownerOf(t config.Target) string { return cmp.Or(t.ExpectAccount, creds.AccountOf(t.RoleARN)) }

func logstoreOf(t config.Target) ram.Logstore {
	return ram.Logstore{Region: t.Region, Project: t.Project, Logstore: t.Logstore, ConsumerGroup: t.Verify}
}
