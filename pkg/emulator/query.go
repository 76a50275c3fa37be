package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// search is a query that all of its terms must fit. It knows `*`, words, and `key: value`, joined by "and" or blanks; a word
// fits where it is part of any value. SQL and everything else of the query language it refuses rather than guesses.
type search []term

type term struct{ key, word string }

// parseQuery reads a query.
func parseQuery(s string) (search, *fail) {
	unknown := failf(http.StatusBadRequest, "ParameterInvalid", "the emulator takes *, words and key: value in a query, not : %s", s)
	if strings.ContainsAny(s, "|()<>=") {
		return nil, unknown
	}
	var out search
	words := strings.Fields(strings.ReplaceAll(s, ":", ": "))
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch low := strings.ToLower(w); {
		case low == "and" || w == "*":
			continue
		case low == "or" || low == "not":
			return nil, unknown
		}
		t := term{word: strings.Trim(w, `"`)}
		if key, ok := strings.CutSuffix(w, ":"); ok && i+1 < len(words) {
			i++
			t = term{key: strings.Trim(key, `"`), word: strings.Trim(words[i], `"`)}
		}
		out = append(out, t)
	}
	return out, nil
}

// fits reports whether a log matches.
func (s search) fits(fields []Content) bool {
	for _, t := range s {
		if !slices.ContainsFunc(fields, func(f Content) bool {
			return (t.key == "" || t.key == f.Key) && (t.word == "*" || strings.Contains(f.Value, t.word))
		}) {
			return false
		}
	}
	return true
}

// filter returns the LogGroup with the matching logs only, and how many there are.
func (s search) filter(wire []byte) (out []byte, n int) {
	_ = visit(wire, func(f field) error {
		switch {
		case f.kind != wireBytes: // no field of the schema
		case f.number != 1:
			out = appendBytes(out, f.number, f.data)
		case s.fits(decodeLog(f.data).Contents):
			out = appendBytes(out, 1, f.data)
			n++
		}
		return nil
	})
	return out, n
}

// hit is one log in the answer of a query.
type hit struct {
	at     time.Time
	fields []Content
}

