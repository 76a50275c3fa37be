package producer

import "strings"

// Rule is one row of the verdict table. A row matches when all that it names is there; the first match counts.
type Rule struct {
	ID      string   // stable code
	From    Origin   // who must have answered
	Status  int      // HTTP status; 0 = any, 4 = every 4xx, 5 = every status from 500 on
	Codes   []string // one of these errorCodes, compared without case; none = any
	Text    string   // errorMessage holds this, compared without case; "" = any
	Verdict Verdict
	Result  Result
	Whose   Party
	Cause   string
	Fix     string

	mend mend
	slow bool
}

// Origin is who answered. The service gives every answer an x-log-requestid; a captive portal, a proxy or another server
// does not, and must not acknowledge anything.
type Origin uint8

// Origins.
const (
	Anybody  Origin = iota
	Service         // with x-log-requestid
	Stranger        // without
)

func (r *Rule) matches(a *Reply) bool {
	switch {
	case r.From == Service && a.RequestID == "", r.From == Stranger && a.RequestID != "":
		return false
	case !r.covers(a.Status):
		return false
	case r.Text != "" && !strings.Contains(strings.ToLower(a.Message), r.Text):
		return false
	}
	for _, c := range r.Codes {
		if strings.EqualFold(c, a.Code) {
			return true
		}
	}
	return len(r.Codes) == 0
}

func (r *Rule) covers(status int) bool {
	switch r.Status {
	case 0:
		return true
	case 4:
		return status/100 == 4
	case 5:
		return status >= 500
	}
	return r.Status == status
}

// Rules is the verdict table. Codes and texts: help "error codes" of Log Service, aliyun-log-go-sdk error_code.go and its
// issues 38 and 74, loongcollector SLSConstant.cpp; old spellings are kept because old endpoints still use them.
//
// 401 means both "expired" and "denied", so code and text decide together. An answer that we do not know is never taken
// for a yes; one that smells of authorisation never costs data.
func Rules() []Rule { return rules[:] }

