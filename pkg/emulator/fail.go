package emulator

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fail is an answer other than 200: the service's code and text, and for the operator the reason behind them.
type fail struct {
	Status  int
	Code    string
	Message string
	Detail  *denial // accessDeniedDetail, where a policy said no
	Why     string  // for the log alone
}

func (f *fail) Error() string { return f.Code + ": " + f.Message }

// failf makes a fail.
func failf(status int, code, format string, args ...any) *fail {
	return &fail{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// because returns f with the reason for the log.
func (f *fail) because(format string, args ...any) *fail {
	f.Why = fmt.Sprintf(format, args...)
	return f
}

// denial is the accessDeniedDetail of an answer: which kind of policy said no, to whom, about what.
type denial struct {
	AuthAction       string
	AuthPrincipal    string `json:"AuthPrincipalDisplayName"`
	AuthOwner        string `json:"AuthPrincipalOwnerId"`
	AuthType         string `json:"AuthPrincipalType"` // SubUser, AssumedRoleUser, Account
	NoPermissionType string // ImplicitDeny, ExplicitDeny
	PolicyType       string // AccountLevelIdentityBasedPolicy, AssumeRolePolicy, SessionPolicy
}

// requestID is what Log Service calls a request: 24 upper-case hexadecimal digits.
func requestID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return strings.ToUpper(hex.EncodeToString(b[:]))
}

// stamp sets the headers that every answer of Log Service has.
func stamp(h http.Header, id string, now time.Time) {
	h.Set("Server", "AliyunSLS")
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("x-log-requestid", id)
	h.Set("x-log-time", strconv.FormatInt(now.Unix(), 10))
}

// writeFail answers as Log Service does.
func writeFail(w http.ResponseWriter, f *fail) {
	body := struct {
		Code    string  `json:"errorCode"`
		Message string  `json:"errorMessage"`
		Detail  *denial `json:"accessDeniedDetail,omitempty"`
	}{f.Code, f.Message, f.Detail}
	writeJSON(w, f.Status, body)
}

// writeJSON answers with v, whose shape is ours and always encodes.
func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // the caller has gone away if this fails; nobody is left to tell
}

// expired reports whether f refuses a session for its age, in Log Service or in STS.
func (f *fail) expired() bool {
	return f.Code == "InvalidSecurityToken.Expired" || f.Code == "Unauthorized" && strings.HasSuffix(f.Message, "has expired.")
}
