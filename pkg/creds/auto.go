package creds

import (
	"context"
	"errors"
	"log/slog"
	"strings"
)

// patience is how often the source that won may fail in a row before a later one is tried: one hiccup of the metadata service
// must not change who we are.
const patience = 3

// automatic asks the sources in the documented order and takes the first that gives a credential. The order is walked anew each
// time: an identity that should have won and failed once is found again. When STS cannot be reached the walk stops, because a
// later identity would need it too.
type automatic struct {
	all    []candidate
	log    *slog.Logger
	winner string // name of the source that won last; "" = none yet
	misses int    // its failures in a row
	said   string // Credentials.Source that was logged last
}

// candidate is one source of the chain.
type candidate struct {
	name   string
	unset  string // why it is not set up; "" = it is
	source Source
	err    error // why there is no source although it is set up
}

func (f factory) auto() Source {
	env := func(name string) string {
		if f.o.Env(name) == "" {
			return "$" + name + " is not set"
		}
		return ""
	}
	unless := func(set bool, unset string) string {
		if set {
			return ""
		}
		return unset
	}
	a := &automatic{log: f.o.Log}
	for _, c := range []candidate{
		{name: "static", unset: unless(f.c.AccessKeyID.IsSet(), "access_key_id is not set")},
		{name: "env", unset: env("ALIBABA_CLOUD_ACCESS_KEY_ID")},
		{name: "oidc", unset: unless(f.c.OIDCTokenFile != "", env("ALIBABA_CLOUD_OIDC_TOKEN_FILE"))},
		{name: "profile"},
		{name: "ecs_role", unset: unless(!strings.EqualFold(f.o.Env("ALIBABA_CLOUD_ECS_METADATA_DISABLED"), "true"), "$ALIBABA_CLOUD_ECS_METADATA_DISABLED is true")},
		{name: "uri", unset: unless(f.c.URI != "", env("ALIBABA_CLOUD_CREDENTIALS_URI"))},
		{name: "process", unset: unless(len(f.c.Command) > 0, "command is not set")},
	} {
		if c.unset == "" {
			c.source, c.err = f.named(c.name)
		}
		a.all = append(a.all, c)
	}
	return a
}

// Fetch walks the chain.
func (a *automatic) Fetch(ctx context.Context) (*Credentials, error) {
	var why []string
	for _, s := range a.all {
		c, err := s.fetch(ctx)
		if err == nil {
			a.won(s.name, c)
			return c, nil
		}
		if s.name == a.winner {
			a.misses++
		}
		if away(err) || ctx.Err() != nil || (s.name == a.winner && a.misses < patience) {
			return nil, err
		}
		why = append(why, s.name+": "+reason(err))
	}
	return nil, failed("any source", "%s", strings.Join(why, "; "))
}

// fetch asks one source, if it is set up.
func (s candidate) fetch(ctx context.Context) (*Credentials, error) {
	switch {
	case s.unset != "":
		return nil, errors.New(s.unset)
	case s.err != nil:
		return nil, s.err
	}
	return s.source.Fetch(ctx)
}

// won notes the winner and says so when it is another than before.
func (a *automatic) won(name string, c *Credentials) {
	a.winner, a.misses = name, 0
	if a.said != c.Source {
		a.log.Info("base credential found", "reason", c.Source)
		a.said = c.Source
	}
}

// away reports whether STS was asked and could not answer.
func away(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.ID != "SHP-A101" && (e.Class == Transient || e.Class == Throttle)
}

// reason is the cause inside an error of a source, without the frame that the chain adds once for all.
func reason(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Err != nil {
		return e.Err.Error()
	}
	return err.Error()
}

// print is that of the winner.
func (a *automatic) print() string {
	for _, s := range a.all {
		if w, ok := s.source.(watched); ok && s.name == a.winner {
			return w.print()
		}
	}
	return ""
}