var rules = [...]Rule{
	{ID: "SHP-P100", From: Service, Status: 200, Verdict: OK, Result: ResultOK, Whose: Nobody,
		Cause: "stored"},

	// Not the service.
	{ID: "SHP-P201", From: Anybody, Status: 413, Verdict: Split, Result: ResultRejected, Whose: Nobody,
		Cause: "the body is larger than the service, or a proxy before it, takes"},
	{ID: "SHP-P202", From: Anybody, Status: 429, Verdict: Throttle, Result: ResultThrottled, Whose: Nobody,
		Cause: "too many requests, says the service or a gateway before it"},
	{ID: "SHP-P203", From: Stranger, Status: 5, Verdict: Retry, Result: ResultServer, Whose: Nobody,
		Cause: "a gateway before the service failed, or the service failed without saying why"},
	{ID: "SHP-P204", From: Stranger, Status: 407, Verdict: Retry, Result: ResultNetwork, Whose: Host,
		Cause: "the proxy asks for a user and a password", Fix: "put them into HTTPS_PROXY"},
	{ID: "SHP-P205", From: Stranger, Verdict: Retry, Result: ResultNetwork, Whose: Host,
		Cause: "what answers there is not Log Service (no x-log-requestid): a captive portal, a proxy, or another server",
		Fix:   "check region, network and endpoint of the target, and the proxy of this host"},

	// Size, date, form of single logs.
	{ID: "SHP-P301", Codes: []string{"PostBodyTooLarge"}, Verdict: Split, Result: ResultRejected, Whose: Nobody,
		Cause: "the body is larger than the service takes"},
	{ID: "SHP-P302", Status: 400, Text: "must little than", Verdict: Split, Result: ResultRejected, Whose: Nobody,
		Cause: "the body is larger than the service takes"},
	{ID: "SHP-P303", Codes: []string{"RequestTimeExpired", "RequestTimeTooSkewed"}, Verdict: Clock, Result: ResultRejected, Whose: Host,
		Cause: "this host's clock differs from the service's by more than 15 minutes", Fix: "run chrony or another NTP client"},
	{ID: "SHP-P304", Status: 400, Codes: []string{"PostBodyInvalid"}, Text: "time is out of range", Verdict: Sanitise, Result: ResultRejected,
		Whose: Data, Cause: "a log's time is outside of what the service takes (7 days back, 15 minutes ahead)", mend: mendTime},
	{ID: "SHP-P305", Status: 400, Codes: []string{"InvalidTimestamp"}, Verdict: Sanitise, Result: ResultRejected,
		Whose: Data, Cause: "a log's time is not one", mend: mendTime},
	{ID: "SHP-P306", Status: 400, Codes: []string{"InvalidEncoding"}, Verdict: Sanitise, Result: ResultRejected,
		Whose: Data, Cause: "a log holds bytes that are not UTF-8", Fix: "set encoding of the input", mend: mendEncoding},
	{ID: "SHP-P307", Status: 400, Codes: []string{"InvalidKey"}, Verdict: Sanitise, Result: ResultRejected,
		Whose: Data, Cause: "a log has a key that the service does not take", mend: mendKey},

	// Credentials and permissions: the text decides.
	{ID: "SHP-P401", Text: "denied by sts or ram", Verdict: Hold, Result: ResultDenied, Whose: Owner,
		Cause: "the role (or user) that we write as lacks the permission to write to this Logstore",
		Fix:   "attach a policy to the role that allows the action on the resource"},
	{ID: "SHP-P402", Status: 401, Text: "token you provided has expired", Verdict: Renew, Result: ResultExpired, Whose: Nobody,
		Cause: "the security token has expired"},
	{ID: "SHP-P403", Status: 401, Text: "token you provided is invalid", Verdict: Renew, Result: ResultExpired, Whose: Nobody,
		Cause: "the security token is not valid (any more): the role was deleted, or the token belongs to another key"},
	{ID: "SHP-P404", Status: 401, Text: "accesskeyid is disabled", Verdict: Renew, Result: ResultExpired, Whose: Caller,
		Cause: "the AccessKey is disabled", Fix: "enable it in the RAM console, or configure another"},
	{ID: "SHP-P405", Status: 401, Text: "accesskeyid not found", Verdict: Renew, Result: ResultExpired, Whose: Caller,
		Cause: "the service does not know the AccessKey", Fix: "check the key of the base credentials"},
	{ID: "SHP-P406", Status: 401, Text: "accesskeyid is unauthorized", Verdict: Renew, Result: ResultExpired, Whose: Caller,
		Cause: "the AccessKey is not authorised", Fix: "check the key of the base credentials"},
	{ID: "SHP-P407", Status: 401, Text: "service has been forbidden", Verdict: Hold, Result: ResultDenied, Whose: Owner,
		Cause: "Log Service is forbidden for the account (arrears, or closed)", Fix: "settle the account's bill"},
	{ID: "SHP-P408", Status: 401, Text: "project does not belong to you", Verdict: Hold, Result: ResultDenied, Whose: Setting,
		Cause: "the project belongs to another account than the credentials", Fix: "set role_arn to a role in the account that owns the project"},
	{ID: "SHP-P409", Status: 401, Text: "service has not opened", Verdict: Hold, Result: ResultDenied, Whose: Owner,
		Cause: "Log Service is not activated for the account", Fix: "activate it, or set role_arn to the account that owns the project"},
	{ID: "SHP-P410", Codes: []string{"SignatureNotMatch"}, Verdict: Renew, Result: ResultExpired, Whose: Caller,
		Cause: "the signature does not match: a wrong secret, an expired token, or a proxy that changes x-log-* headers",
		Fix:   "check the secret of the base credentials for stray characters"},
	{ID: "SHP-P411", Codes: []string{"InvalidAccessKeyId", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive",
		"SecurityTokenExpired", "SecurityToken.Expired", "InvalidSecurityToken", "InvalidSecurityToken.Expired"},
		Verdict: Renew, Result: ResultExpired, Whose: Caller,
		Cause: "the AccessKey or its token is not valid", Fix: "check the base credentials"},
	{ID: "SHP-P412", Status: 401, Verdict: Renew, Result: ResultExpired, Whose: Caller,
		Cause: "the service does not accept the credentials", Fix: "check the base credentials"},

	// Quotas and prohibitions.
	{ID: "SHP-P501", Codes: []string{"WriteQuotaExceed"}, Verdict: Throttle, Result: ResultThrottled, Whose: Owner, slow: true,
		Cause: "the project's write quota is used up", Fix: "raise the project's quota"},
	{ID: "SHP-P502", Codes: []string{"ShardWriteQuotaExceed"}, Verdict: Throttle, Result: ResultThrottled, Whose: Owner,
		Cause: "the Logstore's shards are too few for what is written", Fix: "split shards or turn automatic sharding on"},
	{ID: "SHP-P503", Codes: []string{"ExceedQuota", "ProjectQuotaExceed", "MetaOperationQpsLimitExceeded", "ReadQuotaExceed", "ShardReadQuotaExceed"},
		Verdict: Throttle, Result: ResultThrottled, Whose: Owner, slow: true, Cause: "a quota of the project is used up", Fix: "raise the project's quota"},
	{ID: "SHP-P504", Status: 403, Text: "quota", Verdict: Throttle, Result: ResultThrottled, Whose: Owner, slow: true,
		Cause: "a quota of the project is used up", Fix: "raise the project's quota"},
	{ID: "SHP-P505", Codes: []string{"ProjectForbidden"}, Verdict: Hold, Result: ResultDenied, Whose: Owner,
		Cause: "the project is disabled (arrears, or by an administrator)", Fix: "settle the account's bill or enable the project"},
	{ID: "SHP-P506", Status: 403, Verdict: Hold, Result: ResultDenied, Whose: Owner,
		Cause: "the service forbids it", Fix: "look at the message"},

	// Places that are not there (yet).
	{ID: "SHP-P601", Codes: []string{"ProjectNotExist", "ProjectNotExists"}, Verdict: Hold, Result: ResultDenied, Whose: Setting,
		Cause: "the project does not exist at this endpoint", Fix: "check project and region; or the owner creates it"},
	{ID: "SHP-P602", Codes: []string{"LogStoreNotExist", "LogStoreNotExists"}, Verdict: Hold, Result: ResultDenied, Whose: Setting,
		Cause: "the Logstore does not exist in the project", Fix: "check the name; or the owner creates it"},
	{ID: "SHP-P603", Codes: []string{"LogStoreWithoutShard", "ShardNotExist"}, Verdict: Hold, Result: ResultDenied, Whose: Owner,
		Cause: "the Logstore has no shard that takes data", Fix: "split or create a shard"},
	{ID: "SHP-P604", Status: 404, Verdict: Hold, Result: ResultDenied, Whose: Setting,
		Cause: "what we write to does not exist", Fix: "check project, logstore and endpoint"},

	// The service's own troubles.
	{ID: "SHP-P701", Codes: []string{"InternalServerError", "RequestTimeout", "ServerBusy"}, Verdict: Retry, Result: ResultServer, Whose: Nobody,
		Cause: "the service has trouble of its own"},
	{ID: "SHP-P702", Status: 5, Verdict: Retry, Result: ResultServer, Whose: Nobody,
		Cause: "the service has trouble of its own"},
	{ID: "SHP-P703", Status: 408, Verdict: Retry, Result: ResultServer, Whose: Nobody,
		Cause: "the service waited too long for the body"},

	// Requests that are wrong in themselves.
	{ID: "SHP-P801", Codes: []string{"PostBodyInvalid"}, Verdict: Reject, Result: ResultRejected, Whose: Shipper,
		Cause: "the service cannot parse the log group, or something on the way changed it"},
	{ID: "SHP-P802", Codes: []string{"PostBodyUncompressError", "InvalidCompressType"}, Verdict: Reject, Result: ResultRejected, Whose: Shipper,
		Cause: "the service cannot decompress the body, or something on the way changed it", Fix: "try another compression"},
	{ID: "SHP-P803", Codes: []string{"InvalidMethod"}, Verdict: Reject, Result: ResultRejected, Whose: Setting,
		Cause: "the service does not know the address: the Logstore's name may be illegal", Fix: "check the name"},
	{ID: "SHP-P804", Codes: []string{"InvalidSequenceId"}, Verdict: Reject, Result: ResultRejected, Whose: Shipper,
		Cause: "the service speaks of a sequence id, which we did not send"},
	{ID: "SHP-P805", Codes: []string{"ParameterInvalid", "MissingParameter"}, Verdict: Reject, Result: ResultRejected, Whose: Shipper,
		Cause: "a header or parameter is missing or wrong, or a proxy removed it"},
	{ID: "SHP-P806", Status: 405, Verdict: Reject, Result: ResultRejected, Whose: Shipper, Cause: "the service does not take the method"},
	{ID: "SHP-P807", Status: 411, Verdict: Reject, Result: ResultRejected, Whose: Shipper, Cause: "the service misses the length of the body"},
	{ID: "SHP-P808", Status: 4, Verdict: Reject, Result: ResultRejected, Whose: Shipper, Cause: "the service calls the request wrong"},
	{ID: "SHP-P809", Verdict: Retry, Result: ResultServer, Whose: Nobody, Cause: "an answer that is neither yes nor no"},
}
