package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options of an Emulator. The zero value is the default world, strict, with everything that arrives kept in memory.
type Options struct {
	World        World            // zero = DefaultWorld
	Log          *slog.Logger     // nil = silent
	Now          func() time.Time // nil = time.Now
	MinTokenLife time.Duration    // shortest DurationSeconds that AssumeRole takes; 0 = 15 minutes, as the service
	TokenLife    time.Duration    // life of every new session whatever the caller asked for; 0 = as asked
	AnyLogTime   bool             // accept logs of any time; otherwise seven days back to 15 minutes ahead
	Discard      bool             // count what arrives and forget it
	Seed         uint64           // of the dice that Fault.Probability throws
	ShardRate    Rate             // per shard; zero = no limit. The service: 5 MB and 500 requests a second
	ProjectRate  Rate             // per project; zero = no limit. The service: 100 GB and 600,000 requests a minute
	SplitForgets bool             // shards that are split or merged take no sequence ids along; what the service does is not documented
	AssumeRate   float64          // AssumeRole calls a second per account; 0 = 100, as the service
}

// Rate is a quota of writing. A zero field is no limit.
type Rate struct {
	Bytes    float64 // raw bytes a second
	Requests float64 // requests a second
}

// Emulator is Log Service, STS and RAM. Its methods may be called from anywhere at any time.
type Emulator struct {
	opt     Options
	log     *slog.Logger
	faults  *Faults
	counts  counters
	ca      authority
	table   table
	bodies  sync.Pool // of *[]byte: buffers for what is read, unpacked and forgotten again
	control http.Handler

	mu        sync.Mutex // guards everything below; never held while a body is read or parsed
	accounts  map[string]*account
	keys      map[string]keyRef   // permanent AccessKeys by id
	sessions  map[string]*session // temporary ones by id
	nonces    map[string]time.Time
	projects  map[string]*project
	tokenLife time.Duration
}

// New makes an Emulator. It starts nothing.
func New(o Options) (*Emulator, error) {
	if len(o.World.Accounts) == 0 && len(o.World.Projects) == 0 {
		o.World = DefaultWorld()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MinTokenLife <= 0 {
		o.MinTokenLife = 15 * time.Minute
	}
	if o.AssumeRate <= 0 {
		o.AssumeRate = 100
	}
	e := &Emulator{
		opt: o, log: o.Log, faults: newFaults(o.Now, rand.New(rand.NewPCG(o.Seed, 0))), tokenLife: o.TokenLife, table: newTable(),
	}
	e.control = e.newControl()
	e.bodies.New = func() any { return new([]byte) }
	if err := e.SetWorld(o.World); err != nil {
		return nil, err
	}
	return e, nil
}

// SetWorld replaces the whole world. Sessions and stored logs of the old one are gone.
func (e *Emulator) SetWorld(w World) error {
	if err := w.Validate(); err != nil {
		return fmt.Errorf("world: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.accounts, e.keys, e.projects = map[string]*account{}, map[string]keyRef{}, map[string]*project{}
	e.sessions, e.nonces = map[string]*session{}, map[string]time.Time{}
	for _, a := range w.Accounts {
		if err := e.putAccount(a); err != nil {
			return fmt.Errorf("world: account %s: %w", a.UID, err)
		}
	}
	for _, p := range w.Projects {
		e.projects[p.Name] = newProject(p, e.opt.Now())
	}
	return nil
}

// World is the world as it is now.
func (e *Emulator) World() World {
	e.mu.Lock()
	defer e.mu.Unlock()
	var w World
	for _, a := range e.accounts {
		out := Account{UID: a.uid, Keys: a.keys}
		for _, u := range a.users {
			out.Users = append(out.Users, u.User)
		}
		for _, r := range a.roles {
			out.Roles = append(out.Roles, r.Role)
		}
		for _, p := range a.providers {
			out.OIDCProviders = append(out.OIDCProviders, *p)
		}
		slices.SortFunc(out.Users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(out.Roles, func(a, b Role) int { return strings.Compare(a.Name, b.Name) })
		w.Accounts = append(w.Accounts, out)
	}
	slices.SortFunc(w.Accounts, func(a, b Account) int { return strings.Compare(a.UID, b.UID) })
	for _, p := range e.projects {
		w.Projects = append(w.Projects, p.describe())
	}
	slices.SortFunc(w.Projects, func(a, b Project) int { return strings.Compare(a.Name, b.Name) })
	return w
}

// PutAccount adds an account or replaces it. Sessions of its former roles end.
func (e *Emulator) PutAccount(a Account) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v := validator{uids: map[string]bool{}, keys: map[string]string{}}
	for id, k := range e.keys {
		if k.account != a.UID {
			v.keys[id] = "account " + k.account
		}
	}
	v.account("account", a)
	if err := errors.Join(v.errs...); err != nil {
		return err
	}
	return e.putAccount(a)
}

// PutRole adds a role to an account or replaces it, which ends its sessions.
func (e *Emulator) PutRole(uid string, r Role) error {
	v := validator{}
	v.role("role", r, map[string]bool{})
	if err := errors.Join(v.errs...); err != nil {
		return err
	}
	made, err := newRole(uid, r)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	acc := e.accounts[uid]
	if acc == nil {
		return fmt.Errorf("there is no account %q", uid)
	}
	acc.roles[made.name] = made
	return nil
}

// SetRolePolicy replaces the permission policies of a role, named by its ARN. Sessions that live feel it at once.
func (e *Emulator) SetRolePolicy(arn string, docs ...Document) error {
	policies, err := parsePolicies(docs)
	if err != nil {
		return err
	}
	return e.changeRole(arn, func(r *role) { r.policies, r.Policies = policies, docs })
}

// SetTrust replaces the trust policy of a role.
func (e *Emulator) SetTrust(arn string, doc Document) error {
	trust, err := parsePolicy(doc)
	if err != nil {
		return err
	}
	return e.changeRole(arn, func(r *role) { r.trust, r.Trust = trust, doc })
}

func (e *Emulator) changeRole(arn string, change func(*role)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, err := e.role(arn)
	if err == nil {
		change(r)
	}
	return err
}

// DeleteRole removes a role. Its sessions end.
func (e *Emulator) DeleteRole(arn string) error {
	return e.changeRole(arn, func(r *role) { delete(e.accounts[r.account].roles, r.name) })
}

// SetUserPolicies replaces the identity policies of a RAM user, named by its ARN.
func (e *Emulator) SetUserPolicies(arn string, docs ...Document) error {
	policies, err := parsePolicies(docs)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	u, err := e.user(arn)
	if err == nil {
		u.policies, u.Policies = policies, docs
	}
	return err
}

// SetTokenLife sets the life of every session made from now on, whatever the caller asks for; 0 = as asked.
func (e *Emulator) SetTokenLife(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tokenLife = d
}

// ExpireTokens lets every session end now and returns how many there were.
func (e *Emulator) ExpireTokens() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, now := 0, e.opt.Now()
	for _, s := range e.sessions {
		if now.Before(s.expires) {
			s.expires = now
			n++
		}
	}
	return n
}

// Run serves ln until ctx ends, and returns when every request is over. The listener may be one of TLS: see TLSConfig.
func (e *Emulator) Run(ctx context.Context, ln net.Listener) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	srv := &http.Server{
		Handler: e, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog:    slog.NewLogLogger(e.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return serving }, // a request that is never answered ends with ctx
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("emulator: serve: %w", err)
	case <-ctx.Done():
	}
	stop()
	bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(bye); err != nil {
		_ = srv.Close() // a client that reads too slowly is cut off
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
