package ram

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Logstore names one destination.
type Logstore struct {
	Region   string // cn-hangzhou
	Project  string
	Logstore string
	// ConsumerGroup is what this Logstore is read back through; "" = it is not, unless the plan says Verify.
	ConsumerGroup string
}

// Plan says who ships where; its methods write the documents that allow exactly that. Account A owns the Logstores and the
// role, account B owns the hosts.
type Plan struct {
	Owner         string     // A: UID of the account that owns the Logstores; empty means the account of RoleARN
	Caller        Principal  // B: the user or role that the hosts are; Kind Root stands for "the account, nobody named yet"
	RoleARN       ARN        // the role in A that B assumes
	ExternalID    string     // demanded by the trust policy when set
	Targets       []Logstore // what may be written to
	Verify        bool       // reading back through a consumer group as well, of every Logstore
	ConsumerGroup string     // of Verify, for Logstores that name none; empty allows any group of the Logstores
	Actions       []string   // more permissions from the table, on the same Logstores

	Duration    time.Duration // of a session; 0 means one hour
	SessionName string        // of a session; checked when set
}

// Document is one of the documents of a plan.
type Document string

// The documents of a plan, in the order in which they are needed.
const (
	TrustDocument   Document = "trust"   // A: who may assume the role
	RoleDocument    Document = "role"    // A: what the role may do
	CallerDocument  Document = "caller"  // B: that the hosts may assume the role
	SessionDocument Document = "session" // sent along with AssumeRole; narrows one session
)

// Documents lists all of them.
func Documents() []Document {
	return []Document{TrustDocument, RoleDocument, CallerDocument, SessionDocument}
}

// Policy returns one document of the plan, nil for an unknown name.
func (p Plan) Policy(d Document) *Policy {
	switch d {
	case TrustDocument:
		return p.Trust()
	case RoleDocument:
		return p.Role()
	case CallerDocument:
		return p.CallerPolicy()
	case SessionDocument:
		return p.Session()
	}
	return nil
}

func (p Plan) owner() string {
	if p.Owner != "" {
		return p.Owner
	}
	return p.RoleARN.Account
}

// Trust is the trust policy of the role, for account A: the caller and nobody else, with the external id when there is one.
// A caller that is only an account becomes `:root`, every user and role of it that its own policies let through.
func (p Plan) Trust() *Policy {
	s := Statement{Effect: Allow, Action: []string{AssumeRole}, Principal: &Principals{}}
	switch p.Caller.Kind {
	case Service:
		s.Principal.Service = []string{p.Caller.Name}
	case Federated:
		s.Principal.Federated = []string{p.Caller.ARN()}
	default:
		s.Principal.RAM = []string{p.Caller.ARN()}
	}
	if p.ExternalID != "" {
		s.Condition = []Condition{{Operator: "StringEquals", Key: KeyExternalID, Values: []string{p.ExternalID}}}
	}
	return &Policy{Name: "trust", Statement: []Statement{s}}
}

// CallerPolicy is for the user or role of account B: sts:AssumeRole on exactly the role.
func (p Plan) CallerPolicy() *Policy {
	return &Policy{Name: "caller", Statement: []Statement{allow([]string{AssumeRole}, []string{p.RoleARN.String()})}}
}

// Session is what travels in the Policy parameter of AssumeRole: the write on exactly these Logstores, whatever else the
// role may do.
func (p Plan) Session() *Policy {
	return &Policy{Name: "session", Statement: []Statement{allow([]string{WriteAction}, p.logstores(""))}}
}

// Role is the permission policy of the role. The region is left open (`*`), because a project name exists once in the whole
// cloud. The Logstores are named bare, as the write is checked; `…/logstore/L/*` would not match it.
func (p Plan) Role() *Policy {
	out := &Policy{Name: "role", Statement: []Statement{allow([]string{WriteAction}, p.logstores(""))}}
	out.Statement = append(out.Statement, p.reading()...)
	have := []string{WriteAction}
	if p.Verify { // of all Logstores
		have = append(have, ReadActions()...)
	}
	var more []string
	for _, a := range p.Actions {
		if known, ok := Lookup(a); ok && !containsFold(have, known.Name) {
			more, have = append(more, known.Name), append(have, known.Name)
		}
	}
	out.Statement = append(out.Statement, p.grant(more)...)
	return out
}

