package emulator

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Stats counts what has happened since New.
type Stats struct {
	Requests      map[string]map[string]int64 `json:"requests"`       // operation -> "ok", the error code, or "fault KIND" -> requests
	Faults        map[string]int64            `json:"faults"`         // kind -> requests that met one
	TokensIssued  int64                       `json:"tokens_issued"`  // sessions made by AssumeRole and AssumeRoleWithOIDC
	AssumeRole    int64                       `json:"assume_role"`    // calls of AssumeRole and AssumeRoleWithOIDC, refused ones included
	ExpiredTokens int64                       `json:"expired_tokens"` // requests refused because their token had expired
	Denied        int64                       `json:"denied"`         // requests refused by a policy
	Groups        int64                       `json:"groups"`         // LogGroups accepted
	Logs          int64                       `json:"logs"`           // logs accepted
	RawBytes      int64                       `json:"raw_bytes"`      // of accepted groups, before compression
	WireBytes     int64                       `json:"wire_bytes"`     // of accepted requests' bodies
	Denials       []Denial                    `json:"denials"`        // the last 50 refusals of any kind, oldest first
}

// Denial is one refusal with the reason that the answer does not tell.
type Denial struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Op        string    `json:"op"`
	Caller    string    `json:"caller,omitempty"` // "" = the signature did not say
	Status    int       `json:"status"`
	Code      string    `json:"code"`
	Message   string    `json:"message"`
	Why       string    `json:"why,omitempty"`
}

// maxDenials is how many refusals are remembered.
const maxDenials = 50

type counters struct {
	mu sync.Mutex
	s  Stats
}

func (c *counters) answered(op, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.Requests == nil {
		c.s.Requests = map[string]map[string]int64{}
	}
	if c.s.Requests[op] == nil {
		c.s.Requests[op] = map[string]int64{}
	}
	c.s.Requests[op][result]++
}

func (c *counters) fault(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.Faults == nil {
		c.s.Faults = map[string]int64{}
	}
	c.s.Faults[kind]++
}

func (c *counters) stored(groups, logs, raw, wire int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Groups += int64(groups)
	c.s.Logs += int64(logs)
	c.s.RawBytes += int64(raw)
	c.s.WireBytes += int64(wire)
}

func (c *counters) assume(issued bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if issued {
		c.s.TokensIssued++
	} else {
		c.s.AssumeRole++
	}
}

// Stats returns a copy of the counters.
func (e *Emulator) Stats() Stats {
	c := &e.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.s
	out.Faults, out.Denials = map[string]int64{}, append([]Denial{}, c.s.Denials...)
	maps.Copy(out.Faults, c.s.Faults)
	out.Requests = map[string]map[string]int64{}
	for op, results := range c.s.Requests {
		out.Requests[op] = maps.Clone(results)
	}
	return out
}

// refused logs and remembers why a request was refused.
func (e *Emulator) refused(op, id string, who caller, f *fail) {
	d := Denial{Time: e.opt.Now(), RequestID: id, Op: op, Status: f.Status, Code: f.Code, Message: f.Message, Why: f.Why}
	if who.keyID != "" {
		d.Caller = who.String()
	}
	e.counts.mu.Lock()
	s := &e.counts.s
	if f.Detail != nil {
		s.Denied++
	}
	if f.expired() {
		s.ExpiredTokens++
	}
	if s.Denials = append(s.Denials, d); len(s.Denials) > maxDenials {
		s.Denials = slices.Delete(s.Denials, 0, 1)
	}
	e.counts.mu.Unlock()

	reason := f.Why
	if reason == "" {
		reason = f.Message
	}
	attrs := []any{slog.String("code", "SHP-E001"), slog.String("verdict", f.Code), slog.String("request_id", id), slog.String("reason", reason)}
	if who.account != "" {
		attrs = append(attrs, slog.String("account", who.account))
	}
	if who.session != nil {
		attrs = append(attrs, slog.String("role", who.session.role.arn()))
	}
	e.log.Warn("refused "+op, attrs...)
}
