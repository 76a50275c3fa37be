package producer

import (
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// answers is every row of the service's documented errors, and what else has been seen on the wire.
var answers = []struct {
	status  int
	code    string
	message string
	want    Verdict
	result  Result
	whose   Party
}{
	{200, "", "", OK, ResultOK, Nobody},
	{201, "", "", Retry, ResultServer, Nobody},
	{204, "", "", Retry, ResultServer, Nobody},
	{302, "", "", Retry, ResultServer, Nobody},
	{400, "RequestTimeExpired", "Request time Thu, 15 Oct 2020 00:00:00 GMT has been expired while server time is 1", Clock, ResultRejected, Host},
	{400, "RequestTimeTooSkewed", "", Clock, ResultRejected, Host},
	{403, "RequestTimeTooSkewed", "", Clock, ResultRejected, Host},
	{400, "InvalidRequestTime", "not follow RFC822", Reject, ResultRejected, Shipper},
	{400, "ParameterInvalid", "Http extend authorization : x pair is invalid", Reject, ResultRejected, Shipper},
	{400, "ParameterInvalid", "Body size 20000000 must little than 10485760", Split, ResultRejected, Nobody},
	{400, "MissingParameter", "Missing http extend header key : x-log-bodyrawsize", Reject, ResultRejected, Shipper},
	{400, "InvalidHost", "", Reject, ResultRejected, Shipper},
	{400, "InvalidContentType", "", Reject, ResultRejected, Shipper},
	{415, "InvalidContentType", "", Reject, ResultRejected, Shipper},
	{400, "MissingContentType", "", Reject, ResultRejected, Shipper},
	{400, "MissingBodyRawSize", "", Reject, ResultRejected, Shipper},
	{400, "InvalidBodyRawSize", "", Reject, ResultRejected, Shipper},
	{400, "MissingHost", "", Reject, ResultRejected, Shipper},
	{400, "MissingDate", "", Reject, ResultRejected, Shipper},
	{400, "InvalidDateFormat", "", Reject, ResultRejected, Shipper},
	{400, "MissingAPIVersion", "", Reject, ResultRejected, Shipper},
	{400, "InvalidAPIVersion", "", Reject, ResultRejected, Shipper},
	{400, "MissAccessKeyId", "", Reject, ResultRejected, Shipper},
	{400, "MissingSignatureMethod", "", Reject, ResultRejected, Shipper},
	{400, "InvalidSignatureMethod", "", Reject, ResultRejected, Shipper},
	{400, "InvalidCompressType", "", Reject, ResultRejected, Shipper},
	{400, "PostBodyInvalid", "Protobuffer content cannot be parsed.", Reject, ResultRejected, Shipper},
	{400, "PostBodyInvalid", "The post data time is out of range", Sanitise, ResultRejected, Data},
	{400, "InvalidTimestamp", "Invalid timestamps are in logs.", Sanitise, ResultRejected, Data},
	{400, "InvalidEncoding", "Non-UTF8 characters are in logs.", Sanitise, ResultRejected, Data},
	{400, "InvalidKey", "Invalid keys are in logs.", Sanitise, ResultRejected, Data},
	{400, "PostBodyUncompressError", "Failed to decompress logs.", Reject, ResultRejected, Shipper},
	{400, "PostBodyTooLarge", "Body size 20000000 must little than 10485760", Split, ResultRejected, Nobody},
	{400, "ShardNotExist", "", Hold, ResultDenied, Owner},
	{400, "LogStoreWithoutShard", "", Hold, ResultDenied, Owner},
	{400, "InvalidSequenceId", "", Reject, ResultRejected, Shipper},
	{400, "SomethingNew", "", Reject, ResultRejected, Shipper},
	{400, "", "not JSON", Reject, ResultRejected, Shipper},
	{401, "SignatureNotMatch", "Signature x not matched", Renew, ResultExpired, Caller},
	{401, "Unauthorized", "The security token you provided has expired.", Renew, ResultExpired, Nobody},
	{401, "Unauthorized", "The security token you provided is invalid.", Renew, ResultExpired, Nobody},
	{401, "Unauthorized", denial, Hold, ResultDenied, Owner},
	{403, "Unauthorized", denial, Hold, ResultDenied, Owner},
	{401, "Unauthorized", "AccessKeyId not found: LTAI", Renew, ResultExpired, Caller},
	{401, "Unauthorized", "AccessKeyId is disabled: LTAI", Renew, ResultExpired, Caller},
	{401, "Unauthorized", "The AccessKeyId is unauthorized.", Renew, ResultExpired, Caller},
	{401, "Unauthorized", "Your SLS service has been forbidden.", Hold, ResultDenied, Owner},
	{401, "Unauthorized", "The project does not belong to you.", Hold, ResultDenied, Setting},
	{401, "InvalidAccessKeyId", "The access key id you provided is invalid: LTAI.", Renew, ResultExpired, Caller},
	{401, "InvalidAccessKeyId", "Your SLS service has not opened.", Hold, ResultDenied, Owner},
	{401, "SecurityTokenExpired", "", Renew, ResultExpired, Caller},
	{401, "Unauthorized", "something new", Renew, ResultExpired, Caller},
	{401, "", "", Renew, ResultExpired, Caller},
	{403, "WriteQuotaExceed", "Project write quota exceed: qps: 600000", Throttle, ResultThrottled, Owner},
	{403, "ShardWriteQuotaExceed", "", Throttle, ResultThrottled, Owner},
	{403, "ExceedQuota", "", Throttle, ResultThrottled, Owner},
	{403, "ProjectQuotaExceed", "", Throttle, ResultThrottled, Owner},
	{403, "MetaOperationQpsLimitExceeded", "", Throttle, ResultThrottled, Owner},
	{403, "ReadQuotaExceed", "", Throttle, ResultThrottled, Owner},
	{403, "ShardReadQuotaExceed", "", Throttle, ResultThrottled, Owner},
	{403, "Exceeded", "Inflow Quota Exceed", Throttle, ResultThrottled, Owner},
	{403, "ProjectForbidden", "", Hold, ResultDenied, Owner},
	{403, "SomethingNew", "", Hold, ResultDenied, Owner},
	{404, "ProjectNotExist", "The Project does not exist : x", Hold, ResultDenied, Setting},
	{404, "ProjectNotExists", "Project x does not exist.", Hold, ResultDenied, Setting},
	{404, "LogStoreNotExist", "logstore x dose not exist", Hold, ResultDenied, Setting},
	{404, "LogstoreNotExist", "", Hold, ResultDenied, Setting},
	{404, "", "", Hold, ResultDenied, Setting},
	{405, "InvalidMethod", "Invalid request method : /logstores/a.b/shards/lb", Reject, ResultRejected, Setting},
	{405, "", "", Reject, ResultRejected, Shipper},
	{406, "", "", Reject, ResultRejected, Shipper},
	{408, "", "", Retry, ResultServer, Nobody},
	{411, "MissingContentLength", "", Reject, ResultRejected, Shipper},
	{413, "PostBodyTooLarge", "", Split, ResultRejected, Nobody},
	{413, "", "", Split, ResultRejected, Nobody},
	{429, "", "", Throttle, ResultThrottled, Nobody},
	{500, "InternalServerError", "", Retry, ResultServer, Nobody},
	{500, "RequestTimeout", "", Retry, ResultServer, Nobody},
	{503, "ServerBusy", "", Retry, ResultServer, Nobody},
	{502, "", "not JSON", Retry, ResultServer, Nobody},
	{504, "", "", Retry, ResultServer, Nobody},
	{599, "SomethingNew", "", Retry, ResultServer, Nobody},
}

func TestClassify(t *testing.T) {
	for _, a := range answers {
		f := Classify(Reply{Status: a.status, Code: a.code, Message: a.message, RequestID: "0123456789ABCDEF01234567"}, nil)
		if f.Verdict != a.want || f.Result != a.result || f.Whose != a.whose {
			t.Errorf("%d %s %q is %v %s %q (%s), want %v %s %q", a.status, a.code, a.message, f.Verdict, f.Result, f.Whose, f.ID, a.want, a.result, a.whose)
		}
		if f.Cause == "" || f.ID == "" || f.Status != a.status || f.Code != a.code || f.Message != a.message || f.RequestID == "" {
			t.Errorf("%+v says too little", f)
		}
	}
}

// Without a request id it was not Log Service that answered, whatever the answer looks like: nothing is acknowledged, given
// up or blamed on the credentials.
func TestStrangersDecideNothing(t *testing.T) {
	for _, a := range answers {
		f := Classify(Reply{Status: a.status, Code: a.code, Message: a.message}, nil)
		switch f.Verdict {
		case Retry:
		case Split:
			if a.status != 413 {
				t.Errorf("%d %s from a stranger is %v", a.status, a.code, f.Verdict)
			}
		case Throttle:
			if a.status != 429 {
				t.Errorf("%d %s from a stranger is %v", a.status, a.code, f.Verdict)
			}
		default:
			t.Errorf("%d %s from a stranger is %v", a.status, a.code, f.Verdict)
		}
	}
}

func TestClassifyErrors(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("post to x: %w", err) }
	for _, c := range []struct {
		err     error
		code    string
		timeout bool
	}{
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "ConnectionRefused", false},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}, "Unreachable", false},
		{&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, "NoSuchHost", false},
		{&net.DNSError{Err: "i/o timeout", Name: "x", IsTimeout: true}, "NoSuchHost", true},
		{os.ErrDeadlineExceeded, "Timeout", true},
		{x509.UnknownAuthorityError{}, "Certificate", false},
		{x509.HostnameError{}, "Certificate", false},
		{http.ErrSchemeMismatch, "NotTLS", false},
		{io.ErrUnexpectedEOF, "Network", false},
		{syscall.ECONNRESET, "Network", false},
	} {
		f := Classify(Reply{}, wrap(c.err))
		if f.Verdict != Retry || f.Result != ResultNetwork || f.Code != c.code || f.timeout != c.timeout || f.Cause == "" {
			t.Errorf("%v: %+v", c.err, f)
		}
	}
}

