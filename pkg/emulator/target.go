package emulator

import (
	"net"
	"net/http"
	"strings"
)

// target is which service a request is for, and in which project.
type target struct {
	sts     bool
	project string // "" = none named
	host    string // as the client signed it
	name    string // the host in lower case without a port
}

// targetOf looks at the host, the header x-log-project and the shape of the request. Through a proxy setting the request
// line holds the whole URL, whose host wins over the header as HTTP demands; net/http has put it into r.Host.
func targetOf(r *http.Request) target {
	t := target{host: r.Host, name: strings.ToLower(r.Host)}
	if h, _, err := net.SplitHostPort(t.name); err == nil {
		t.name = h
	}
	if t.project = r.Header.Get("x-log-project"); t.project == "" {
		t.project = projectOf(t.name)
	}
	t.sts = strings.HasPrefix(t.name, "sts.") || strings.HasPrefix(t.name, "sts-vpc.") || rpcShaped(r)
	return t
}

// cloud cuts the domain of Log Service off a host: PROJECT.REGION or REGION is left.
func cloud(host string) (rest string, ok bool) {
	for _, domain := range []string{".log.aliyuncs.com", ".sls.aliyuncs.com"} {
		if rest, ok = strings.CutSuffix(host, domain); ok {
			return rest, true
		}
	}
	return host, false
}

// projectOf is the first label of a host that has a project before the endpoint. A plain name, localhost and an address have
// none.
func projectOf(host string) string {
	if rest, ok := cloud(host); ok {
		project, _, found := strings.Cut(rest, ".")
		if !found {
			return ""
		}
		return project
	}
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		return ""
	}
	project, _, found := strings.Cut(host, ".")
	if !found {
		return ""
	}
	return project
}

// rpcShaped reports whether a request to the root looks like one of the RPC gateways: by its Action, its form or its
// ACS3 headers. Log Service posts JSON there.
func rpcShaped(r *http.Request) bool {
	if r.URL.Path != "/" && r.URL.Path != "" {
		return false
	}
	return r.Header.Get("x-acs-action") != "" || strings.Contains(r.URL.RawQuery, "Action=") ||
		r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}
