package creds

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// signature is RPC signature 1.0 over all parameters but Signature itself.
// Source: RAM API reference, "Signature mechanism"; alibaba-cloud-sdk-go rpc_signature_composer.go.
func signature(method string, form url.Values, secret string) string {
	params := url.Values{}
	for k, v := range form {
		if k != "Signature" {
			params[k] = v
		}
	}
	canonical := strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(params.Encode())
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + url.QueryEscape(canonical)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// skew is how far the service's clock is from ours. STS refuses a time stamp that is more than 15 minutes off.
type skew struct {
	offset atomic.Int64 // service − host in ns, ± 1 s; 0 = not learned
}

// bigSkew is the difference above which our own time stamps are corrected: far below the limit of 15 minutes, far above what a
// Date with whole seconds and a slow network can fake.
const bigSkew = 2 * time.Minute

// learn takes the Date of an answer to a request that was sent at t.
func (s *skew) learn(t, date time.Time) {
	d := date.Sub(t.Round(0))
	if d == 0 {
		d = 1 // known, and right
	}
	s.offset.Store(int64(d))
}

// get returns the offset, and whether it was learned.
func (s *skew) get() (time.Duration, bool) {
	d := time.Duration(s.offset.Load())
	return d, d != 0
}

// known reports whether time stamps have to be corrected.
func (s *skew) known() bool { d, _ := s.get(); return d.Abs() >= bigSkew }

// stamp is now as the service wants to read it.
func (s *skew) stamp(now time.Time) string {
	if d, _ := s.get(); s.known() {
		now = now.Add(d)
	}
	return now.UTC().Format("2006-01-02T15:04:05Z")
}
