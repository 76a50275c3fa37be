package producer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
)

// Classify turns what came back into a verdict. err is what Client.Post returned; with it the Reply is not an answer.
func Classify(a Reply, err error) Finding {
	if err != nil {
		return classifyError(err)
	}
	r := ruleFor(&a)
	f := Finding{Verdict: r.Verdict, ID: r.ID, Code: a.Code, Message: a.Message, Status: a.Status, RequestID: a.RequestID,
		Cause: r.Cause, Fix: r.Fix, Whose: r.Whose, Result: r.Result, mend: r.mend, slow: r.slow}
	if r.Result == ResultDenied {
		f.Denial = readDenial(a)
		f.explainDenial()
	}
	return f
}

// ruleFor finds the first rule that matches. The last one matches everything.
func ruleFor(a *Reply) *Rule {
	for i := range rules[:len(rules)-1] {
		if rules[i].matches(a) {
			return &rules[i]
		}
	}
	return &rules[len(rules)-1]
}

// classifyError explains why no answer came. The verdict is always Retry: whatever it is, it may be mended from outside.
func classifyError(err error) Finding {
	f := Finding{Verdict: Retry, ID: "SHP-P210", Code: "Network", Message: err.Error(), Whose: Host, Result: ResultNetwork,
		Cause: "the connection failed"}
	set := func(id, code, cause, fix string) { f.ID, f.Code, f.Cause, f.Fix = id, code, cause, fix }
	if isTimeout(err) {
		f.timeout = true
		set("SHP-P211", "Timeout", "no answer came in time", "")
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		set("SHP-P212", "NoSuchHost", "the endpoint's name cannot be resolved", "check region and endpoint, and the resolver of this host")
		return f
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		set("SHP-P213", "ConnectionRefused", "nobody listens at the endpoint", "check endpoint and firewall")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		set("SHP-P214", "Unreachable", "there is no route to the endpoint", `network = "intranet" works from a VPC of the same region`)
	case isCertificate(err):
		set("SHP-P215", "Certificate", "the endpoint's certificate is not trusted: a proxy that opens TLS, or a wrong endpoint",
			"add the proxy's CA to this host's store (SSL_CERT_FILE), or correct the endpoint")
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		set("SHP-P216", "NotTLS", "the endpoint does not speak TLS", "write the endpoint with http://")
	}
	return f
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

func isCertificate(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.HostnameError](err)
	return ok
}
