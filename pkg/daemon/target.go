package daemon

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"

	"shipper/internal/units"
	"shipper/pkg/batch"
	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/producer"
	"shipper/pkg/ram"
)

// target is one Logstore with everything that writes to it.
type target struct {
	name     string
	cfg      config.Target
	key      targetKey
	identity *identity
	batches  *batch.Batcher
	producer *producer.Producer
	sealing  *part // batches.Run
	sending  *part // producer.Run
}

// newTarget builds a target. It takes over the identity of the one that it replaces if that is still the same.
func (d *Daemon) newTarget(ctx context.Context, conf *config.Config, name string, old *target) (*target, error) {
	cfg, key, err := keyOf(conf, name)
	if err != nil {
		return nil, err
	}
	t := &target{name: name, cfg: cfg, key: key}
	log := d.log.With("target", name)
	if old != nil && reflect.DeepEqual(old.identity.key, key.identity()) {
		t.identity = old.identity
	} else if t.identity, err = newIdentity(conf, cfg, key, name, log); err != nil {
		return nil, err
	}
	t.batches = batch.New(batch.Options{
		Config: cfg.Batch, Target: name, Budget: d.budget, Share: d.share(conf),
		Meta: batch.Meta{Topic: cfg.Topic, Source: hostAddress(ctx, cfg), Hostname: conf.Agent.Name, Tags: cfg.Tags},
		Wake: func() {
			if d.tailer != nil {
				d.tailer.Wake(name)
			}
		},
	})
	t.producer, err = producer.New(producer.Options{
		Target: name, Config: cfg.Config, InFlight: cfg.Batch.InFlight, MaxBytes: int64(cfg.Batch.MaxBytes), MaxDelay: cfg.Batch.MaxDelay.D(), Creds: t.identity,
		Batches: t.batches, Budget: d.budget, DeadLetters: d.dead, Lanes: d.store, Log: log,
	})
	return t, err
}

// NewProvider makes what signs a target's requests, as run does: base identity, role, narrowed session. It asks for nothing yet.
func NewProvider(cfg *config.Config, t config.Target, log *slog.Logger) (*creds.Provider, error) {
	source, err := creds.NewSource(cfg.Credentials[t.Credentials], creds.Options{
		Log: log, Host: cfg.Agent.Name, STSEndpoint: t.AssumeRole.STSEndpoint, Region: t.Region, Network: t.Network,
	})
	if err != nil {
		return nil, err
	}
	policy, err := sessionPolicy(t)
	if err != nil {
		return nil, err
	}
	return creds.NewProvider(creds.ProviderOptions{
		Source: source, Role: t.RoleConfig, SessionPolicy: policy, Host: cfg.Agent.Name,
		Region: t.Region, Network: t.Network, Log: log,
	})
}

// share is one target's part of the memory: a target that hangs can fill its own and no other's.
func (d *Daemon) share(cfg *config.Config) int64 {
	return d.budget.Lines() / int64(max(1, len(cfg.Targets)))
}

// sessionPolicy returns the JSON that narrows the session: by default to exactly the write on exactly this Logstore, so
// that a token that leaks from this host opens nothing else, whatever the role may do.
func sessionPolicy(cfg config.Target) (string, error) {
	switch choice := cfg.AssumeRole.SessionPolicy; {
	case cfg.RoleARN == "" || choice == "off":
		return "", nil
	case choice == "auto":
		plan := ram.Plan{
			Owner:   cmp.Or(cfg.ExpectAccount, creds.AccountOf(cfg.RoleARN)),
			Targets: []ram.Logstore{{Region: cfg.Region, Project: cfg.Project, Logstore: cfg.Logstore}},
		}
		return string(plan.Session().Compact()), nil
	default:
		text, err := readSmall(choice, 16*units.KiB)
		if err != nil {
			return "", fmt.Errorf("assume_role.session_policy: %w", err)
		}
		policy, err := ram.Parse(text)
		if err != nil {
			return "", fmt.Errorf("assume_role.session_policy: %s: %w", choice, err)
		}
		return string(policy.Compact()), nil
	}
}

// readSmall reads a file that is expected to be small.
func readSmall(path string, limit units.Bytes) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > int64(limit) {
		return nil, fmt.Errorf("%s is %d bytes; at most %s make sense", path, st.Size(), limit)
	}
	return os.ReadFile(path)
}

// hostAddress is the address that this host reaches the target from. A connected UDP socket tells it without a packet
// and without netlink, which a hardened unit does not have.
func hostAddress(ctx context.Context, cfg config.Target) string {
	endpoint, err := cfg.Resolve()
	if err != nil {
		return ""
	}
	host := endpoint.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if net.ParseIP(host) == nil {
		host = "100.100.2.136" // any address outside: only the route counts, and looking a name up could hang the start
	}
	conn, err := new(net.Dialer).DialContext(ctx, "udp", net.JoinHostPort(host, "443"))
	if err != nil {
		return ""
	}
	defer conn.Close()
	if addr, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		return addr.IP.String()
	}
	return ""
}
