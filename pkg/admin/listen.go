package admin

import (
	"errors"
	"net"

	"shipper/internal/quiet"
)

// steady is a listener that outlives what goes wrong while it accepts: no descriptors, no memory, or an error of the network that
// Linux reports in place of the connection that it was about (accept(2)). net/http waits up to a second then, and tries again.
type steady struct {
	net.Listener
	trouble *quiet.Trouble
}

// Accept implements net.Listener.
func (s steady) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	switch {
	case err == nil:
		s.trouble.Over("the admin listener answers again", "address", s.Addr().String())
	case !errors.Is(err, net.ErrClosed):
		s.trouble.Report("the admin listener cannot answer, lines are shipped all the same", "code", "SHP-D003", "address", s.Addr().String(), "err", err)
		return nil, passing{err}
	}
	return conn, err
}

// passing is an error after which net/http tries again.
type passing struct{ error }

// Timeout implements net.Error.
func (passing) Timeout() bool { return false }

// Temporary implements net.Error.
func (passing) Temporary() bool { return true }

// Unwrap returns the error itself.
func (p passing) Unwrap() error { return p.error }
