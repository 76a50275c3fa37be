package admin

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// TapRequest says what somebody wants to see of the logs that go by.
type TapRequest struct {
	Input, Target string // names; "" = all
	File          string // a part of the path; "" = all
	Rate          int    // logs a second that are shown at most, 1 to MaxTapRate
	Inspect       bool   // also what each step did, and the logs that are dropped
}

// DefaultTapRate and MaxTapRate bound what the daemon copies for somebody who looks on, in logs a second.
const (
	DefaultTapRate = 10
	MaxTapRate     = 1000
)

// TapEvent is one line of the answer to GET /tap: a log, or the counts that follow each second. It is the only answer of
// the server that shows what a line holds.
type TapEvent struct {
	Log    *TapLog    `json:"log,omitempty"`
	Counts *TapCounts `json:"counts,omitempty"`
}

// TapCounts tells how much went by. What was not shown was sent all the same.
type TapCounts struct {
	Seen  int64 `json:"seen"`  // logs of the inputs, targets and files that are asked for, since then; dropped ones may be among them
	Shown int64 `json:"shown"` // those of them that were handed over
}

// TapLog is a log on its way into a batch.
type TapLog struct {
	Input   string     `json:"input"`
	Target  string     `json:"target"`
	Path    string     `json:"path"`
	Time    time.Time  `json:"time"`
	Fields  []TapField `json:"fields"`
	Dropped bool       `json:"dropped,omitempty"` // a step left it out
	Stages  []TapStage `json:"stages,omitempty"`  // with Inspect: what each step made of it
}

// TapStage is the log after the format or a step.
type TapStage struct {
	Name   string     `json:"name"`
	Note   string     `json:"note,omitempty"`
	Fields []TapField `json:"fields"`
}

// TapField is a field of a log. Of a long value only the beginning is there.
type TapField struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Cut   int    `json:"cut,omitempty"` // bytes that are left out at its end
}

// Tap is somebody looking on.
type Tap interface {
	Logs() <-chan TapLog // never closed
	Counts() TapCounts
	Close()
}

// ErrTaps is the answer to one too many.
var ErrTaps = errors.New("too many are looking on already")

// tap streams TapEvents as JSON, one a line, until the client goes away. Like reload it is for those whom the socket's file mode lets
// in: logs are nobody else's business.
func (s *Server) tap(w http.ResponseWriter, r *http.Request) {
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); !ok || at.Network() != "unix" || s.o.Tap == nil {
		http.Error(w, "tap is served on the unix socket only", http.StatusForbidden)
		return
	}
	q := r.URL.Query()
	req := TapRequest{Input: q.Get("input"), Target: q.Get("target"), File: q.Get("file"), Rate: DefaultTapRate, Inspect: q.Get("inspect") == "true"}
	if n, err := strconv.Atoi(q.Get("rate")); err == nil {
		req.Rate = min(max(n, 1), MaxTapRate)
	}
	t, err := s.o.Tap(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer t.Close()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	send := func(e TapEvent) bool {
		_ = out.SetWriteDeadline(time.Now().Add(tapPatience)) // instead of the server's, which is for whole answers
		return json.NewEncoder(w).Encode(e) == nil && out.Flush() == nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ok := send(TapEvent{Counts: new(t.Counts())}); ok; {
		select {
		case log := <-t.Logs():
			ok = send(TapEvent{Log: &log})
		case <-tick.C: // also finds out that the client is gone
			ok = send(TapEvent{Counts: new(t.Counts())})
		case <-r.Context().Done():
			return
		}
	}
}

// tapPatience is how long a client may take to read a line before it is given up.
const tapPatience = 5 * time.Second
