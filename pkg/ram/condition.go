package ram

import (
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// operator is one condition operator: check refuses a value it cannot compare with, fits compares what the request carries
// with one value of the document. A negated operator holds when no value fits.
type operator struct {
	check  func(want string) error
	fits   func(got, want string) bool
	negate bool
}

// operators are all of the documented ones (RAM: policy elements, Condition).
var operators = map[string]operator{
	"StringEquals":              {check: anything, fits: equal},
	"StringNotEquals":           {check: anything, fits: equal, negate: true},
	"StringEqualsIgnoreCase":    {check: anything, fits: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {check: anything, fits: strings.EqualFold, negate: true},
	"StringLike":                {check: anything, fits: like},
	"StringNotLike":             {check: anything, fits: like, negate: true},

	"NumericEquals":            {check: isNumber, fits: numeric(func(c int) bool { return c == 0 })},
	"NumericNotEquals":         {check: isNumber, fits: numeric(func(c int) bool { return c == 0 }), negate: true},
	"NumericLessThan":          {check: isNumber, fits: numeric(func(c int) bool { return c < 0 })},
	"NumericLessThanEquals":    {check: isNumber, fits: numeric(func(c int) bool { return c <= 0 })},
	"NumericGreaterThan":       {check: isNumber, fits: numeric(func(c int) bool { return c > 0 })},
	"NumericGreaterThanEquals": {check: isNumber, fits: numeric(func(c int) bool { return c >= 0 })},

	"DateEquals":            {check: isDate, fits: dated(func(c int) bool { return c == 0 })},
	"DateNotEquals":         {check: isDate, fits: dated(func(c int) bool { return c == 0 }), negate: true},
	"DateLessThan":          {check: isDate, fits: dated(func(c int) bool { return c < 0 })},
	"DateLessThanEquals":    {check: isDate, fits: dated(func(c int) bool { return c <= 0 })},
	"DateGreaterThan":       {check: isDate, fits: dated(func(c int) bool { return c > 0 })},
	"DateGreaterThanEquals": {check: isDate, fits: dated(func(c int) bool { return c >= 0 })},

	"Bool": {check: isBool, fits: strings.EqualFold},

	"IpAddress":    {check: isRange, fits: within},
	"NotIpAddress": {check: isRange, fits: within, negate: true},
}

func operatorNames() []string { return slices.Sorted(maps.Keys(operators)) }

// Holds reports whether the condition is true for a request with this context.
// An operator that does not exist holds never; Parse does not let one in.
func (c Condition) Holds(ctx Context) bool {
	op, ok := operators[c.Operator]
	if !ok {
		return false
	}
	got, present := ctx[c.Key]
	if !present {
		return op.negate
	}
	fits := slices.ContainsFunc(c.Values, func(want string) bool { return op.fits(got, want) })
	return fits != op.negate
}

func (c Condition) String() string {
	return fmt.Sprintf("%s %s %s", c.Key, c.Operator, strings.Join(c.Values, " or "))
}

func anything(string) error        { return nil }
func equal(got, want string) bool  { return got == want }
func like(got, want string) bool   { return Match(want, got) }
func within(got, want string) bool { return contains(want, got) }

func isNumber(s string) error {
	if number(s) == nil {
		return fmt.Errorf("%q is not a number", short(s))
	}
	return nil
}

// number reads a decimal number. The exponent of a big.Rat could be enormous, so only plain notation of sane length counts.
func number(s string) *big.Rat {
	if len(s) > 64 || s == "" || strings.Trim(s, "+-.0123456789") != "" {
		return nil
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return r
}

func numeric(holds func(int) bool) func(got, want string) bool {
	return func(got, want string) bool {
		g, w := number(got), number(want)
		return g != nil && w != nil && holds(g.Cmp(w))
	}
}

func isDate(s string) error {
	if _, ok := date(s); !ok {
		return fmt.Errorf("%q is not an ISO 8601 time such as 2030-01-31T08:00:00Z", short(s))
	}
	return nil
}

// date reads the forms that RAM's pages use; fractions of a second are allowed.
func date(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05-0700", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func dated(holds func(int) bool) func(got, want string) bool {
	return func(got, want string) bool {
		g, gok := date(got)
		w, wok := date(want)
		return gok && wok && holds(g.Compare(w))
	}
}

func isBool(s string) error {
	if !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		return fmt.Errorf("%q is neither true nor false", short(s))
	}
	return nil
}

func isRange(s string) error {
	if _, ok := ipRange(s); !ok {
		return fmt.Errorf("%q is neither an address nor a range such as 203.0.113.0/24", short(s))
	}
	return nil
}

func ipRange(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

func contains(want, got string) bool {
	p, ok := ipRange(want)
	a, err := netip.ParseAddr(got)
	return ok && err == nil && (p.Contains(a) || p.Contains(a.Unmap()))
}
