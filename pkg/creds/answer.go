package creds

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"shipper/internal/response"
)

// maxAnswer bounds an answer; a real one has a few KiB.
const maxAnswer = 1 << 20

// call is what an error of a call has to name.
type call struct {
	op   string
	role string
	key  *Credentials
}

// answer is what STS said.
type answer struct {
	call  call
	reply reply
	sent  time.Time // our clock, before the request left
	date  time.Time // the service's clock; zero when it told none
}

// reply is the JSON of every action of STS, good or bad.
type reply struct {
	RequestID       string `json:"RequestId"`
	Code            string
	Message         string
	AssumedRoleUser struct{ Arn string }
	Credentials     struct{ AccessKeyID, AccessKeySecret, SecurityToken, Expiration string }
	AccountID       string `json:"AccountId"`
	ARN             string `json:"Arn"`
	IdentityType    string
	Denial          json.RawMessage `json:"AccessDeniedDetail"`
}

// post sends form and returns the answer; every failure is an *Error.
func (s *service) post(ctx context.Context, c call, form url.Values) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.scheme+"://"+s.host+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, s.broken(c, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "shipper")
	a := &answer{call: c, sent: s.now()}
	s.calls.Add(1)
	resp, err := s.http.RoundTrip(req)
	if err != nil {
		return nil, s.broken(c, err)
	}
	defer resp.Body.Close()
	body, err := response.Read(resp, maxAnswer)
	if err != nil {
		return nil, s.broken(c, err)
	}
	if err := json.Unmarshal(body, &a.reply); err != nil || a.reply.RequestID == "" {
		return nil, s.foreign(c, resp)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.date = date
		s.skew.learn(a.sent, date)
	}
	if resp.StatusCode != http.StatusOK || a.reply.Code != "" {
		return nil, a.refused(resp.StatusCode, s)
	}
	return a, nil
}

// broken is a call that got no answer. The text of a network error holds addresses only; the URL has no parameters.
func (s *service) broken(c call, err error) error {
	e := &Error{Op: c.op, Role: c.role, Key: c.shortKey(), Class: Transient, Message: tidy(err.Error(), c.key), Err: err}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Message = fmt.Sprintf("no answer within %s", callTimeout)
	}
	_ = e.advice()
	e.Whose, e.Hint = Host, "Check region, network and sts_endpoint, and DNS, the route and the proxy (HTTPS_PROXY) from this host to STS at "+s.host+"."
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain && s.scheme == "https" {
		e.Hint = s.host + " does not speak TLS: correct sts_endpoint, or write it with http:// if it is meant to be one without."
	}
	return e
}

// foreign is an answer that STS did not give: a proxy's error page, a captive portal.
func (s *service) foreign(c call, resp *http.Response) error {
	e := &Error{Op: c.op, Role: c.role, Key: c.shortKey(), HTTPStatus: resp.StatusCode, Class: Classify(resp.StatusCode, ""),
		Message: fmt.Sprintf("the answer (%q) is not one of STS", cut(tidy(resp.Header.Get("Content-Type"), c.key), 60))}
	_ = e.advice()
	e.Whose, e.Hint = Host, "Something between this host and STS at "+s.host+" answered: a proxy, a captive portal, or sts_endpoint is not STS."
	return e
}

// refused is an answer of STS that is an error.
func (a *answer) refused(status int, s *service) error {
	e := &Error{
		Op: a.call.op, Role: a.call.role, Key: a.call.shortKey(), HTTPStatus: status,
		Code: a.cut(a.reply.Code), Message: tidy(a.reply.Message, a.call.key), RequestID: a.cut(a.reply.RequestID),
	}
	e.Class = Classify(status, e.Code)
	if len(a.reply.Denial) > 0 {
		_ = json.Unmarshal(a.reply.Denial, &e.Denial) // an unknown shape leaves it empty: it is only an explanation
		for _, s := range []*string{&e.Denial.Action, &e.Denial.Owner, &e.Denial.Principal, &e.Denial.Kind, &e.Denial.PolicyType, &e.Denial.Reason, &e.Denial.Explanation} {
			*s = tidy(*s, a.call.key)
		}
	}
	_ = e.advice()
	if d, ok := s.skew.get(); ok && e.Class == Clock {
		e.Hint = fmt.Sprintf("Set the clock of this host: it is %s %s STS.", d.Abs().Round(time.Second), map[bool]string{true: "behind", false: "ahead of"}[d > 0])
	}
	return e
}

// cut makes a short field of the answer fit for a message.
func (a *answer) cut(s string) string { return cut(tidy(s, a.call.key), 100) }

// strange is an answer that says "ok" and lacks what was asked for.
func (a *answer) strange(what string) error {
	e := &Error{Op: a.call.op, Role: a.call.role, Key: a.call.shortKey(), HTTPStatus: http.StatusOK,
		RequestID: a.cut(a.reply.RequestID), Class: Transient, Message: what}
	return e.advice()
}

func (c call) shortKey() string {
	if c.key == nil || c.key.ID == "" {
		return ""
	}
	return Short(c.key.ID)
}

// session returns the credential in the answer, unless it is in another account than expected. Its life runs from the moment the request was sent: the service cannot have
// started the clock earlier.
func (a *answer) session(as assumption) (*Credentials, error) {
	r := a.reply
	if r.Credentials.AccessKeyID == "" || r.Credentials.AccessKeySecret == "" || r.Credentials.SecurityToken == "" {
		return nil, a.strange("the answer holds no credential")
	}
	expires, err := time.Parse(time.RFC3339, r.Credentials.Expiration)
	if err != nil {
		return nil, a.strange("the answer holds no readable Expiration")
	}
	c := &Credentials{
		ID: r.Credentials.AccessKeyID, Secret: r.Credentials.AccessKeySecret, Token: r.Credentials.SecurityToken,
		Expires: expires.UTC(), Account: AccountOf(r.AssumedRoleUser.Arn), Source: "role " + as.role,
	}
	if c.Account != as.expect {
		return nil, &WrongAccountError{Want: as.expect, Got: c.Account, Role: as.role, RequestID: a.cut(r.RequestID)}
	}
	c.begin(a.sent, a.date)
	if c.Left(a.sent) <= 0 {
		return nil, a.strange("the credential had already ended when it came")
	}
	return c, nil
}

// begin starts the life of c: it was asked for at sent (our clock), and answered when the service's clock said date. Without a
// date the host's wall clock has to do.
func (c *Credentials) begin(sent, date time.Time) {
	c.born = sent
	if c.Expires.IsZero() {
		return
	}
	if date.IsZero() {
		date = sent.Round(0)
	}
	c.dies = sent.Add(c.Expires.Sub(date))
}

// cut bounds a text of the service and keeps it on one line.
func cut(s string, n int) string {
	if s = tidy(s, nil); len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