// reads tells whether a Logstore is read back, and through which consumer group ("" = any).
func (p Plan) reads(t Logstore) (group string, yes bool) {
	if t.ConsumerGroup != "" {
		return t.ConsumerGroup, true
	}
	return p.ConsumerGroup, p.Verify
}

// groups are the consumer groups that the plan names.
func (p Plan) groups() []string {
	out := []string{p.ConsumerGroup}
	for _, t := range p.Targets {
		out = append(out, t.ConsumerGroup)
	}
	return out
}

// readsAny reports whether any Logstore is read back.
func (p Plan) readsAny() bool {
	return slices.ContainsFunc(p.Targets, func(t Logstore) bool { _, yes := p.reads(t); return yes })
}

// reading allows the seven read permissions on the Logstores that are read back. With a consumer group, each on exactly what it
// is checked against, so that the checkpoints of other consumers stay out of reach; without one, on both forms of the Logstore.
func (p Plan) reading() []Statement {
	named, open := p, p
	named.Targets, open.Targets = nil, nil
	for _, t := range p.Targets {
		switch group, yes := p.reads(t); {
		case yes && group != "":
			named.Targets = append(named.Targets, t)
		case yes:
			open.Targets = append(open.Targets, t)
		}
	}
	out := named.grant(ReadActions())
	if len(open.Targets) > 0 {
		both := append(open.logstores(""), open.logstores("/*")...)
		slices.Sort(both)
		out = append(out, allow(ReadActions(), both))
	}
	return out
}

// grant allows actions of the table on the plan's targets, one statement for each set of resources.
func (p Plan) grant(actions []string) []Statement {
	var out []Statement
	for _, a := range actions {
		var resources []string
		for _, t := range p.Targets {
			list, err := Resources(a, p.vars(t, "*"))
			if err != nil {
				continue // Validate has the word
			}
			resources = append(resources, list...)
		}
		out = merge(out, a, tidy(resources))
	}
	return out
}

// merge adds action to the statement with the same resources, or a new one.
func merge(list []Statement, action string, resources []string) []Statement {
	if len(resources) == 0 {
		return list
	}
	for i := range list {
		if slices.Equal(list[i].Resource, resources) {
			list[i].Action = append(list[i].Action, action)
			return list
		}
	}
	return append(list, allow([]string{action}, resources))
}

// vars fills what a target names; what it does not name may be anything.
func (p Plan) vars(t Logstore, region string) Vars {
	group, _ := p.reads(t)
	if group == "" {
		group = "*"
	}
	return Vars{
		Region: region, UID: p.owner(), Project: t.Project, Logstore: t.Logstore,
		Config: "*", MachineGroup: "*", ConsumerGroup: group,
	}
}

// logstores are the patterns of the targets, with a tail.
func (p Plan) logstores(tail string) []string {
	var out []string
	for _, t := range p.Targets {
		out = append(out, "acs:log:*:"+p.owner()+":project/"+t.Project+"/logstore/"+t.Logstore+tail)
	}
	return tidy(out)
}

// anyName stands for a name that the plan leaves open, when a concrete request is needed.
const (
	anyName   = "any"
	anyRegion = "cn-hangzhou"
)

// Needs lists the questions that the role policy must answer with Allow.
func (p Plan) Needs() []Request {
	var out []Request
	for _, t := range p.Targets {
		group, reads := p.reads(t)
		actions := []string{WriteAction}
		if reads {
			actions = append(actions, ReadActions()...)
		}
		for _, a := range p.Actions {
			if known, ok := Lookup(a); ok && !containsFold(actions, known.Name) {
				actions = append(actions, known.Name)
			}
		}
		v := p.vars(t, t.Region)
		if v.Region == "" {
			v.Region = anyRegion
		}
		v.Config, v.MachineGroup = anyName, anyName
		if group == "" {
			v.ConsumerGroup = anyName
		}
		for _, a := range actions {
			list, err := Resources(a, v)
			if err != nil {
				continue
			}
			for _, r := range list {
				out = append(out, Request{Action: a, Resource: r})
			}
		}
	}
	return out
}

// unique sorts Logstores and drops repetitions.
func unique(list []Logstore) []Logstore {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Logstore) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Logstore, b.Logstore), strings.Compare(a.ConsumerGroup, b.ConsumerGroup),
			strings.Compare(a.Region, b.Region))
	})
	return slices.Compact(list)
}

func allow(actions, resources []string) Statement {
	return Statement{Effect: Allow, Action: actions, Resource: resources}
}

// tidy sorts and drops repetitions, so that the same plan gives the same document.
func tidy(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
