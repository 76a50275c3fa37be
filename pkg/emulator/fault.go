package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Operations that a fault can be limited to.
const (
	OpAny  = "any"
	OpPost = "post" // PostLogStoreLogs
	OpPull = "pull" // cursors, PullLogs, queries, consumer groups
	OpMeta = "meta" // projects, Logstores, shards
	OpSTS  = "sts"
)

// Kinds of faults. What the name of each promises happens to a request in place of its proper treatment, unless it says
// otherwise.
const (
	ThrottleProject   = "throttle_project"   // 403 WriteQuotaExceed, for reads ReadQuotaExceed
	ThrottleShard     = "throttle_shard"     // 403 ShardWriteQuotaExceed, for reads ShardReadQuotaExceed
	ServerError       = "server_error"       // 500 InternalServerError, for STS InternalError
	ServerBusy        = "server_busy"        // 503 ServerBusy, for STS ServiceUnavailable
	BadGatewayHTML    = "bad_gateway_html"   // 502 with a page of HTML and no request id, as from a proxy
	CutBefore         = "cut_before"         // the connection is cut and nothing is stored
	CutAfter          = "cut_after"          // stored, then the connection is cut: the acknowledgement is lost
	NoAnswer          = "no_answer"          // nothing is stored and nothing answered until the client gives up
	NoRequestID       = "no_request_id"      // 200 without x-log-requestid and nothing stored: a captive portal
	ClockSkew         = "clock_skew"         // the server's clock is Skew ahead (default 1 h); served normally otherwise
	ExpiredToken      = "expired_token"      // 401 "The security token you provided has expired."
	InvalidToken      = "invalid_token"      // 401 "The security token you provided is invalid."
	SignatureMismatch = "signature_mismatch" // 401 SignatureNotMatch
	Revoke            = "revoke"             // 401 "denied by sts or ram", for STS 403 NoPermission
	STSThrottle       = "sts_throttle"       // 400 Throttling.User; STS only
	STSDown           = "sts_down"           // 503 ServiceUnavailable; STS only
	Slow              = "slow"               // served normally after Delay
	Forget            = "forget"             // every sequence id of the service is forgotten; served normally otherwise
	Answer            = "answer"             // the given Status, Code and Message
)

var faultKinds = []string{ThrottleProject, ThrottleShard, ServerError, ServerBusy, BadGatewayHTML, CutBefore, CutAfter, NoAnswer,
	NoRequestID, ClockSkew, ExpiredToken, InvalidToken, SignatureMismatch, Revoke, STSThrottle, STSDown, Slow, Forget, Answer}

// Fault is a way to misbehave. It ends when Count requests have met it or For is over, whichever is first.
type Fault struct {
	Op          string        // "" = any; the kinds that begin with sts_ mean sts
	Kind        string        // one of the constants above
	Count       int           // requests; 0 = any number
	Probability float64       // for each request; 0 = 1
	For         time.Duration // from Inject on; 0 = until Clear
	Delay       time.Duration // wait before, with any kind
	Skew        time.Duration // of ClockSkew
	Status      int           // of Answer
	Code        string        // of Answer
	Message     string        // of Answer
}

// faultJSON is Fault as the control API writes it.
type faultJSON struct {
	Op          string         `json:"op,omitempty"`
	Kind        string         `json:"kind"`
	Count       int            `json:"count,omitempty"`
	Probability float64        `json:"probability,omitempty"`
	For         units.Duration `json:"for,omitempty"`
	Delay       units.Duration `json:"delay,omitempty"`
	Skew        units.Duration `json:"skew,omitempty"`
	Status      int            `json:"status,omitempty"`
	Code        string         `json:"code,omitempty"`
	Message     string         `json:"message,omitempty"`
}

// MarshalJSON writes durations as "1m30s".
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultJSON{f.Op, f.Kind, f.Count, f.Probability, units.Duration(f.For), units.Duration(f.Delay),
		units.Duration(f.Skew), f.Status, f.Code, f.Message})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(b []byte) error {
	var j faultJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields() // a misspelt key would make another fault
	if err := dec.Decode(&j); err != nil {
		return fmt.Errorf("fault: %w", err)
	}
	*f = Fault{j.Op, j.Kind, j.Count, j.Probability, j.For.D(), j.Delay.D(), j.Skew.D(), j.Status, j.Code, j.Message}
	return nil
}

// Faults is the list of faults that are active.
type Faults struct {
	now func() time.Time

	mu   sync.Mutex // guards what follows
	dice *rand.Rand
	list []*activeFault
}

type activeFault struct {
	Fault
	until time.Time // zero = no end
}

func newFaults(now func() time.Time, dice *rand.Rand) *Faults { return &Faults{now: now, dice: dice} }

// Faults gives access to the emulator's faults.
func (e *Emulator) Faults() *Faults { return e.faults }

// Inject adds a fault. Where several fit a request, the oldest acts.
func (f *Faults) Inject(x Fault) error {
	if !slices.Contains(faultKinds, x.Kind) {
		return invalid.Key("kind", fmt.Sprintf("%q is no fault", x.Kind), strings.Join(faultKinds, ", "))
	}
	if x.Op == "" {
		x.Op = OpAny
		if strings.HasPrefix(x.Kind, "sts_") {
			x.Op = OpSTS
		}
	}
	if !slices.Contains([]string{OpAny, OpPost, OpPull, OpMeta, OpSTS}, x.Op) {
		return invalid.Key("op", fmt.Sprintf("%q is no operation", x.Op), "post, pull, meta, sts or any")
	}
	if x.Probability < 0 || x.Probability > 1 {
		return invalid.Key("probability", fmt.Sprintf("%v is out of range", x.Probability), "0 to 1")
	}
	if x.Count < 0 || x.For < 0 || x.Delay < 0 {
		return invalid.Key("count", "is negative, or for, or delay", "leave out what does not matter")
	}
	if x.Kind == Answer && (x.Status < 200 || x.Status > 599) {
		return invalid.Key("status", fmt.Sprintf("%d is no status", x.Status), "200 to 599")
	}
	if x.Kind == ClockSkew && x.Skew == 0 {
		x.Skew = time.Hour
	}
	a := &activeFault{Fault: x}
	if x.For > 0 {
		a.until = f.now().Add(x.For)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, a)
	return nil
}

// Clear removes every fault.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = nil
}

// List returns the faults that are active, with what is left of Count.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	out := make([]Fault, 0, len(f.list))
	for _, a := range f.list {
		out = append(out, a.Fault)
	}
	return out
}

func (f *Faults) expire() {
	now := f.now()
	f.list = slices.DeleteFunc(f.list, func(a *activeFault) bool { return !a.until.IsZero() && !now.Before(a.until) })
}

// draw decides whether a request of this operation goes wrong, and takes one from the count of the fault.
func (f *Faults) draw(op string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expire()
	for i, a := range f.list {
		if a.Op != OpAny && a.Op != op {
			continue
		}
		if a.Probability > 0 && f.dice.Float64() >= a.Probability {
			continue
		}
		drawn := a.Fault
		if a.Count > 0 {
			if a.Count--; a.Count == 0 {
				f.list = slices.Delete(f.list, i, i+1)
			}
		}
		return &drawn
	}
	return nil
}

// cut ends a connection without an answer. net/http recognises this panic and closes quietly; there is no other way that
// works for every version of HTTP.
func cut() { panic(http.ErrAbortHandler) }
