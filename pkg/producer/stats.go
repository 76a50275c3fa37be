package producer

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats is what status and metrics show of a target. Counts are since New.
type Stats struct {
	AckedLogs  int64
	AckedBytes int64            // of log files
	DeadLogs   int64            // logs in the dead-letter store
	Dead       map[string]int64 // the same by errorCode
	Mended     int64            // logs that were changed so that the service takes them

	Requests            map[Result]int64
	Durations           Histogram // of every request that got an answer or failed
	SentRaw             int64     // bytes before compression, accepted requests only
	SentCompressed      int64     // bytes on the wire, accepted requests only
	RepeatsPossible     int64     // logs in requests that were sent and not answered: they may be stored twice
	Resent              int64     // with exactly_once: requests sent again under their number, because nobody knew whether they had arrived
	AlreadyStored       int64     // of those, the ones that had
	CredentialsRejected int64     // requests refused for their credentials; 0 through every rotation

	InFlight      int
	InFlightLimit int
	LastAck       time.Time // zero before the first
	LastError     *LastError
	Held          bool   // delivery waits for somebody to change something
	HeldReason    string // why, for people; "" when not held
	HeldSince     time.Time
	Unkept        int           // senders that wait because a dead letter cannot be written
	UnkeptReason  string        // why it cannot; "" when none waits
	ClockOffset   time.Duration // the service's clock minus ours, as requests are signed with
	Up            bool          // see Producer.Up
	DownSince     time.Time     // when the first request in a row was not accepted; zero while they are
}

// LastError is the newest answer that was no success. It stays after the trouble is over.
type LastError struct {
	Finding
	At time.Time
}

// Histogram counts durations.
type Histogram struct {
	Bounds []float64 // upper bounds in seconds, rising; +Inf is left out
	Counts []uint64  // observations up to the bound (cumulative); one for each of Bounds
	Count  uint64    // all observations
	Sum    float64   // seconds
}

// bounds reach from a Logstore in the same zone to the request timeout.
var bounds = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// histogram is a Histogram that is being filled.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d.Seconds() > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) snapshot() Histogram {
	out := Histogram{Bounds: bounds[:], Counts: make([]uint64, len(bounds)), Sum: time.Duration(h.sum.Load()).Seconds()}
	for i := range h.counts {
		out.Count += h.counts[i].Load()
		if i < len(bounds) {
			out.Counts[i] = out.Count
		}
	}
	return out
}

// meter keeps the figures of a Producer.
type meter struct {
	ackedLogs, ackedBytes, deadLogs, mended      atomic.Int64
	sentRaw, sentCompressed, repeats, noGoodKeys atomic.Int64
	resent, already                              atomic.Int64
	results                                      [len(Results)]atomic.Int64
	durations                                    histogram
	lastAck                                      atomic.Int64 // Unix nanoseconds
	downSince                                    atomic.Int64 // Unix nanoseconds; 0: the last request was accepted

	mu        sync.Mutex
	lastError *LastError
	dead      map[string]int64
	heldWhy   string
	heldSince time.Time
}

func (m *meter) count(r Result) {
	for i := range Results {
		if Results[i] == r {
			m.results[i].Add(1)
		}
	}
}

func (m *meter) fail(f Finding, at time.Time) {
	m.downSince.CompareAndSwap(0, at.UnixNano())
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastError = &LastError{Finding: f, At: at}
}

func (m *meter) bury(code string, logs int) {
	m.deadLogs.Add(int64(logs))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead == nil {
		m.dead = make(map[string]int64)
	}
	if _, known := m.dead[code]; !known && len(m.dead) >= 32 {
		code = "other" // codes come from outside
	}
	m.dead[code] += int64(logs)
}

func (m *meter) hold(why string, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heldSince.IsZero() {
		m.heldSince = at
	}
	m.heldWhy = why
}

func (m *meter) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heldWhy, m.heldSince = "", time.Time{}
}

// Stats returns the present figures.
func (p *Producer) Stats() Stats {
	m := &p.meter
	s := Stats{
		AckedLogs: m.ackedLogs.Load(), AckedBytes: m.ackedBytes.Load(), DeadLogs: m.deadLogs.Load(), Mended: m.mended.Load(),
		Requests: make(map[Result]int64, len(Results)), Durations: m.durations.snapshot(),
		SentRaw: m.sentRaw.Load(), SentCompressed: m.sentCompressed.Load(), RepeatsPossible: m.repeats.Load(), Resent: m.resent.Load(), AlreadyStored: m.already.Load(),
		CredentialsRejected: m.noGoodKeys.Load(), ClockOffset: time.Duration(p.offset.Load()),
		Dead: make(map[string]int64), Up: p.Up(),
	}
	for i, r := range Results {
		s.Requests[r] = m.results[i].Load()
	}
	if at := m.lastAck.Load(); at != 0 {
		s.LastAck = time.Unix(0, at)
	}
	if at := m.downSince.Load(); at != 0 {
		s.DownSince = time.Unix(0, at)
	}
	s.InFlight, s.InFlightLimit, s.Held = p.gate.state()
	s.Unkept, s.UnkeptReason = p.unkept.state()
	m.mu.Lock()
	defer m.mu.Unlock()
	s.LastError = m.lastError
	for code, n := range m.dead {
		s.Dead[code] = n
	}
	if s.Held {
		s.HeldReason, s.HeldSince = m.heldWhy, m.heldSince
	}
	return s
}

// Up reports whether the target takes what it is sent: the last request was accepted, or none was needed yet, and nothing is
// held.
func (p *Producer) Up() bool {
	_, _, held := p.gate.state()
	return !held && p.meter.downSince.Load() == 0
}
