package producer

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Reply is what came back for one request.
type Reply struct {
	Status    int    // HTTP status
	RequestID string // x-log-requestid; "" when it was not Log Service that answered
	Code      string // errorCode
	Message   string // errorMessage, or the beginning of a body that is no error document
	// Time is the service's clock when it answered: x-log-time if sent, else Date. Zero if neither can be read, or when it
	// was not the service that answered.
	Time time.Time
	// Offset is Time minus our clock at the middle of the request.
	Offset time.Duration
	// Sent: the whole request went out, so the service may have it even if no answer came.
	Sent bool
	Took time.Duration

	detail accessDeniedDetail
}

// accessDeniedDetail is what newer answers add to a denial (aliyun-log-java-sdk reads it).
type accessDeniedDetail struct {
	PolicyType       string
	NoPermissionType string
}

// maxMessage bounds what of a foreign text reaches logs and status, in bytes.
const maxMessage = 300

// read fills r from an answer. body is at most maxAnswer bytes long.
func (r *Reply) read(resp *http.Response, body []byte) {
	r.Status = resp.StatusCode
	r.RequestID = clip(resp.Header.Get("x-log-requestid"))
	if r.RequestID != "" {
		r.Time = serverTime(resp.Header)
	}
	if r.Status == http.StatusOK && r.RequestID != "" {
		return
	}
	var doc struct {
		Code    string             `json:"errorCode"`
		Message string             `json:"errorMessage"`
		Detail  accessDeniedDetail `json:"accessDeniedDetail"`
	}
	_ = json.Unmarshal(body, &doc) // of a document that is only partly one, what could be read counts
	if doc.Code != "" || doc.Message != "" {
		r.Code, r.Message, r.detail = clip(doc.Code), clip(doc.Message), doc.Detail
		return
	}
	r.Code, r.Message = "NotLogService", clip(string(body))
	if r.RequestID != "" {
		r.Code = ""
	}
	if strings.HasPrefix(r.Message, "<") || strings.Contains(resp.Header.Get("Content-Type"), "html") {
		r.Message = "an HTML page"
	}
	if where := resp.Header.Get("Location"); where != "" {
		r.Message = "a redirection to " + clip(where)
	}
}

// serverTime reads the service's clock out of an answer.
func serverTime(h http.Header) time.Time {
	if secs, err := strconv.ParseInt(h.Get("x-log-time"), 10, 64); err == nil && secs > 9e8 && secs < 1e11 {
		return time.Unix(secs, 0)
	}
	t, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return t
}

// clip makes a text from outside fit for a log line.
func clip(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > maxMessage {
		cut := maxMessage
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}
