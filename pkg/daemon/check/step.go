package check

// Status is how a link was found.
type Status string

// The statuses.
const (
	OK         Status = "ok"
	Warn       Status = "warn" // works, and deserves a look
	Fail       Status = "fail"
	Skipped    Status = "skipped"     // not wanted, or not needed
	NotReached Status = "not_reached" // something before it is broken
)

// Party is who can mend something.
type Party string

// The parties.
const (
	Owner         Party = "owner"         // account A: owns the Logstore and the role
	Caller        Party = "caller"        // account B: owns the hosts and the base key
	Either        Party = "either"        // one of the two; the service does not tell which
	Configuration Party = "configuration" // shipper's settings
	Host          Party = "host"          // this machine
	Service       Party = "service"       // nobody: it passes by itself
)

// Names of the steps, in their order.
const (
	StepConfig     = "config"
	StepFiles      = "files"
	StepRotation   = "rotation"
	StepState      = "state"
	StepLimits     = "limits"
	StepClock      = "clock"
	StepNetwork    = "network"
	StepCredential = "credential"
	StepAssume     = "assume_role"
	StepAccount    = "account"
	StepSession    = "session_policy"
	StepWrite      = "write"
	StepReadBack   = "read_back"
)

// Schema is the version of Report as JSON.
const Schema = 1

// Report is what a check found.
type Report struct {
	Schema int    `json:"schema"`
	OK     bool   `json:"ok"` // nothing failed; there may be warnings
	Steps  []Step `json:"steps"`
}

// Step is one link.
type Step struct {
	Name    string   `json:"name"`
	Target  string   `json:"target"` // "" for what concerns the whole host
	Status  Status   `json:"status"`
	Code    string   `json:"code"`    // SHP-...; "" when there is nothing to say
	Detail  string   `json:"detail"`  // what was found, for people; may have several lines
	Cause   string   `json:"cause"`   // what is the matter
	Whose   Party    `json:"whose"`   // who can mend it
	Account string   `json:"account"` // of that party, when it is known
	Fix     []string `json:"fix"`     // what to do, in order; an entry that begins with "{" is a document to paste
	TookMS  int64    `json:"took_ms"`

	kind kind
}

// kind is what a failure means for the exit code.
type kind uint8

const (
	problem     kind = iota
	denied           // the cloud said no
	unreachable      // nobody answered, or somebody else did
)

// Outcome sums a report up.
type Outcome int

// Outcomes.
const (
	Passed      Outcome = iota // nothing failed
	Problem                    // something failed on this host or in the configuration, or of several kinds
	Denied                     // all that failed are refusals by the cloud
	Unreachable                // all that failed are endpoints that cannot be reached
)

// Outcome looks at what failed.
func (r Report) Outcome() Outcome {
	seen := map[kind]bool{}
	for _, s := range r.Steps {
		if s.Status == Fail {
			seen[s.kind] = true
		}
	}
	switch {
	case len(seen) == 0:
		return Passed
	case len(seen) == 1 && seen[denied]:
		return Denied
	case len(seen) == 1 && seen[unreachable]:
		return Unreachable
	}
	return Problem
}

// Count counts the steps of a status.
func (r Report) Count(s Status) int {
	n := 0
	for _, step := range r.Steps {
		if step.Status == s {
			n++
		}
	}
	return n
}

func (s *Step) ok(detail string) { s.Status, s.Detail = OK, detail }

func (s *Step) skip(detail string) { s.Status, s.Detail = Skipped, detail }

// trouble is what a Step says when something is wrong.
type trouble struct {
	code    string
	detail  string
	cause   string
	whose   Party
	account string
	fix     []string
	kind    kind
}

func (s *Step) fail(t trouble) { s.take(Fail, t) }
func (s *Step) warn(t trouble) { s.take(Warn, t) }

func (s *Step) take(status Status, t trouble) {
	s.Status, s.Code, s.Cause, s.Whose, s.Account, s.kind = status, t.code, t.cause, t.whose, t.account, t.kind
	if t.detail != "" {
		s.Detail = t.detail
	}
	s.Fix = append(s.Fix, t.fix...)
}
