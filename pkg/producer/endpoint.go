package producer

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Endpoint is where requests go.
type Endpoint struct {
	Scheme string // "https" or "http"
	Host   string // what is dialled and sent as Host: a name or IP, with a port if one was written
	Region string // that V4 signatures are made for; "" if nothing tells
	// ByHeader: the host does not begin with the project, so the header x-log-project names it.
	ByHeader bool
}

// URL is the address of a path at e.
func (e Endpoint) URL(path string) string { return e.Scheme + "://" + e.Host + path }

// serviceSuffixes end the names of Log Service itself (aliyun-log-go-sdk util/region.go). Only they have a host a project.
var serviceSuffixes = []string{".log.aliyuncs.com", ".sls.aliyuncs.com"}

// Resolve derives where the requests of c go. It makes no look-up.
func (c Config) Resolve() (Endpoint, error) {
	text := c.Endpoint
	if text == "" {
		text = derived(c.Region, c.Network)
	}
	e := Endpoint{Scheme: "https", Region: c.Region}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		if scheme != "http" && scheme != "https" {
			return e, fmt.Errorf("%q is neither http nor https", scheme+"://")
		}
		e.Scheme, text = scheme, rest
	}
	host, err := hostOf(text)
	if err != nil {
		return e, err
	}
	e.Host = host
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if !isService(name) {
		e.ByHeader = !strings.HasPrefix(name, c.Project+".")
		return e, nil
	}
	if e.Region == "" {
		e.Region = regionOf(strings.TrimPrefix(name, c.Project+"."))
	}
	if !strings.HasPrefix(host, c.Project+".") {
		e.Host = c.Project + "." + host
	}
	return e, nil
}

// derived is the service's own name for a region (help: service endpoints).
func derived(region, network string) string {
	switch network {
	case "intranet":
		return region + "-intranet.log.aliyuncs.com"
	case "accelerate":
		return "log-global.aliyuncs.com"
	}
	return region + ".log.aliyuncs.com"
}

func isService(name string) bool {
	if name == "log-global.aliyuncs.com" || strings.HasSuffix(name, ".log-global.aliyuncs.com") {
		return true
	}
	for _, suffix := range serviceSuffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// regionOf takes the region out of a service name: its first label without the marks of the inner networks.
func regionOf(name string) string {
	label, _, _ := strings.Cut(name, ".")
	for _, mark := range []string{"-intranet", "-share", "-vpc"} {
		label = strings.TrimSuffix(label, mark)
	}
	if label == "log-global" {
		return ""
	}
	return label
}

// hostOf checks that text is a host with an optional port and nothing else.
func hostOf(text string) (string, error) {
	text = strings.TrimSuffix(text, "/")
	u, err := url.Parse("//" + text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is not an address", text)
	case u.User != nil:
		return "", errors.New("a user or password has no place in an endpoint")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q has a path: an endpoint is a host alone", text)
	case strings.Count(u.Host, ":") > 1 && !strings.HasPrefix(u.Host, "["):
		return "", fmt.Errorf("%q is not an address: an IPv6 address stands in brackets", text)
	case u.Hostname() == "" || strings.ContainsAny(text, " \t\r\n"):
		return "", fmt.Errorf("%q names no host", text)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "", fmt.Errorf("port %s is out of range", port)
		}
	}
	return strings.ToLower(u.Host), nil
}
