package creds

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// fakeSTS is STS as a RoundTripper: it checks signatures for real and mints tokens with its own clock.
type fakeSTS struct {
	now  func() time.Time
	life time.Duration

	mu      sync.Mutex
	keys    map[string]string // id -> secret of base keys
	tokens  map[string]token  // id -> minted
	fault   func(form url.Values) *http.Response
	netErr  func() error
	calls   []url.Values
	account string // account of minted sessions; "" = that of the role
	owner   string // account of base keys
	maximum int    // DurationSeconds above it are refused
}

type token struct {
	secret, token string
	ends          time.Time
}

func newFakeSTS(life time.Duration) *fakeSTS {
	return &fakeSTS{now: time.Now, life: life, keys: map[string]string{"LTAIbase0001": "base-secret-1"}, tokens: map[string]token{}, owner: "2222222222222222", maximum: 43200}
}

func (f *fakeSTS) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, form)
	if r.URL.RawQuery != "" {
		return nil, fmt.Errorf("parameters in the URL: %s", r.URL)
	}
	if f.netErr != nil {
		if err := f.netErr(); err != nil {
			return nil, err
		}
	}
	if f.fault != nil {
		if resp := f.fault(form); resp != nil {
			return f.stamp(resp), nil
		}
	}
	return f.stamp(f.serve(form)), nil
}

func (f *fakeSTS) stamp(r *http.Response) *http.Response {
	r.Header.Set("Date", f.now().UTC().Format(http.TimeFormat))
	return r
}

func (f *fakeSTS) serve(form url.Values) *http.Response {
	id := form.Get("AccessKeyId")
	at, err := time.Parse("2006-01-02T15:04:05Z", form.Get("Timestamp"))
	if err != nil || at.Sub(f.now()).Abs() > 15*time.Minute {
		return stsError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	if form.Get("Action") != "AssumeRoleWithOIDC" {
		secret, ok := f.keys[id]
		if t, minted := f.tokens[id]; minted {
			secret, ok = t.secret, true
			if form.Get("SecurityToken") != t.token {
				return stsError(400, "InvalidSecurityToken.MismatchWithAccessKey", "mismatch")
			}
			if !f.now().Before(t.ends) {
				return stsError(400, "InvalidSecurityToken.Expired", "expired")
			}
		}
		if !ok {
			return stsError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found: "+id)
		}
		if signature("POST", form, secret) != form.Get("Signature") {
			return stsError(400, "SignatureDoesNotMatch", "server string to sign is:POST&%2F&"+url.QueryEscape(form.Encode()))
		}
	}
	if form.Get("Action") == "GetCallerIdentity" {
		return jsonAnswer(200, map[string]any{"RequestId": "R-ID", "AccountId": f.owner, "Arn": "acs:ram::" + f.owner + ":user/shipper", "IdentityType": "RAMUser"})
	}
	var seconds int
	fmt.Sscan(form.Get("DurationSeconds"), &seconds)
	if seconds > f.maximum {
		return stsError(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
	}
	n := len(f.calls)
	id = fmt.Sprintf("STS.minted%06d", n)
	t := token{secret: fmt.Sprintf("minted-secret-%d", n), token: fmt.Sprintf("minted-token-%d", n), ends: f.now().Add(f.life)}
	f.tokens[id] = t
	arn := form.Get("RoleArn") + "/" + form.Get("RoleSessionName")
	if f.account != "" {
		arn = strings.Replace(arn, AccountOf(arn), f.account, 1)
	}
	return jsonAnswer(200, map[string]any{
		"RequestId":       "R-OK",
		"AssumedRoleUser": map[string]any{"Arn": arn, "AssumedRoleId": "3:x"},
		"Credentials": map[string]any{"AccessKeyId": id, "AccessKeySecret": t.secret, "SecurityToken": t.token,
			"Expiration": t.ends.UTC().Format("2006-01-02T15:04:05Z")},
	})
}

func (f *fakeSTS) set(fault func(url.Values) *http.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

func (f *fakeSTS) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

func stsError(status int, code, message string) *http.Response {
	return jsonAnswer(status, map[string]any{"RequestId": "R-ERR", "HostId": "sts", "Code": code, "Message": message})
}

func jsonAnswer(status int, v any) *http.Response {
	data, _ := json.Marshal(v)
	return plainAnswer(status, "application/json", string(data))
}

func plainAnswer(status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}
