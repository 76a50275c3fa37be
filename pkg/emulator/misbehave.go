package emulator

import (
	"io"
	"net/http"
	"strings"
	"time"
)

const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center></body>\r\n</html>\r\n"
const portalPage = "<html><head><title>Welcome</title></head><body>Please sign in to use this network.</body></html>\n"

// misbehave does what the fault wants and reports whether that was all: if not, the request is served.
func (e *Emulator) misbehave(w http.ResponseWriter, r *http.Request, op string, x *Fault) (done bool) {
	if x == nil {
		return false
	}
	e.counts.fault(x.Kind)
	if x.Delay > 0 && !wait(r, x.Delay) {
		return true
	}
	if x.Kind == Forget {
		e.forgetSequences()
		return false
	}
	if x.Kind == ClockSkew || x.Kind == Slow || x.Kind == CutAfter || x.Kind == Revoke && op != OpSTS {
		return false
	}
	e.counts.answered(op, "fault "+x.Kind)
	switch x.Kind {
	case CutBefore:
		cut()
	case NoAnswer:
		_, _ = io.Copy(io.Discard, r.Body) // the server notices that a client has gone only behind the body
		<-r.Context().Done()
		cut()
	case BadGatewayHTML:
		page(w, http.StatusBadGateway, gatewayPage)
	case NoRequestID:
		page(w, http.StatusOK, portalPage)
	default:
		if op == OpSTS {
			writeRPCFail(w, stsVerdict(x), r.Host)
		} else {
			writeFail(w, logVerdict(op, x))
		}
	}
	return true
}

// logVerdict is the answer of Log Service that a fault stands for.
func logVerdict(op string, x *Fault) *fail {
	quota := "Write"
	if op == OpPull {
		quota = "Read"
	}
	switch x.Kind {
	case ThrottleProject, STSThrottle:
		return failf(http.StatusForbidden, quota+"QuotaExceed", "Project %s quota exceed: qps or inflow", strings.ToLower(quota))
	case ThrottleShard:
		return failf(http.StatusForbidden, "Shard"+quota+"QuotaExceed", "%s quota exceed for shard 0", quota)
	case ServerBusy, STSDown:
		return failf(http.StatusServiceUnavailable, "ServerBusy", "The server is busy, please try again later.")
	case ExpiredToken:
		return unauthorized("The security token you provided has expired.")
	case InvalidToken:
		return unauthorized("The security token you provided is invalid.")
	case SignatureMismatch:
		return failf(http.StatusUnauthorized, "SignatureNotMatch", "Signature fault not matched")
	case Answer:
		return failf(x.Status, x.Code, "%s", x.Message)
	}
	return failf(http.StatusInternalServerError, "InternalServerError", "Internal server error")
}

// stsVerdict is the answer of STS that a fault stands for.
func stsVerdict(x *Fault) *fail {
	switch x.Kind {
	case ThrottleProject, ThrottleShard, STSThrottle:
		return throttled()
	case ServerBusy, STSDown:
		return failf(http.StatusServiceUnavailable, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	case ExpiredToken:
		return failf(http.StatusBadRequest, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
	case InvalidToken:
		return failf(http.StatusBadRequest, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
	case SignatureMismatch:
		return failf(http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
	case Revoke:
		return failf(http.StatusForbidden, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM.")
	case Answer:
		return failf(x.Status, x.Code, "%s", x.Message)
	}
	return failf(http.StatusInternalServerError, "InternalError", "The request processing has failed due to some unknown error.")
}

// page answers with HTML, as something between client and service would.
func page(w http.ResponseWriter, status int, html string) {
	clear(w.Header())
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, html)
}

// wait reports whether the time passed before the client went away.
func wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
