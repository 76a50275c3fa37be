package producer

import "fmt"

// Verdict says what an answer (or the lack of one) asks of us.
type Verdict uint8

// The nine verdicts. Rules tells which answers lead to which.
const (
	OK       Verdict = iota + 1 // stored: acknowledge
	Retry                       // nobody's fault, it passes: again after a while, for ever
	Throttle                    // a quota: longer waits, fewer requests at once, for ever
	Renew                       // these credentials are no good: a newer generation, sign again
	Hold                        // somebody must change something: the data waits, one probe at a time
	Clock                       // our clock is wrong: learn the difference, sign again
	Split                       // too large: halve at a log boundary
	Sanitise                    // a log in it is not acceptable: find it, mend it or dead-letter it alone
	Reject                      // the request is wrong in itself: find the log, dead letter after three tries
)

var verdictNames = [...]string{"", "ok", "retry", "throttle", "renew", "hold", "clock", "split", "sanitise", "reject"}

// String is the name that status, logs and documentation use.
func (v Verdict) String() string {
	if v == 0 || int(v) >= len(verdictNames) {
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
	return verdictNames[v]
}

// Result is what became of a request, in the words of the metric shipper_requests_total.
type Result string

// The results; every request has one.
const (
	ResultOK        Result = "ok"
	ResultThrottled Result = "throttled"
	ResultServer    Result = "server"   // the service failed
	ResultNetwork   Result = "network"  // no answer, or not from the service
	ResultDenied    Result = "denied"   // no permission, or no such place
	ResultExpired   Result = "expired"  // refused for its credentials
	ResultRejected  Result = "rejected" // refused for its content, size, form or date
)

// Results lists every Result in a fixed order.
var Results = [...]Result{ResultOK, ResultThrottled, ResultServer, ResultNetwork, ResultDenied, ResultExpired, ResultRejected}

// Party is who can put something right.
type Party string

// The parties of the two-account story.
const (
	Nobody  Party = "nobody: it passes by itself"
	Owner   Party = "the account that owns the Logstore"
	Caller  Party = "the account of this host"
	Host    Party = "this host: its network, proxy or clock"
	Setting Party = "the configuration"
	Shipper Party = "shipper: please report it"
	Data    Party = "whoever writes the log"
)

// Finding is a verdict with its reasons.
type Finding struct {
	Verdict   Verdict
	ID        string // stable code of the rule, such as "SHP-P301"
	Code      string // errorCode of the service, or a word of ours: "Network", "NotLogService"
	Message   string // errorMessage of the service or text of the error; AccessKey ids shortened
	Status    int    // HTTP status; 0 when there was no answer
	RequestID string // of the service; "" when it was not the service that answered
	Cause     string // one sentence: what is the matter
	Fix       string // one sentence: what to do; "" when there is nothing
	Whose     Party  // who can do it
	Result    Result // for the metric

	Denial  Denial // what a refusal of permission says; zero for others
	mend    mend   // what a Sanitise complains about
	slow    bool   // a Throttle of the whole project
	timeout bool   // a Retry because no answer came in time
}

func (f Finding) String() string {
	s := f.Verdict.String()
	if f.Code != "" {
		s += ": " + f.Code
	}
	if f.Message != "" {
		s += ": " + f.Message
	}
	return s
}
