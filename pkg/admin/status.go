package admin

import "time"

// Schema is the version of the JSON shape of Status. Fields are added without raising it; none is renamed or removed.
const Schema = 1

// Status is what GET /status and `status --json` show.
type Status struct {
	Schema  int            `json:"schema"`
	Version string         `json:"version"`
	Started time.Time      `json:"started_at"`
	Ready   bool           `json:"ready"`
	Reasons []string       `json:"reasons"` // why it is not ready, or what else needs somebody's eye; empty when all is well
	Targets []TargetStatus `json:"targets"`
	Inputs  []InputStatus  `json:"inputs"`
	Memory  MemoryStatus   `json:"memory"`
	Config  ConfigStatus   `json:"config"`
}

// ConfigStatus is the configuration that is in use.
type ConfigStatus struct {
	Hash     string    `json:"hash"` // of the effective settings
	LoadedAt time.Time `json:"loaded_at"`
	Error    string    `json:"error"` // why the last reload changed nothing; "" after one that worked
}

// TargetStatus is one [target.NAME].
type TargetStatus struct {
	Name           string     `json:"name"`
	Project        string     `json:"project"`
	Logstore       string     `json:"logstore"`
	Endpoint       string     `json:"endpoint"`
	RoleARN        string     `json:"role_arn"`
	Up             bool       `json:"up"`     // the last request was accepted, or none was needed yet
	Reason         string     `json:"reason"` // why it takes no lines now, whose fix that is; "" when it does
	TokenExpiresAt *time.Time `json:"token_expires_at"`
	TokenRefreshes int64      `json:"token_refreshes"`
	TokenFailures  int64      `json:"token_failures"`
	TokenRejected  int64      `json:"token_rejected"` // requests refused for their credentials; stays 0 through every rotation
	InFlight       int        `json:"in_flight"`
	InFlightLimit  int        `json:"in_flight_limit"`
	AckedLogs      int64      `json:"acked_logs"`
	AckedBytes     int64      `json:"acked_bytes"`
	DeadLogs       int64      `json:"dead_logs"`
	ExactlyOnce    bool       `json:"exactly_once"`
	Unanswered     int        `json:"unanswered_requests"`     // numbered and kept on the disk: not answered yet
	Resent         int64      `json:"resent_requests"`         // sent again under their number
	AlreadyStored  int64      `json:"already_stored_requests"` // of those, the ones that had arrived before
	Requests       int64      `json:"requests"`
	LastAckAt      *time.Time `json:"last_ack_at"`
	LastError      *LastError `json:"last_error"`
}

// LastError is the newest answer that was no success. It stays visible after the trouble is over; At tells.
type LastError struct {
	ID      string    `json:"id"` // stable code, "SHP-P401": shipper explain
	Verdict string    `json:"verdict"`
	Code    string    `json:"code"` // of the service
	Message string    `json:"message"`
	At      time.Time `json:"at"`
}

// InputStatus is one input on its way to one target.
type InputStatus struct {
	Name   string       `json:"name"`
	Target string       `json:"target"`
	Files  []FileStatus `json:"files"`
}

// FileStatus is one stream: one content of one file. Byte counts are of the file; for them
// read = acked + pending + dead + lost + skipped at every moment.
type FileStatus struct {
	Path       string  `json:"path"`
	Dev        uint64  `json:"dev"`
	Ino        uint64  `json:"ino"`
	Epoch      uint64  `json:"epoch"`
	Size       int64   `json:"size"`
	Offset     int64   `json:"offset"` // everything before it is settled
	Read       int64   `json:"read"`
	Acked      int64   `json:"acked"`
	Pending    int64   `json:"pending"`
	Dead       int64   `json:"dead"`
	Lost       int64   `json:"lost"`
	Skipped    int64   `json:"skipped"`
	LagBytes   int64   `json:"lag_bytes"`   // bytes of the file that the service does not have yet
	LagSeconds float64 `json:"lag_seconds"` // how long the oldest of them has been waiting, at least
	State      string  `json:"state"`
	Pinned     int64   `json:"pinned_bytes,omitempty"` // disk space that is held although the file was deleted; two targets of one file show the same
	Error      string  `json:"error,omitempty"`
}

// MemoryStatus is the memory account of max_memory, in bytes.
type MemoryStatus struct {
	Used  int64 `json:"used"`
	Limit int64 `json:"limit"`
}

// Snapshot is a Status and the figures that only /metrics shows.
type Snapshot struct {
	Status
	Metrics []Sample
}

// Sample is one figure of a metric in the table of metrics.go.
type Sample struct {
	Name   string
	Labels []string // values, in the order of the metric's label names
	Value  float64

	Histogram *Buckets // instead of Value, for a histogram
}

// Buckets is a histogram as it stands.
type Buckets struct {
	Bounds []float64 // upper bounds, rising; +Inf is left out
	Counts []uint64  // observations up to the bound (cumulative); one for each of Bounds
	Count  uint64    // all observations
	Sum    float64
}
