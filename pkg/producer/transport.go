package producer

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns a transport for requests to Log Service, with inFlight connections kept alive per host.
// It takes proxies from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
func NewTransport(inFlight int) *http.Transport {
	// HTTP/1.1 alone: several requests on one HTTP/2 connection would share one congestion window and one fate.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, // counts from the last byte sent; a busy shard answers within seconds
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   max(inFlight, 1),
		IdleConnTimeout:       45 * time.Second, // below the 60 s after which middle boxes drop connections silently
		WriteBufferSize:       64 << 10,
		DisableCompression:    true, // answers are empty or tiny
		Protocols:             &protocols,
	}
}
