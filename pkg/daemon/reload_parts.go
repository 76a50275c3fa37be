package daemon

import (
	"context"
	"log/slog"
	"reflect"
	"time"

	"shipper/pkg/config"
	"shipper/pkg/creds"
	"shipper/pkg/process"
)

// generation is what a configuration was made into. It is never changed: a reload makes another one, with the parts whose
// settings are the same.
type generation struct {
	cfg      *config.Config
	hash     string // of cfg
	loaded   time.Time
	targets  map[string]*target          // by name
	programs map[string]*process.Program // by input
}

// now is the generation in use.
func (d *Daemon) now() *generation { return d.gen.Load() }

// build makes the generation of cfg. Parts that are the same in old are taken from it, and old is not changed. It starts nothing.
func (d *Daemon) build(ctx context.Context, cfg *config.Config, old *generation) (*generation, error) {
	g := &generation{
		cfg: cfg, hash: cfg.Hash(), loaded: time.Now(), targets: map[string]*target{}, programs: map[string]*process.Program{},
	}
	for _, name := range sortedKeys(cfg.Targets) {
		t := old.targets[name]
		if t == nil || !t.same(cfg) {
			var err error
			if t, err = d.newTarget(ctx, cfg, name, t); err != nil {
				return nil, &SettingError{Key: "target." + name, Err: err}
			}
		}
		g.targets[name] = t
	}
	for _, name := range sortedKeys(cfg.Inputs) {
		p := old.programs[name]
		if p == nil || !reflect.DeepEqual(old.cfg.Inputs[name].Process, cfg.Inputs[name].Process) {
			var err error
			if p, err = process.New(cfg.Inputs[name].Process); err != nil {
				return nil, &SettingError{Key: "input." + name, Err: err}
			}
		}
		g.programs[name] = p
	}
	return g, nil
}

// targetKey is everything that a target is made of. Targets with the same one are the same.
type targetKey struct {
	Target config.Target
	Creds  creds.Config
	Policy string // of the session
	Host   string
}

func keyOf(cfg *config.Config, name string) (config.Target, targetKey, error) {
	t := cfg.Targets[name]
	policy, err := sessionPolicy(t)
	return t, targetKey{Target: t, Creds: cfg.Credentials[t.Credentials], Policy: policy, Host: cfg.Agent.Name}, err
}

// same reports whether t is the target of its name in cfg.
func (t *target) same(cfg *config.Config) bool {
	_, key, err := keyOf(cfg, t.name)
	return err == nil && reflect.DeepEqual(key, t.key)
}

// identityKey is everything that a Provider is made of.
type identityKey struct {
	Creds                         creds.Config
	Role                          creds.RoleConfig
	Policy, Host, Region, Network string
}

func (k targetKey) identity() identityKey {
	return identityKey{k.Creds, k.Target.RoleConfig, k.Policy, k.Host, k.Target.Region, k.Target.Network}
}

// identity is a Provider that is running or will be. A target that is replaced may leave it to its successor.
type identity struct {
	*creds.Provider
	name string // of the target
	key  identityKey
	part *part // Provider.Run
}

func newIdentity(cfg *config.Config, t config.Target, key targetKey, name string, log *slog.Logger) (*identity, error) {
	p, err := NewProvider(cfg, t, log)
	return &identity{Provider: p, name: name, key: key.identity()}, err
}

// start starts what is not running yet.
func (i *identity) start(floor *group) {
	if i.part == nil {
		i.part = floor.Start("credentials of "+i.name, i.Run)
	}
}

// start starts what is not running yet.
func (t *target) start(floor, senders *group) {
	if t.sealing == nil {
		t.sealing = floor.Start("batches of "+t.name, t.batches.Run)
		t.sending = senders.Start("sender of "+t.name, t.producer.Run)
	}
}

// part is something in a group that can be ended before the others.
type part struct {
	stop context.CancelFunc
	done chan struct{} // closed when it has ended
}

// Start is Go for a part that may be ended by itself; that it was ended is no failure.
func (g *group) Start(name string, run func(context.Context) error) *part {
	ctx, stop := context.WithCancel(g.ctx)
	p := &part{stop: stop, done: make(chan struct{})}
	g.Go(name, func(context.Context) error {
		defer close(p.done)
		defer stop()
		if err := run(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	})
	return p
}

// end ends p and waits for that.
func (p *part) end() {
	p.stop()
	<-p.done
}
