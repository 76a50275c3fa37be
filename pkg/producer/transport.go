package producer

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"

	"shipper/internal/response"
)

// NewTransport returns a transport for requests to Log Service, with inFlight connections kept alive per host.
// It takes proxies from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
func NewTransport(inFlight int) *http.Transport {
	// HTTP/1.1 alone: several requests on one HTTP/2 connection would share one congestion window and one fate.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return bodyConn{c}, nil
		},
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second, // counts from the last byte sent; a busy shard answers within seconds
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: response.MaxHeader,
		MaxIdleConnsPerHost:    max(inFlight, 1),
		IdleConnTimeout:        45 * time.Second, // below the 60 s after which middle boxes drop connections silently
		WriteBufferSize:        64 << 10,
		DisableCompression:     true, // answers are empty or tiny
		Protocols:              &protocols,
	}
}

// bodyConn writes the body of a request at once, from where it is. net/http would copy it in pieces of 32 KiB through a buffer that it
// allocates for each request: that is most of what a request costs, beside the compression.
type bodyConn struct{ net.Conn }

// ReadFrom implements io.ReaderFrom. What net/http hands over is a body limited to its length.
func (c bodyConn) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if b, ok := l.R.(*bodyReader); ok {
			n, err := b.writeTo(c.Conn, l.N)
			l.N -= n
			return n, err
		}
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}
