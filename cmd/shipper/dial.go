package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// over is a transport that talks to one address, whatever the URL says.
func over(network, addr string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
}

// overSockets calls ask with each control socket in turn, until one answers. What is served on the socket alone has no other way.
// Its error is a *failure if a daemon has answered, or when none can be asked.
func overSockets(sockets []string, ask func(socket string) error) error {
	var reasons []error
	for _, path := range sockets {
		err := ask(path)
		if _, answered := errors.AsType[*failure](err); err == nil || answered {
			return err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			reasons = append(reasons, withoutURL(err))
		}
	}
	switch err := inOneLine(reasons); {
	case err == nil:
		return failf(exitUnavailable, "no daemon answers: no control socket at %s (is it running? systemctl status shipper)", strings.Join(sockets, " or "))
	case errors.Is(err, fs.ErrPermission):
		return failf(exitUnavailable, "the daemon may not be asked: %w (its socket is for root and for its group: sudo, or usermod -aG shipper USER and log in again)", err)
	default:
		return failf(exitUnavailable, "no daemon answers: %w (is it running? systemctl status shipper)", err)
	}
}

// inOneLine joins errors for a message that goes on behind them; nil for none.
func inOneLine(errs []error) error {
	var all error
	for _, err := range errs {
		if all == nil {
			all = err
		} else {
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}

// withoutURL leaves out the made-up address of a request over a socket.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