func TestDenial(t *testing.T) {
	f := Classify(Reply{Status: 401, Code: "Unauthorized", Message: denial, RequestID: "x"}, nil)
	want := Denial{Action: "log:PostLogStoreLogs", Account: "1111111111111111",
		Resource: "acs:log:cn-hangzhou:1111111111111111:project/sec-logs/logstore/web"}
	if f.Denial != want || !strings.Contains(f.Fix, f.Denial.Statement()) {
		t.Errorf("%+v", f)
	}
	f = Classify(Reply{Status: 401, Message: denial, RequestID: "x", detail: accessDeniedDetail{PolicyType: "AccountLevelIdentityBasedPolicy", NoPermissionType: "ExplicitDeny"}}, nil)
	if !f.Denial.Explicit || !strings.Contains(f.Fix, "Effect Deny") || f.Denial.PolicyType == "" {
		t.Errorf("%+v", f)
	}
	if s := (Denial{}).Statement(); s != "" {
		t.Errorf("a statement out of nothing: %s", s)
	}
}

// Every rule can be told from the others, says what is the matter, and has a name for its verdict.
func TestRulesAreComplete(t *testing.T) {
	ids := map[string]bool{}
	for _, r := range Rules() {
		if ids[r.ID] || !strings.HasPrefix(r.ID, "SHP-P") || r.Cause == "" || r.Result == "" || r.Whose == "" {
			t.Errorf("%+v", r)
		}
		ids[r.ID] = true
		if strings.HasPrefix(r.Verdict.String(), "verdict") || r.Text != strings.ToLower(r.Text) {
			t.Errorf("%s: %v %q", r.ID, r.Verdict, r.Text)
		}
		if (r.Verdict == Sanitise) != (r.mend != 0) {
			t.Errorf("%s: what is to be mended?", r.ID)
		}
	}
	if Verdict(0).String() != "verdict(0)" || Verdict(99).String() != "verdict(99)" {
		t.Error("names")
	}
}
