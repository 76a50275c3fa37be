package creds

import (
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"time"
)

// Credentials is one key pair, with a token when it is temporary. It is never changed after it was handed out and may be
// shared. It never prints its secret, whatever the verb.
type Credentials struct {
	ID         string    // AccessKey id; temporary ones begin with "STS."
	Secret     string    // AccessKey secret
	Token      string    // security token; "" for a long-lived key
	Expires    time.Time // when it ends, in the words of the service (UTC); zero = never. Use Left to ask how long it lives
	Generation uint64    // 1, 2, 3 ... within one Provider; 0 straight from a Source
	Account    string    // account that the session lives in; "" = not known
	Source     string    // where it came from: "environment", `ecs_role web-host`, "role acs:ram::1:role/x"

	base string    // Source of the base credential, when a role was assumed
	born time.Time // when we got it, on our clock with its monotonic reading; zero when made by hand
	dies time.Time // born + life as the service sees it; zero = see Expires
}

// forever is the remaining life of a credential without an end.
const forever = time.Duration(math.MaxInt64)

// Left returns how long c lives after now: forever without an end, zero or less when it is over. It does not trust the host's
// wall clock if the service told its own time when c was made.
func (c *Credentials) Left(now time.Time) time.Duration {
	switch {
	case c == nil:
		return 0
	case !c.dies.IsZero():
		return c.dies.Sub(now)
	case !c.Expires.IsZero():
		return c.Expires.Sub(now)
	}
	return forever
}

// Base says where the base credential came from: Source itself, if no role was assumed.
func (c *Credentials) Base() string {
	if c.base != "" {
		return c.base
	}
	return c.Source
}

// life is the whole life of c as we saw it begin.
func (c *Credentials) life() time.Duration {
	if c == nil || c.born.IsZero() {
		return forever
	}
	return c.Left(c.born)
}

// same reports whether a and b are the same key: it compares what is sent, not where it came from.
func same(a, b *Credentials) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Secret == b.Secret && a.Token == b.Token
}

// String tells which key it is, not what it is.
func (c Credentials) String() string {
	s := "key " + Short(c.ID)
	if c.Source != "" {
		s += " from " + c.Source
	}
	if !c.Expires.IsZero() {
		s += " until " + c.Expires.UTC().Format(time.RFC3339)
	}
	return s
}

// GoString implements fmt.GoStringer.
func (c Credentials) GoString() string { return "creds.Credentials(" + c.String() + ")" }

// Format implements fmt.Formatter, so that no verb reaches the fields.
func (c Credentials) Format(f fmt.State, verb rune) { format(f, verb, c.String(), c.GoString()) }

// LogValue implements slog.LogValuer.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText implements encoding.TextMarshaler; JSON uses it too.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// format writes plain for every verb but %q and %#v.
func format(f fmt.State, verb rune, plain, source string) {
	switch {
	case verb == 'q':
		plain = strconv.Quote(plain)
	case verb == 'v' && f.Flag('#'):
		plain = source
	}
	_, _ = io.WriteString(f, plain)
}

// Short returns an AccessKey id that can be shown: the first four and the last two characters.
func Short(id string) string {
	if len(id) < 10 {
		return id[:min(2, len(id))] + "…"
	}
	return id[:4] + "…" + id[len(id)-2:]
}
