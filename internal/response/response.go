// Package response reads what an HTTP server says, whatever that is. Its callers are those who speak to a service of the cloud, or to what
// stands in its place.
package response

import (
	"io"
	"net/http"
)

// MaxHeader bounds the headers of an answer, in bytes: for http.Transport.MaxResponseHeaderBytes, whose default is 10 MB. Those of Log
// Service and STS take less than 2 KiB.
const MaxHeader = 64 << 10

// Read returns the content of resp, at most limit bytes of it. The caller closes it.
func Read(resp *http.Response, limit int64) ([]byte, error) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, nil // such a body is the bare connection: no deadline of the request ends a read from it
	}
	return io.ReadAll(io.LimitReader(resp.Body, limit))
}