// hits returns the logs of [from, to) that match, by time.
func (c *call) hits(from, to int64, s search) ([]hit, *fail) {
	c.e.mu.Lock()
	_, f := c.logstore(c.arg("logstore"))
	c.e.mu.Unlock()
	if f != nil {
		return nil, f
	}
	var out []hit
	for _, g := range c.e.ReadAll(c.target.project, c.arg("logstore")) {
		for _, l := range g.Logs {
			if at := l.Time.Unix(); at < from || at >= to {
				continue
			}
			fields := append(l.Contents, Content{"__topic__", g.Topic}, Content{"__source__", g.Source},
				Content{"__time__", strconv.FormatInt(l.Time.Unix(), 10)})
			for _, t := range g.Tags {
				fields = append(fields, Content{"__tag__:" + t.Key, t.Value})
			}
			if s.fits(fields) {
				out = append(out, hit{l.Time, fields})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b hit) int { return a.at.Compare(b.at) })
	return out, nil
}

// logsRequest is the body of GetLogsV3 and, in the query, of GetLogs.
type logsRequest struct {
	From    int64  `json:"from"`
	To      int64  `json:"to"`
	Line    int    `json:"line"`
	Offset  int    `json:"offset"`
	Reverse bool   `json:"reverse"`
	Query   string `json:"query"`
	Topic   string `json:"topic"`
}

// find answers a request with at most Line rows.
func (c *call) find(q logsRequest) ([]map[string]string, *fail) {
	s, f := parseQuery(q.Query)
	if f != nil {
		return nil, f
	}
	if q.Topic != "" {
		s = append(s, term{"__topic__", q.Topic})
	}
	hits, f := c.hits(q.From, q.To, s)
	if f != nil {
		return nil, f
	}
	if q.Reverse {
		slices.Reverse(hits)
	}
	if q.Line <= 0 || q.Line > 100 {
		q.Line = 100
	}
	hits = hits[min(max(q.Offset, 0), len(hits)):]
	hits = hits[:min(q.Line, len(hits))]
	rows := make([]map[string]string, 0, len(hits))
	for _, h := range hits {
		row := map[string]string{}
		for _, c := range h.fields {
			row[c.Key] = c.Value
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// getLogsV3 answers POST .../logs. The answer is plain JSON: clients take it without x-log-bodyrawsize.
func (c *call) getLogsV3() *fail {
	var q logsRequest
	if f := c.decodeBody(&q); f != nil {
		return f
	}
	rows, f := c.find(q)
	if f != nil {
		return f
	}
	writeJSON(c.w, http.StatusOK, map[string]any{
		"meta": map[string]any{
			"progress": "Complete", "count": len(rows), "processedRows": len(rows), "elapsedMillisecond": 1, "hasSQL": false,
			"whereQuery": q.Query, "aggQuery": "", "isAccurate": true, "mode": 0, "telementryType": "None",
		},
		"data": rows,
	})
	return nil
}

// timeRange reads from and to of a query.
func (c *call) timeRange() (from, to int, f *fail) {
	q := c.r.URL.Query()
	for _, name := range []string{"from", "to"} {
		if !q.Has(name) {
			return 0, 0, failf(http.StatusBadRequest, "MissingParameter", "Missing query key : %s", name)
		}
	}
	if from, f = number(q, "from", 0); f != nil {
		return 0, 0, f
	}
	if to, f = number(q, "to", 0); f != nil {
		return 0, 0, f
	}
	if from < 0 || to <= from || to > 1<<40 {
		return 0, 0, failf(http.StatusBadRequest, "ParameterInvalid", "parameter from or to is invalid : %d, %d", from, to)
	}
	return from, to, nil
}

// getLogs answers GET ?type=log, the older form: a bare array and two headers.
func (c *call) getLogs() *fail {
	from, to, f := c.timeRange()
	if f != nil {
		return f
	}
	q := c.r.URL.Query()
	req := logsRequest{From: int64(from), To: int64(to), Query: q.Get("query"), Topic: q.Get("topic"), Reverse: q.Get("reverse") == "true"}
	if req.Line, f = number(q, "line", 100); f != nil {
		return f
	}
	if req.Offset, f = number(q, "offset", 0); f != nil {
		return f
	}
	rows, f := c.find(req)
	if f != nil {
		return f
	}
	c.w.Header().Set("x-log-progress", "Complete")
	c.w.Header().Set("x-log-count", strconv.Itoa(len(rows)))
	writeJSON(c.w, http.StatusOK, rows)
	return nil
}

// getHistograms answers GET ?type=histogram: the range in equal parts, with a count for each.
func (c *call) getHistograms() *fail {
	from, to, f := c.timeRange()
	if f != nil {
		return f
	}
	q := c.r.URL.Query()
	step, f := number(q, "interval", 0)
	if f != nil {
		return f
	}
	s, f := parseQuery(q.Get("query"))
	if f != nil {
		return f
	}
	if t := q.Get("topic"); t != "" {
		s = append(s, term{"__topic__", t})
	}
	hits, f := c.hits(int64(from), int64(to), s)
	if f != nil {
		return f
	}
	step = max(step, (to-from+59)/60) // at most 60 parts
	type part struct {
		From     int    `json:"from"`
		To       int    `json:"to"`
		Count    int    `json:"count"`
		Progress string `json:"progress"`
	}
	var parts []part
	for at := from; at < to; at += step {
		parts = append(parts, part{at, min(at+step, to), 0, "Complete"})
	}
	for _, h := range hits {
		parts[(int(h.at.Unix())-from)/step].Count++
	}
	c.w.Header().Set("x-log-progress", "Complete")
	c.w.Header().Set("x-log-count", strconv.Itoa(len(hits)))
	writeJSON(c.w, http.StatusOK, parts)
	return nil
}
